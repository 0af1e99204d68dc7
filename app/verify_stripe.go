package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"time"

	"trak/billing"
	"trak/connect"
	"trak/db"
)

// AccountReport is what was compared on one Stripe account. The counts are Stripe's.
type AccountReport struct {
	Workspace string          `json:"workspace"` // slug
	Account   string          `json:"account"`
	Charges   int             `json:"charges"`
	Refunds   int             `json:"refunds"`
	Disputes  int             `json:"disputes"`
	Payouts   int             `json:"payouts"`
	Warnings  int             `json:"warnings"` // early fraud warnings
	Reviews   int             `json:"reviews"`  // open ones: Stripe lists no others
	Earlier   int             `json:"earlier"`  // from before Trak was connected, and not here
	Balances  []BalanceReport `json:"balances"`
	// Lacks is why early fraud warnings and reviews were left out: a restricted key may not read
	// them, and payments don't need them. "" = they were compared.
	Lacks string `json:"lacks,omitempty"`
	// Unreadable is why Stripe could not be asked; "" = it was.
	Unreadable string `json:"unreadable,omitempty"`
}

const (
	// secondLook is how long what differs is left alone before it is looked at once more: an
	// event may have been on its way.
	secondLook = time.Second
	// stripeTries is how often a read of Stripe's that may pass is tried, with a pause between
	// of one second, and twice as long each time.
	stripeTries = 4
)

// chooseAccounts lists the accounts of a workspace that Stripe is asked about: all in the key's
// mode that it has access to.
func (v *verifier) chooseAccounts(ctx context.Context, w db.Workspace) error {
	if v.o.Stripe == nil || w.DeletedAt > 0 { // of a deleted one nothing is read from Stripe any more
		return nil
	}
	rows, err := v.q.AccountsOfWorkspace(ctx, db.AccountsOfWorkspaceParams{WorkspaceID: w.ID, Livemode: v.o.Stripe.Livemode()})
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	for _, row := range rows {
		if row.DeauthorizedAt == 0 && (row.Type == ownType) == v.o.Own {
			v.accounts = append(v.accounts, row)
		}
	}
	return nil
}

