package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/stripe/stripe-go/v76"
)

const maxEndpointPages = 10

// WebhookEndpoint is where Stripe sends events, after EnsureWebhook.
type WebhookEndpoint struct {
	ID, URL string
	// Secret signs the events. Stripe shows it once, so it is only set when the endpoint was
	// created just now, and must be kept then.
	Secret string
	Note   string // what was done, in a sentence for people
}

// WantedEvents are the events that Trak subscribes to; docs/stripe-events.md says what each is for.
func WantedEvents() []string {
	return []string{
		"checkout.session.completed",
		"checkout.session.async_payment_succeeded",
		"checkout.session.async_payment_failed",
		"checkout.session.expired",
		"payment_intent.succeeded",
		"payment_intent.processing",
		"payment_intent.payment_failed",
		"payment_intent.canceled",
		"charge.succeeded",
		"charge.failed",
		"charge.pending",
		"charge.updated",
		"charge.refunded",
		"charge.refund.updated",
		"refund.created",
		"refund.updated",
		"charge.dispute.created",
		"charge.dispute.updated",
		"charge.dispute.closed",
		"charge.dispute.funds_withdrawn",
		"charge.dispute.funds_reinstated",
		"radar.early_fraud_warning.created",
		"radar.early_fraud_warning.updated",
		"review.opened",
		"review.closed",
		"payment_link.updated",
		"payout.created",
		"payout.updated",
		"payout.paid",
		"payout.failed",
		"payout.canceled",
		"payout.reconciliation_completed",
		"account.updated",
		"account.application.deauthorized",
		"account.external_account.created",
		"account.external_account.updated",
		"account.external_account.deleted",
		"capability.updated",
		"person.created",
		"person.updated",
		"person.deleted",
	}
}

// EnsureWebhook makes sure that one endpoint sends the wanted events of the accounts that are
// paid to url, in the API version of this package. Missing events and a disabled endpoint are mended.
// What can't be changed (the version, whether it is for connected accounts) or is lost
// (haveSecret false) is replaced: the new endpoint is made before the old ones are deleted,
// so that no event falls between them. It may be repeated.
func (c *Client) EnsureWebhook(ctx context.Context, url string, haveSecret bool) (WebhookEndpoint, error) {
	const op = "ensure webhook endpoint"
	existing, err := c.endpointsAt(ctx, url)
	if err != nil {
		return WebhookEndpoint{}, c.fail(op, err)
	}
	if haveSecret {
		if i := slices.IndexFunc(existing, c.usable); i >= 0 {
			endpoint, err := c.mendEndpoint(ctx, existing[i])
			if err != nil {
				return WebhookEndpoint{}, c.fail(op, err)
			}
			if others := len(existing) - 1; others > 0 {
				endpoint.Note += fmt.Sprintf(" Stripe has %d more with the same address; remove those that you did not make on purpose.", others)
			}
			return endpoint, nil
		}
	}
	created, err := c.createEndpoint(ctx, url)
	if err != nil {
		return WebhookEndpoint{}, c.fail(op, err)
	}
	// From here on the secret must reach the caller, whatever else fails.
	created.Note = "Created the webhook endpoint."
	if len(existing) > 0 {
		created.Note = "Created a new webhook endpoint and removed the old one."
	}
	for _, old := range existing {
		params, err := onPlatform(ctx, "")
		if err == nil {
			_, err = c.api.WebhookEndpoints.Del(old.ID, &stripe.WebhookEndpointParams{Params: params})
		}
		if err != nil && !gone(err) {
			_ = c.fail("delete old webhook endpoint", err)
			created.Note = fmt.Sprintf("Created a new webhook endpoint, but the old one (%s) could not be removed; remove it in Stripe's dashboard.", old.ID)
		}
	}
	return created, nil
}

func (c *Client) endpointsAt(ctx context.Context, url string) ([]*stripe.WebhookEndpoint, error) {
	var found []*stripe.WebhookEndpoint
	p := &stripe.WebhookEndpointListParams{ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(pageSize)}}
	all, err := pages[stripe.WebhookEndpoint](&p.ListParams, maxEndpointPages, func() (*stripe.APIResponse, error) {
		it := c.api.WebhookEndpoints.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.WebhookEndpointList().LastResponse, nil
	})
	for i := range all {
		if all[i].URL == url {
			found = append(found, &all[i])
		}
	}
	return found, err
}

// WebhookState is how the endpoint for an address stands at Stripe. Of several, it is the best.
type WebhookState struct {
	ID         string // "" = there is none
	Enabled    bool
	Foreign    bool // it is for connected accounts where the key's own is paid, or the other way round
	APIVersion string
	Missing    []string // events that Trak wants and the endpoint does not send
	Others     int      // further endpoints with the same address
}

