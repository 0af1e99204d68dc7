package connect

import (
	"context"
	"errors"
	"fmt"

	"github.com/stripe/stripe-go/v76"
)

const (
	maxPricePages   = 2
	maxLinkPages    = 50  // looked through for one whose creation got no answer
	maxOpenSessions = 900 // of one link, expired in one go; the next try goes on
)

// LinkRequest is one Payment Link to make for exactly the amount due. The same request, made
// again, leads to the same objects.
type LinkRequest struct {
	Account         string // whose charge it will be
	InvoiceID       string
	LinkID          string // id of our own row
	Number          string // of the invoice: the client sees "Invoice INV-0042"
	Description     string // may be empty
	Revision        int64  // counts the links of one part of an invoice
	Amount          int64  // Stripe's minor units of Currency
	Currency        string // ISO 4217, lower case
	ReturnURL       string // where Stripe sends the client after paying
	InactiveMessage string // shown on a link that was closed
	Key             string // idempotency key, stored before the first call
}

// Link is a Payment Link at Stripe.
type Link struct {
	ID, URL string
	Active  bool
}

func (c *Client) metadata(r LinkRequest) map[string]string {
	return map[string]string{
		metaInstall: c.install, metaInvoice: r.InvoiceID, metaLink: r.LinkID,
		metaRevision: fmt.Sprint(r.Revision),
	}
}

// lookupKey finds the price again. Stripe allows one price for a key.
func (c *Client) lookupKey(r LinkRequest) string { return "trak:" + c.install + ":" + r.LinkID }

func (r LinkRequest) check() error {
	switch {
	case r.Key == "":
		return invalid("the idempotency key is missing")
	case r.LinkID == "":
		return invalid("the id of the link's row is missing")
	case r.Amount <= 0:
		return invalid("the amount is not positive")
	}
	return nil
}

// CreatePrice makes the price that the link will sell, with a product of its own named after
// the invoice. (In this version of the API a link takes no amount, only a price.)
func (c *Client) CreatePrice(ctx context.Context, r LinkRequest) (priceID string, err error) {
	const op = "create price"
	if err := r.check(); err != nil {
		return "", c.fail(op, err)
	}
	params, err := c.onAccount(ctx, r.Account, r.Key+":price")
	if err != nil {
		return "", c.fail(op, err)
	}
	price, err := c.api.Prices.New(&stripe.PriceParams{
		Params:      params,
		Currency:    &r.Currency,
		UnitAmount:  &r.Amount,
		LookupKey:   stripe.String(c.lookupKey(r)),
		ProductData: &stripe.PriceProductDataParams{Name: stripe.String(clip("Invoice "+r.Number, 250))},
		Metadata:    c.metadata(r),
	})
	if err != nil {
		return "", c.fail(op, err)
	}
	if price.ID == "" {
		return "", c.fail(op, unexpected(errors.New("the price has no id")))
	}
	return price.ID, nil
}

