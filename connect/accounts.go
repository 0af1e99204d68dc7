package connect

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/stripe/stripe-go/v76"
)

// maxAccountPages bounds the search for an account that a lost answer left behind.
const maxAccountPages = 100

// Account is a connected account as Stripe describes it. The lists of requirements hold
// Stripe's keys; RequirementLabel puts one into people's words.
type Account struct {
	ID, Type, Country, DefaultCurrency, Email        string
	ChargesEnabled, PayoutsEnabled, DetailsSubmitted bool

	CurrentlyDue, PastDue, EventuallyDue, PendingVerification []string
	RequirementErrors                                         []RequirementError
	DisabledReason                                            string
	Deadline                                                  int64 // for what is due now, microseconds, 0 = none
	FutureDue                                                 []string
	FutureDeadline                                            int64 // microseconds, 0 = none

	Capabilities map[string]string // card_payments -> active, pending, inactive, …
	Livemode     bool
	WorkspaceID  string // of our metadata: a hint, never a proof
}

// RequirementError is why Stripe did not accept something that was given.
type RequirementError struct {
	Code        string `json:"code"`
	Reason      string `json:"reason"` // a sentence of Stripe's for people
	Requirement string `json:"requirement"`
}

// Stage is where an account stands on its way to taking payments.
type Stage string

// Stages of an account. That there is none, or that it was disconnected, only the
// workspace's own row knows.
const (
	StageOnboarding     Stage = "onboarding"      // its owner has not handed in the form yet
	StageActionRequired Stage = "action_required" // Stripe waits for something
	StagePending        Stage = "pending"         // Stripe is reviewing
	StagePaymentsOnly   Stage = "payments_only"   // takes payments, pays nothing out
	StageActive         Stage = "active"
	StageRejected       Stage = "rejected" // final; only Stripe's support can tell more
)

// Stage derives the stage from the account's fields alone; the first rule that applies wins.
func (a Account) Stage() Stage {
	switch {
	case strings.HasPrefix(a.DisabledReason, "rejected."):
		return StageRejected
	case !a.DetailsSubmitted:
		return StageOnboarding
	case len(a.CurrentlyDue) > 0 || len(a.PastDue) > 0:
		return StageActionRequired
	case !a.ChargesEnabled:
		return StagePending
	case !a.PayoutsEnabled:
		return StagePaymentsOnly
	}
	return StageActive
}

// CanTakePayments reports whether a payment link can be made on the account. Some old
// accounts don't list the capability; charges_enabled is what Stripe goes by.
func (a Account) CanTakePayments() bool {
	card, listed := a.Capabilities["card_payments"]
	return a.ChargesEnabled && (!listed || card == "active")
}

// Types of accounts. With an express one the platform stands for negative balances and
// Stripe's express dashboard is small; a standard one is a full account of its owner's.
const (
	Express  = "express"
	Standard = "standard"
)

// NewAccount describes the account to create for a workspace.
type NewAccount struct {
	WorkspaceID string
	Type        string // Express or Standard
	Country     string // ISO 3166-1 alpha-2; Stripe never changes it afterwards
	Email       string // may be empty
	Name        string // of the business, may be empty
	Attempt     string // names the intention, stored before the first call: FindAccount goes by it
	Key         string // idempotency key of this call
}