// stripe compares each account. What differs is looked at a second time: only what differs both
// times is reported.
func (v *verifier) stripe(ctx context.Context) error {
	v.report.Accounts = []AccountReport{}
	for _, account := range v.accounts {
		v.step(v.slugs[account.WorkspaceID] + " at Stripe")
		c, err := v.compare(ctx, account)
		if err == nil && len(c.found) > 0 {
			select {
			case <-time.After(secondLook):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			before := c.found
			if c, err = v.compare(ctx, account); err == nil {
				c.keep(before)
			}
		}
		if connect.IsAccountGone(err) {
			c.report.Unreadable = "Stripe gives no access to the account any more"
		} else if err != nil {
			return fmt.Errorf("compare account %s with Stripe: %w", *account.StripeAccountID, err)
		}
		v.report.Accounts = append(v.report.Accounts, c.report)
		v.report.Differences = append(v.report.Differences, c.found...)
	}
	return nil
}

// comparison is of one account.
type comparison struct {
	account db.Account
	acct    string
	theirs  atStripe
	ours    here
	report  AccountReport
	found   []Difference
}

// atStripe is all that Stripe has of an account, by id.
type atStripe struct {
	charges      map[string]billing.Charge
	refunds      map[string]billing.Refund
	disputes     map[string]billing.Dispute
	payouts      map[string]billing.Payout
	transactions map[string]billing.Transaction
	warnings     map[string]billing.Alert
	reviews      map[string]billing.Alert // open ones
	balance      connect.Balance
	lacks        string // why there are no warnings or reviews
}

// here is all that Trak holds of it.
type here struct {
	charges      map[string]billing.Charge
	refunds      map[string]billing.Refund
	disputes     map[string]billing.Dispute
	payouts      map[string]billing.Payout
	transactions map[string]billing.Transaction
	warnings     map[string]billing.Alert
	reviews      map[string]billing.Alert
	invoiced     map[string]bool // charges that paid invoices
	until        int64           // all movements that were made before have been read
}

func hereOf() here {
	return here{
		charges: map[string]billing.Charge{}, refunds: map[string]billing.Refund{}, disputes: map[string]billing.Dispute{},
		payouts: map[string]billing.Payout{}, transactions: map[string]billing.Transaction{},
		warnings: map[string]billing.Alert{}, reviews: map[string]billing.Alert{}, invoiced: map[string]bool{},
	}
}

// alerts are the warnings and the reviews.
func (h *here) alerts() map[string]billing.Alert {
	all := maps.Clone(h.warnings)
	maps.Copy(all, h.reviews)
	return all
}

// compare reads Stripe, then the rows, so that what has come meanwhile is here and only what
// changed at Stripe meanwhile can seem to differ.
func (v *verifier) compare(ctx context.Context, account db.Account) (*comparison, error) {
	c := &comparison{account: account, acct: *account.StripeAccountID}
	c.report = AccountReport{Workspace: v.slugs[account.WorkspaceID], Account: c.acct, Balances: []BalanceReport{}}
	var err error
	if c.theirs, err = listAtStripe(ctx, v.o.Stripe, c.acct); err != nil {
		return c, err
	}
	err = v.db.View(ctx, db.Scope(account.WorkspaceID), func(q *db.Queries) error {
		c.ours = hereOf()
		if err := c.ours.facts(ctx, q, account); err != nil {
			return err
		}
		return c.ours.movements(ctx, q, account)
	})
	if err != nil {
		return c, err
	}
	c.report.Charges, c.report.Refunds = len(c.theirs.charges), len(c.theirs.refunds)
	c.report.Disputes, c.report.Payouts = len(c.theirs.disputes), len(c.theirs.payouts)
	match(c, "charge", c.theirs.charges, c.ours.charges, tellCharge, func(f billing.Charge) int64 { return f.CreatedAt })
	match(c, "refund", c.theirs.refunds, c.ours.refunds, tellRefund, func(f billing.Refund) int64 { return f.CreatedAt })
	match(c, "dispute", c.theirs.disputes, c.ours.disputes, tellDispute, func(f billing.Dispute) int64 { return f.CreatedAt })
	match(c, "payout", c.theirs.payouts, c.ours.payouts, tellPayout, func(f billing.Payout) int64 { return f.CreatedAt })
	if c.report.Lacks = c.theirs.lacks; c.report.Lacks == "" {
		c.alerts()
	}
	c.balances()
	return c, nil
}

// alerts compares warnings, and reviews as far as Stripe lists them: one that is not among its open
// ones must be closed here as well.
func (c *comparison) alerts() {
	c.report.Warnings, c.report.Reviews = len(c.theirs.warnings), len(c.theirs.reviews)
	match(c, "alert", c.theirs.warnings, c.ours.warnings, tellAlert, func(f billing.Alert) int64 { return f.CreatedAt })
	listed := map[string]billing.Alert{}
	for id, our := range c.ours.reviews {
		if _, open := c.theirs.reviews[id]; open {
			listed[id] = our
		} else if !our.Closed {
			c.differ("alert", id, "is no open review at Stripe; here it is %s", tellAlert(our))
		}
	}
	match(c, "alert", c.theirs.reviews, listed, tellAlert, func(f billing.Alert) int64 { return f.CreatedAt })
}

func (c *comparison) differ(kind, id, format string, args ...any) {
	c.found = append(c.found, Difference{Workspace: c.report.Workspace, Kind: kind, ID: id, What: fmt.Sprintf(format, args...)})
}

// keep leaves of what differs only what differed before as well.
func (c *comparison) keep(before []Difference) {
	was := map[[2]string]bool{}
	for _, d := range before {
		was[[2]string{d.Kind, d.ID}] = true
	}
	all := c.found
	c.found = nil
	for _, d := range all {
		if was[[2]string{d.Kind, d.ID}] {
			c.found = append(c.found, d)
		}
	}
}

// match compares one kind of object both ways. tell says of an object what must be the same.
func match[F any](c *comparison, kind string, theirs, ours map[string]F, tell func(F) string, created func(F) int64) {
	for id, their := range theirs {
		our, known := ours[id]
		switch {
		case known && tell(our) != tell(their):
			c.differ(kind, id, "is %s at Stripe, and %s here", tell(their), tell(our))
		case !known && created(their) < c.account.ConnectedAt-time.Second.Microseconds():
			c.report.Earlier++ // Stripe counts full seconds
		case !known:
			c.differ(kind, id, "is missing here; at Stripe it is %s", tell(their))
		}
	}
	for id, our := range ours {
		if _, known := theirs[id]; !known {
			c.differ(kind, id, "is not known to Stripe; here it is %s", tell(our))
		}
	}
}

func tellCharge(f billing.Charge) string {
	intent := f.IntentID
	if intent == f.ID {
		intent = "" // it has none at Stripe
	}
	return fmt.Sprintf("%s, %d of %d %s by %s, of payment %s, made at %s", billing.ChargeWord(f.Rank), f.Captured, f.Amount, f.Currency,
		strings.Join([]string{f.Method, f.Brand, f.Last4}, " "), intent, utc(f.CreatedAt))
}

func tellRefund(f billing.Refund) string {
	return fmt.Sprintf("%s, %d %s, of charge %s and payment %s, made at %s, %s %s", billing.RefundWord(f.Rank), f.Amount, f.Currency, f.ChargeID, f.IntentID, utc(f.CreatedAt), f.Reason, f.FailureReason)
}

func tellDispute(f billing.Dispute) string {
	return fmt.Sprintf("%s, %d %s, of charge %s and payment %s, made at %s, %s, with %d withdrawn, %d reinstated and a fee of %d, evidence by %s, submitted %d times",
		billing.DisputeWord(f.Rank), f.Amount, f.Currency, f.ChargeID, f.IntentID, utc(f.CreatedAt), f.Reason, f.Withdrawn, f.Reinstated, f.Fee, utc(f.DueBy), f.Submissions)
}

func tellPayout(f billing.Payout) string {
	how := "manual"
	if f.Automatic {
		how = "automatic"
	}
	return fmt.Sprintf("%s, %d %s, %s, made at %s %s %s", billing.PayoutWord(f.Rank), f.Amount, f.Currency, how, utc(f.CreatedAt), f.FailureCode, f.FailureMessage)
}

func utc(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z")
}

func tellAlert(f billing.Alert) string {
	state := "open"
	if f.Closed {
		state = "closed"
	}
	return fmt.Sprintf("%s, %s, of charge %s and payment %s, made at %s, %s", strings.ReplaceAll(f.Kind, "_", " "), state, f.ChargeID, f.IntentID, utc(f.CreatedAt), f.Reason)
}

func listAtStripe(ctx context.Context, s *connect.Client, account string) (a atStripe, err error) {
	at := time.Now().UnixMicro() // of a decision or a refunded sum that the lists tell; neither is compared
	a.balance, err = patientRead(ctx, func() (connect.Balance, error) { return s.Balance(ctx, account) })
	if err != nil {
		return a, err
	}
	for _, read := range []func() error{
		func() (err error) {
			a.transactions, err = wholeList(ctx, func(until int64) iter.Seq2[billing.Transaction, error] { return s.Transactions(ctx, account, 0, until) },
				func(f billing.Transaction) (string, int64) { return f.ID, f.CreatedAt })
			return err
		},
		func() (err error) {
			a.charges, err = wholeList(ctx, func(until int64) iter.Seq2[billing.Charge, error] { return s.Charges(ctx, account, 0, until, at) },
				func(f billing.Charge) (string, int64) { return f.ID, f.CreatedAt })
			return err
		},
		func() (err error) {
			a.refunds, err = wholeList(ctx, func(until int64) iter.Seq2[billing.Refund, error] { return s.Refunds(ctx, account, 0, until) },
				func(f billing.Refund) (string, int64) { return f.ID, f.CreatedAt })
			return err
		},
		func() (err error) {
			a.disputes, err = wholeList(ctx, func(until int64) iter.Seq2[billing.Dispute, error] { return s.Disputes(ctx, account, 0, until, at) },
				func(f billing.Dispute) (string, int64) { return f.ID, f.CreatedAt })
			return err
		},
		func() (err error) {
			a.payouts, err = wholeList(ctx, func(until int64) iter.Seq2[billing.Payout, error] { return s.Payouts(ctx, account, 0, until) },
				func(f billing.Payout) (string, int64) { return f.ID, f.CreatedAt })
			return err
		},
	} {
		if err := read(); err != nil {
			return a, err
		}
	}
	if err := a.listAlerts(ctx, s, account); connect.IsForbidden(err) {
		a.lacks = connect.UserMessage(err)
	} else if err != nil {
		return a, err
	}
	return a, nil
}

func (a *atStripe) listAlerts(ctx context.Context, s *connect.Client, account string) (err error) {
	key := func(f billing.Alert) (string, int64) { return f.ID, f.CreatedAt }
	a.warnings, err = wholeList(ctx, func(until int64) iter.Seq2[billing.Alert, error] { return s.EarlyFraudWarnings(ctx, account, 0, until) }, key)
	if err != nil {
		return err
	}
	a.reviews, err = wholeList(ctx, func(until int64) iter.Seq2[billing.Alert, error] { return s.OpenReviews(ctx, account, 0, until) }, key)
	return err
}

// wholeList reads a list of any length, newest first: one that is too long for one go is gone on
// with from the second in which it broke off.
func wholeList[F any](ctx context.Context, list func(until int64) iter.Seq2[F, error], key func(F) (id string, created int64)) (map[string]F, error) {
	all := map[string]F{}
	for until := int64(0); ; {
		oldest, err := patientRead(ctx, func() (oldest int64, err error) {
			for f, err := range list(until) {
				if err != nil {
					return oldest, err
				}
				id, created := key(f)
				all[id], oldest = f, created
			}
			return oldest, nil
		})
		if !connect.IsTooLong(err) {
			return all, err
		}
		next := oldest + time.Second.Microseconds()
		if until > 0 && next >= until {
			return all, err // that many in one second
		}
		until = next
	}
}

// patientRead tries a read again while Stripe is away, busy or slow.
func patientRead[T any](ctx context.Context, read func() (T, error)) (T, error) {
	for try, pause := 1, time.Second; ; try, pause = try+1, 2*pause {
		v, err := read()
		var e *connect.Error
		if err == nil || !errors.As(err, &e) || !e.Temporary() || try == stripeTries {
			return v, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return v, context.Cause(ctx)
		}
	}
}

// facts adds what is stored of an account.
func (h *here) facts(ctx context.Context, q *db.Queries, account db.Account) error {
	w, acct := account.WorkspaceID, *account.StripeAccountID
	charges, err := q.ChargesOfAccount(ctx, db.ChargesOfAccountParams{WorkspaceID: w, StripeAccountID: acct, Livemode: account.Livemode})
	if err != nil {
		return fmt.Errorf("read charges: %w", err)
	}
	for _, r := range charges {
		h.charges[r.ChargeID] = chargeOf(r)
	}
	refunds, err := q.RefundsOfAccount(ctx, db.RefundsOfAccountParams{WorkspaceID: w, StripeAccountID: acct, Livemode: account.Livemode})
	if err != nil {
		return fmt.Errorf("read refunds: %w", err)
	}
	for _, r := range refunds {
		h.refunds[r.RefundID] = refundOf(r)
	}
	disputes, err := q.DisputesOfAccount(ctx, db.DisputesOfAccountParams{WorkspaceID: w, StripeAccountID: acct, Livemode: account.Livemode})
	if err != nil {
		return fmt.Errorf("read disputes: %w", err)
	}
	for _, r := range disputes {
		h.disputes[r.DisputeID] = disputeOf(r)
	}
	payouts, err := q.PayoutsOfAccount(ctx, db.PayoutsOfAccountParams{WorkspaceID: w, StripeAccountID: acct, Livemode: account.Livemode})
	if err != nil {
		return fmt.Errorf("read payouts: %w", err)
	}
	for _, r := range payouts {
		h.payouts[r.PayoutID] = payoutOf(r)
	}
	alerts, err := q.AlertsOfAccount(ctx, db.AlertsOfAccountParams{WorkspaceID: w, StripeAccountID: acct, Livemode: account.Livemode})
	if err != nil {
		return fmt.Errorf("read alerts: %w", err)
	}
	for _, r := range alerts {
		if r.Kind == billing.AlertReview {
			h.reviews[r.AlertID] = alertOf(r)
		} else {
			h.warnings[r.AlertID] = alertOf(r)
		}
	}
	return nil
}

// movements adds the account's balance transactions, and which of its charges paid invoices.
func (h *here) movements(ctx context.Context, q *db.Queries, account db.Account) error {
	w, acct := account.WorkspaceID, *account.StripeAccountID
	transactions, err := q.TransactionsOfAccount(ctx, db.TransactionsOfAccountParams{WorkspaceID: w, StripeAccountID: acct, Livemode: account.Livemode})
	if err != nil {
		return fmt.Errorf("read balance transactions: %w", err)
	}
	for _, r := range transactions {
		h.transactions[r.TransactionID] = transactionOf(r)
	}
	invoiced, err := q.InvoicedCharges(ctx, db.InvoicedChargesParams{WorkspaceID: w, StripeAccountID: acct})
	if err != nil {
		return fmt.Errorf("read which charges paid invoices: %w", err)
	}
	for _, id := range invoiced {
		h.invoiced[id] = true
	}
	cursor, err := q.BalanceRead(ctx, db.BalanceReadParams{WorkspaceID: w, StripeAccountID: acct})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read how far the balance was read: %w", err)
	}
	h.until = cursor - syncOverlap.Microseconds()
	return nil
}