// CreateLink makes the Payment Link: one line, quantity one, one completed session. Our ids go
// into the metadata of the link, which Stripe copies to its sessions, and into those of the
// payment intent, which Stripe copies to nothing else.
func (c *Client) CreateLink(ctx context.Context, r LinkRequest, priceID string) (Link, error) {
	const op = "create payment link"
	if err := r.check(); err != nil {
		return Link{}, c.fail(op, err)
	}
	params, err := c.onAccount(ctx, r.Account, r.Key+":link")
	if err != nil {
		return Link{}, c.fail(op, err)
	}
	link, err := c.api.PaymentLinks.New(&stripe.PaymentLinkParams{
		Params:     params,
		LineItems:  []*stripe.PaymentLinkLineItemParams{{Price: &priceID, Quantity: stripe.Int64(1)}},
		SubmitType: stripe.String(string(stripe.PaymentLinkSubmitTypePay)),
		Restrictions: &stripe.PaymentLinkRestrictionsParams{
			CompletedSessions: &stripe.PaymentLinkRestrictionsCompletedSessionsParams{Limit: stripe.Int64(1)},
		},
		AfterCompletion: &stripe.PaymentLinkAfterCompletionParams{
			Type:     stripe.String(string(stripe.PaymentLinkAfterCompletionTypeRedirect)),
			Redirect: &stripe.PaymentLinkAfterCompletionRedirectParams{URL: &r.ReturnURL},
		},
		InactiveMessage: optional(clip(r.InactiveMessage, 500)),
		Metadata:        c.metadata(r),
		PaymentIntentData: &stripe.PaymentLinkPaymentIntentDataParams{
			Description: optional(clip(r.Description, 1000)),
			Metadata:    c.metadata(r),
		},
	})
	if err != nil {
		return Link{}, c.fail(op, err)
	}
	if link.ID == "" || link.URL == "" {
		return Link{}, c.fail(op, unexpected(errors.New("the payment link has no id or no url")))
	}
	return Link{ID: link.ID, URL: link.URL, Active: link.Active}, nil
}

// FindPrice looks for the price of an earlier CreatePrice whose answer was lost for longer
// than Stripe remembers keys (24 h). A price of another amount is an error: it must never
// be charged for this request.
func (c *Client) FindPrice(ctx context.Context, r LinkRequest) (string, bool, error) {
	const op = "find price"
	list, err := c.listOn(ctx, r.Account)
	if err != nil {
		return "", false, c.fail(op, err)
	}
	p := &stripe.PriceListParams{ListParams: list, LookupKeys: []*string{stripe.String(c.lookupKey(r))}}
	prices := elements[stripe.Price](&p.ListParams, maxPricePages, func() (*stripe.APIResponse, error) {
		it := c.api.Prices.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.PriceList().LastResponse, nil
	})
	for price, err := range prices {
		switch {
		case err != nil:
			return "", false, c.fail(op, err)
		case price.LookupKey != c.lookupKey(r):
			continue
		case price.UnitAmount != r.Amount || string(price.Currency) != r.Currency:
			return "", false, c.fail(op, unexpected(errors.New("the price found is for another amount")))
		}
		return price.ID, true, nil
	}
	return "", false, nil
}

// FindLink looks for the link of an earlier CreateLink, by our metadata: see FindPrice.
func (c *Client) FindLink(ctx context.Context, r LinkRequest) (Link, bool, error) {
	const op = "find payment link"
	list, err := c.listOn(ctx, r.Account)
	if err != nil {
		return Link{}, false, c.fail(op, err)
	}
	p := &stripe.PaymentLinkListParams{ListParams: list}
	links := elements[stripe.PaymentLink](&p.ListParams, maxLinkPages, func() (*stripe.APIResponse, error) {
		it := c.api.PaymentLinks.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.PaymentLinkList().LastResponse, nil
	})
	for link, err := range links {
		if err != nil {
			return Link{}, false, c.fail(op, err)
		}
		if link.Metadata[metaInstall] == c.install && link.Metadata[metaLink] == r.LinkID {
			return Link{ID: link.ID, URL: link.URL, Active: link.Active}, true, nil
		}
	}
	return Link{}, false, nil
}

// LinkTaken reports whether a link still takes a payment, and if it does not, whether that is
// because one was completed.
func (c *Client) LinkTaken(ctx context.Context, account, linkID string) (active, completed bool, err error) {
	const op = "read payment link"
	params, err := c.readOn(ctx, account, linkID)
	if err != nil {
		return false, false, c.fail(op, err)
	}
	link, err := c.api.PaymentLinks.Get(linkID, &stripe.PaymentLinkParams{Params: params})
	if err != nil {
		return false, false, c.fail(op, err)
	}
	if link.ID != linkID {
		return false, false, c.fail(op, unexpected(errors.New("the answer is about another payment link")))
	}
	completed = link.Restrictions != nil && link.Restrictions.CompletedSessions != nil && link.Restrictions.CompletedSessions.Count > 0
	return link.Active, completed, nil
}