// CreateAccount creates an account that can take cards and receive payouts. This is the one
// place that knows how accounts are made. Its metadata names installation, workspace and
// attempt, for FindAccount.
func (c *Client) CreateAccount(ctx context.Context, n NewAccount) (Account, error) {
	const op = "create account"
	params, err := onPlatform(ctx, n.Key)
	if err != nil {
		return Account{}, c.fail(op, err)
	}
	if n.Key == "" || n.Attempt == "" {
		return Account{}, c.fail(op, invalid("the idempotency key is missing"))
	}
	p := &stripe.AccountParams{
		Params:   params,
		Type:     &n.Type,
		Country:  stripe.String(strings.ToUpper(n.Country)),
		Email:    optional(n.Email),
		Metadata: map[string]string{metaInstall: c.install, metaWorkspace: n.WorkspaceID, metaAttempt: n.Attempt},
	}
	if n.Type == Express { // a standard account has its own, and Stripe refuses to be asked for them
		p.Capabilities = &stripe.AccountCapabilitiesParams{ // neither is granted without the other
			CardPayments: &stripe.AccountCapabilitiesCardPaymentsParams{Requested: stripe.Bool(true)},
			Transfers:    &stripe.AccountCapabilitiesTransfersParams{Requested: stripe.Bool(true)},
		}
	}
	if n.Name != "" {
		p.BusinessProfile = &stripe.AccountBusinessProfileParams{Name: &n.Name}
	}
	a, err := c.api.Accounts.New(p)
	if err != nil {
		return Account{}, c.fail(op, err)
	}
	return c.account(op, a)
}

// FindAccount looks for the account that an earlier CreateAccount of this attempt made without
// its answer arriving. It is for keys that Stripe has forgotten (after 24 h) and for those that
// a failure has used up (KeySpent): otherwise creating again with the same key is exact.
func (c *Client) FindAccount(ctx context.Context, workspaceID, attempt string) (Account, bool, error) {
	const op = "find account"
	p := &stripe.AccountListParams{ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(pageSize)}}
	accounts, err := pages[accountObject](&p.ListParams, maxAccountPages, func() (*stripe.APIResponse, error) {
		it := c.api.Accounts.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.AccountList().LastResponse, nil
	})
	if err != nil {
		return Account{}, false, c.fail(op, err)
	}
	for _, a := range accounts {
		if a.Metadata[metaInstall] == c.install && a.Metadata[metaWorkspace] == workspaceID && a.Metadata[metaAttempt] == attempt {
			return a.account(c.livemode), true, nil
		}
	}
	return Account{}, false, nil
}

// Account reads an account that is paid. IsAccountGone tells from the error that it was
// disconnected.
func (c *Client) Account(ctx context.Context, id string) (Account, error) {
	const op = "read account"
	if !plainID(id) {
		return Account{}, c.fail(op, invalid("the account id is missing or malformed"))
	}
	if c.own {
		own, err := c.OwnAccount(ctx)
		if err == nil && own.ID != id {
			return Account{}, c.fail(op, unexpected(errors.New("the key is of another account")))
		}
		return own, err
	}
	a, err := c.api.Accounts.GetByID(id, &stripe.AccountParams{Params: stripe.Params{Context: ctx}})
	if err != nil {
		return Account{}, c.fail(op, err)
	}
	return c.account(op, a)
}

// OwnAccount reads the account that the key belongs to. A restricted key may not be allowed
// to: see IsForbidden.
func (c *Client) OwnAccount(ctx context.Context) (Account, error) {
	const op = "read own account"
	var a stripe.Account
	// The library's own method for it takes no context.
	params := &stripe.AccountParams{Params: stripe.Params{Context: ctx}}
	if err := c.api.Accounts.B.Call(http.MethodGet, "/v1/account", c.api.Accounts.Key, params, &a); err != nil {
		return Account{}, c.fail(op, err)
	}
	return c.account(op, &a)
}

// OnboardingLink makes the address where the account's owner gives Stripe what it needs. It
// works once and for five minutes, so it is made on the click and never stored. Stripe sends
// the person to refreshURL when it was used up, and to returnURL when they leave, finished
// or not.
func (c *Client) OnboardingLink(ctx context.Context, id, refreshURL, returnURL string) (string, error) {
	const op = "create onboarding link"
	params, err := onPlatform(ctx, "")
	if err != nil {
		return "", c.fail(op, err)
	}
	if !plainID(id) {
		return "", c.fail(op, invalid("the account id is missing or malformed"))
	}
	link, err := c.api.AccountLinks.New(&stripe.AccountLinkParams{
		Params:     params,
		Account:    &id,
		Type:       stripe.String("account_onboarding"), // account_update is not for Express
		RefreshURL: &refreshURL,
		ReturnURL:  &returnURL,
		CollectionOptions: &stripe.AccountLinkCollectionOptionsParams{
			Fields:             stripe.String("eventually_due"),
			FutureRequirements: stripe.String("include"),
		},
	})
	if err == nil && link.URL == "" {
		err = unexpected(errNoURL)
	}
	if err != nil {
		return "", c.fail(op, err)
	}
	return link.URL, nil
}