// APIVersion is the one that this package speaks, and that endpoints must send events in.
const APIVersion = stripe.APIVersion

// Right says that nothing needs to be done about the endpoint.
func (s WebhookState) Right() bool {
	return s.ID != "" && s.Enabled && !s.Foreign && s.APIVersion == APIVersion && len(s.Missing) == 0
}

// CheckWebhook looks at the endpoints that send events to url, and changes nothing.
func (c *Client) CheckWebhook(ctx context.Context, url string) (WebhookState, error) {
	existing, err := c.endpointsAt(ctx, url)
	if err != nil {
		return WebhookState{}, c.fail("check webhook endpoint", err)
	}
	if len(existing) == 0 {
		return WebhookState{}, nil
	}
	best := c.stateOf(existing[0])
	for _, e := range existing[1:] {
		if s := c.stateOf(e); !best.Right() && (s.Right() || c.usable(e)) {
			best = s
		}
	}
	best.Others = len(existing) - 1
	return best, nil
}

func (c *Client) stateOf(e *stripe.WebhookEndpoint) WebhookState {
	return WebhookState{
		ID: e.ID, Enabled: e.Status == "enabled", Foreign: ofConnect(e) == c.own,
		APIVersion: e.APIVersion, Missing: missingEvents(e),
	}
}

// ofConnect reports whether an endpoint is for connected accounts. Stripe shows it by the
// application's id; those that we made also say it themselves.
func ofConnect(e *stripe.WebhookEndpoint) bool {
	return e.Application != "" || e.Metadata[metaConnect] == "true"
}

// usable reports whether an endpoint is right in what can't be changed.
func (c *Client) usable(e *stripe.WebhookEndpoint) bool {
	return ofConnect(e) != c.own && e.APIVersion == stripe.APIVersion
}

// missingEvents are those that Trak wants and the endpoint does not send.
func missingEvents(e *stripe.WebhookEndpoint) (missing []string) {
	if slices.Contains(e.EnabledEvents, "*") {
		return nil
	}
	for _, event := range WantedEvents() {
		if !slices.Contains(e.EnabledEvents, event) {
			missing = append(missing, event)
		}
	}
	return missing
}

func (c *Client) mendEndpoint(ctx context.Context, e *stripe.WebhookEndpoint) (WebhookEndpoint, error) {
	missing := missingEvents(e)
	disabled := e.Status != "enabled"
	endpoint := WebhookEndpoint{ID: e.ID, URL: e.URL, Note: "The webhook endpoint is as it should be."}
	if len(missing) == 0 && !disabled {
		return endpoint, nil
	}
	params, err := onPlatform(ctx, "")
	if err != nil {
		return WebhookEndpoint{}, err
	}
	p := &stripe.WebhookEndpointParams{Params: params}
	endpoint.Note = ""
	if len(missing) > 0 {
		p.EnabledEvents = stripe.StringSlice(append(slices.Clone(e.EnabledEvents), missing...))
		endpoint.Note = fmt.Sprintf("Added %d missing events to the webhook endpoint.", len(missing))
	}
	if disabled {
		p.Disabled = stripe.Bool(false)
		endpoint.Note += " Enabled the webhook endpoint again; events from before are not sent later."
	}
	if _, err := c.api.WebhookEndpoints.Update(e.ID, p); err != nil {
		return WebhookEndpoint{}, err
	}
	return endpoint, nil
}

func (c *Client) createEndpoint(ctx context.Context, url string) (WebhookEndpoint, error) {
	params, err := onPlatform(ctx, "")
	if err != nil {
		return WebhookEndpoint{}, err
	}
	description := "Trak: payments of connected accounts"
	if c.own {
		description = "Trak: payments"
	}
	e, err := c.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		Params:        params,
		URL:           &url,
		Connect:       stripe.Bool(!c.own),
		APIVersion:    stripe.String(stripe.APIVersion),
		EnabledEvents: stripe.StringSlice(WantedEvents()),
		Description:   &description,
		Metadata:      map[string]string{metaInstall: c.install, metaConnect: strconv.FormatBool(!c.own)},
	})
	if err != nil {
		return WebhookEndpoint{}, err
	}
	if e.Secret == "" {
		return WebhookEndpoint{}, unexpected(errors.New("the new webhook endpoint has no secret"))
	}
	return WebhookEndpoint{ID: e.ID, URL: e.URL, Secret: e.Secret}, nil
}