// CloseLink deactivates a link and then expires the Checkout sessions that are still open on
// it, because a page that was opened before stays payable for up to a day. It returns nil
// only when Stripe agrees with all of it, and may be repeated. A link or an account that is
// gone counts as closed: there is nothing left that our key could close.
func (c *Client) CloseLink(ctx context.Context, account, linkID string) error {
	const op = "close payment link"
	params, err := c.onAccount(ctx, account, "")
	if err != nil {
		return c.fail(op, err)
	}
	if !plainID(linkID) {
		return c.fail(op, invalid("the payment link id is missing or malformed"))
	}
	link, err := c.api.PaymentLinks.Update(linkID, &stripe.PaymentLinkParams{Params: params, Active: stripe.Bool(false)})
	switch {
	case gone(err):
		return nil
	case err != nil:
		return c.fail(op, err)
	case link.ID != linkID || link.Active:
		return c.fail(op, unexpected(errors.New("the payment link is not said to be closed")))
	}
	return c.ExpireOpenSessions(ctx, account, linkID)
}

// ExpireOpenSessions expires the open Checkout sessions of a link, so that nobody pays a
// second time. A session that completes meanwhile is left alone: its payment is real.
func (c *Client) ExpireOpenSessions(ctx context.Context, account, linkID string) error {
	const op = "expire checkout sessions"
	if !plainID(linkID) { // an empty filter would list every session of the account
		return c.fail(op, invalid("the payment link id is missing or malformed"))
	}
	list, err := c.listOn(ctx, account)
	if err != nil {
		return c.fail(op, err)
	}
	p := &stripe.CheckoutSessionListParams{ListParams: list, PaymentLink: &linkID, Status: stripe.String(string(stripe.CheckoutSessionStatusOpen))}
	sessions := elements[sessionObject](&p.ListParams, maxReadPages, func() (*stripe.APIResponse, error) {
		it := c.api.CheckoutSessions.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.CheckoutSessionList().LastResponse, nil
	})
	// All ids first: expiring while paging would pull the cursor out from under the list.
	var open []string
	for session, err := range sessions {
		if gone(err) {
			return nil
		}
		if err != nil {
			return c.fail(op, err)
		}
		if open = append(open, string(session.ID)); len(open) == maxOpenSessions {
			break
		}
	}
	for _, id := range open {
		if err := c.expireSession(ctx, account, id); err != nil {
			return c.fail(op, err)
		}
	}
	if len(open) == maxOpenSessions {
		return c.fail(op, unexpected(fmt.Errorf("more than %d sessions are open", maxOpenSessions)))
	}
	return nil
}

func (c *Client) expireSession(ctx context.Context, account, id string) error {
	params, err := c.onAccount(ctx, account, "")
	if err != nil {
		return err
	}
	session, err := c.api.CheckoutSessions.Expire(id, &stripe.CheckoutSessionExpireParams{Params: params})
	if gone(err) {
		return nil
	}
	if err != nil {
		if toError(err).Temporary() {
			return err
		}
		// Refused: Stripe does so when the session was completed or expired meanwhile.
		params, readErr := c.readOn(ctx, account, id)
		if readErr != nil {
			return err
		}
		read, readErr := c.api.CheckoutSessions.Get(id, &stripe.CheckoutSessionParams{Params: params})
		if readErr != nil || read.ID != id || read.Status == stripe.CheckoutSessionStatusOpen {
			return err
		}
		return nil
	}
	if session.ID != id || session.Status == stripe.CheckoutSessionStatusOpen {
		return unexpected(fmt.Errorf("session %s is not said to be closed", id))
	}
	return nil
}

// gone reports whether the object, or the account it lives on, can't be reached any more.
func gone(err error) bool {
	if err == nil {
		return false
	}
	e := toError(err)
	return IsAccountGone(e) || e.Code == string(stripe.ErrorCodeResourceMissing)
}