var errNoURL = errors.New("the answer has no url")

// DashboardLink makes a single-use address of the account's Express dashboard. Stripe refuses
// it before the account has submitted its details.
func (c *Client) DashboardLink(ctx context.Context, id string) (string, error) {
	const op = "create dashboard link"
	params, err := onPlatform(ctx, "")
	if err != nil {
		return "", c.fail(op, err)
	}
	if !plainID(id) {
		return "", c.fail(op, invalid("the account id is missing or malformed"))
	}
	link, err := c.api.LoginLinks.New(&stripe.LoginLinkParams{Params: params, Account: &id})
	if err == nil && link.URL == "" {
		err = unexpected(errNoURL)
	}
	if err != nil {
		return "", c.fail(op, err)
	}
	return link.URL, nil
}

func (c *Client) account(op string, a *stripe.Account) (Account, error) {
	var o accountObject
	if err := decode(a.LastResponse, &o); err != nil {
		return Account{}, c.fail(op, err)
	}
	if o.ID == "" {
		return Account{}, c.fail(op, unexpected(errors.New("the account has no id")))
	}
	return o.account(c.livemode), nil
}

// accountObject is the JSON of an account. Reasons and capabilities stay strings: the SDK's
// lists of them are incomplete.
type accountObject struct {
	ID               string            `json:"id"`
	Type             string            `json:"type"`
	Country          string            `json:"country"`
	DefaultCurrency  string            `json:"default_currency"`
	Email            string            `json:"email"`
	ChargesEnabled   bool              `json:"charges_enabled"`
	PayoutsEnabled   bool              `json:"payouts_enabled"`
	DetailsSubmitted bool              `json:"details_submitted"`
	Capabilities     map[string]string `json:"capabilities"`
	Metadata         map[string]string `json:"metadata"`
	Requirements     struct {
		CurrentlyDue        []string           `json:"currently_due"`
		PastDue             []string           `json:"past_due"`
		EventuallyDue       []string           `json:"eventually_due"`
		PendingVerification []string           `json:"pending_verification"`
		Errors              []RequirementError `json:"errors"`
		DisabledReason      string             `json:"disabled_reason"`
		CurrentDeadline     seconds            `json:"current_deadline"`
	} `json:"requirements"`
	FutureRequirements struct {
		CurrentlyDue    []string `json:"currently_due"`
		CurrentDeadline seconds  `json:"current_deadline"`
	} `json:"future_requirements"`
}

// account takes the mode from the key, because an account object does not carry it.
func (o accountObject) account(livemode bool) Account {
	return Account{
		ID: o.ID, Type: o.Type, Country: o.Country, DefaultCurrency: o.DefaultCurrency, Email: o.Email,
		ChargesEnabled: o.ChargesEnabled, PayoutsEnabled: o.PayoutsEnabled, DetailsSubmitted: o.DetailsSubmitted,
		CurrentlyDue: o.Requirements.CurrentlyDue, PastDue: o.Requirements.PastDue,
		EventuallyDue: o.Requirements.EventuallyDue, PendingVerification: o.Requirements.PendingVerification,
		RequirementErrors: o.Requirements.Errors, DisabledReason: o.Requirements.DisabledReason,
		Deadline:  o.Requirements.CurrentDeadline.micros(),
		FutureDue: o.FutureRequirements.CurrentlyDue, FutureDeadline: o.FutureRequirements.CurrentDeadline.micros(),
		Capabilities: o.Capabilities, Livemode: livemode, WorkspaceID: o.Metadata[metaWorkspace],
	}
}
