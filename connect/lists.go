package connect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/stripe/stripe-go/v76"

	"trak/billing"
)

// The lists in this file are of a whole account, newest first as Stripe gives them, of what was
// created from since up to and without until (Unix microseconds; 0 leaves that end open). Stripe
// counts full seconds: each second that is touched is taken whole. A list that ends with an error
// is not whole. One of more than maxListPages ends with an error that IsTooLong: ask for less time.

// maxListPages bounds one list of an account: five thousand objects.
const maxListPages = 50

// maxEventTypes is how many types of events Stripe lets one list be narrowed to.
const maxEventTypes = 20

// ListedEvent is an event as a webhook would have brought it.
type ListedEvent struct {
	Event
	Payload []byte // names the account, which Stripe leaves out of an account's own list
}

// Events lists an account's events of some types, or of all when none is named. Stripe keeps
// them for 30 days. More than 20 types take several lists, one after the other.
func (c *Client) Events(ctx context.Context, account string, since, until int64, types ...string) iter.Seq2[ListedEvent, error] {
	return func(yield func(ListedEvent, error) bool) {
		if len(types) == 0 {
			c.someEvents(ctx, account, since, until, nil)(yield)
			return
		}
		for some := range slices.Chunk(types, maxEventTypes) {
			for e, err := range c.someEvents(ctx, account, since, until, some) {
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

func (c *Client) someEvents(ctx context.Context, account string, since, until int64, types []string) iter.Seq2[ListedEvent, error] {
	const op = "list events"
	list := func(p stripe.ListParams) iter.Seq2[json.RawMessage, error] {
		q := &stripe.EventListParams{ListParams: p, CreatedRange: createdIn(since, until), Types: stripe.StringSlice(types)}
		return elements[json.RawMessage](&q.ListParams, maxListPages, func() (*stripe.APIResponse, error) {
			it := c.api.Events.List(q)
			if it.Err() != nil {
				return nil, it.Err()
			}
			return it.EventList().LastResponse, nil
		})
	}
	return each(ctx, c, op, account, list, func(raw json.RawMessage) (ListedEvent, error) {
		return c.listed(raw, account)
	})
}

// listed is an event in the list of an account, so it is that account's, whatever it says. In own
// mode events name no account.
func (c *Client) listed(raw json.RawMessage, account string) (ListedEvent, error) {
	e, err := ParseEvent(raw)
	if err != nil || c.own || e.Account == account {
		return ListedEvent{Event: e, Payload: raw}, err
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(raw, &whole); err != nil {
		return ListedEvent{}, fmt.Errorf("decode event %s: %w", e.ID, err)
	}
	if whole["account"], err = json.Marshal(account); err != nil {
		return ListedEvent{}, err
	}
	payload, err := json.Marshal(whole)
	if err != nil {
		return ListedEvent{}, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	e.Account = account
	return ListedEvent{Event: e, Payload: payload}, nil
}

// Charges lists an account's charges, without the refunds and disputes of them. at is now: what
// the list says of refunded amounts is Stripe's word of this moment. What was paid was so when
// Stripe booked it.
func (c *Client) Charges(ctx context.Context, account string, since, until, at int64) iter.Seq2[billing.Charge, error] {
	list := func(p stripe.ListParams) iter.Seq2[bookedCharge, error] {
		q := &stripe.ChargeListParams{ListParams: p, CreatedRange: createdIn(since, until)}
		q.AddExpand("data.balance_transaction")
		return elements[bookedCharge](&q.ListParams, maxListPages, func() (*stripe.APIResponse, error) {
			it := c.api.Charges.List(q)
			if it.Err() != nil {
				return nil, it.Err()
			}
			return it.ChargeList().LastResponse, nil
		})
	}
	return each(ctx, c, "list charges", account, list, func(ch bookedCharge) (billing.Charge, error) {
		ch.Refunds = nil
		facts, err := ch.facts(at)
		if err != nil {
			return billing.Charge{}, err
		}
		fact := facts.Charges[0]
		if fact.PaidAt > 0 {
			fact.PaidAt = cmp.Or(ch.Booked.created.micros(), fact.CreatedAt)
		}
		return fact, nil
	})
}

// bookedCharge is a charge whose balance transaction is expanded; null until it has succeeded.
type bookedCharge struct {
	chargeObject
	Booked booked `json:"balance_transaction"`
}

type booked struct{ created seconds }

func (b *booked) UnmarshalJSON(raw []byte) error {
	var object struct {
		Created seconds `json:"created"`
	}
	if raw[0] != '{' {
		return nil // null, or not expanded
	}
	err := json.Unmarshal(raw, &object)
	b.created = object.Created
	return err
}

// Refunds lists an account's refunds.
func (c *Client) Refunds(ctx context.Context, account string, since, until int64) iter.Seq2[billing.Refund, error] {
	list := func(p stripe.ListParams) iter.Seq2[refundObject, error] {
		q := &stripe.RefundListParams{ListParams: p, CreatedRange: createdIn(since, until)}
		return elements[refundObject](&q.ListParams, maxListPages, func() (*stripe.APIResponse, error) {
			it := c.api.Refunds.List(q)
			if it.Err() != nil {
				return nil, it.Err()
			}
			return it.RefundList().LastResponse, nil
		})
	}
	return each(ctx, c, "list refunds", account, list, refundObject.fact)
}

// Disputes lists an account's disputes. at is now: a decision that is found is Stripe's word of
// this moment.
func (c *Client) Disputes(ctx context.Context, account string, since, until, at int64) iter.Seq2[billing.Dispute, error] {
	list := func(p stripe.ListParams) iter.Seq2[disputeObject, error] {
		q := &stripe.DisputeListParams{ListParams: p, CreatedRange: createdIn(since, until)}
		return elements[disputeObject](&q.ListParams, maxListPages, func() (*stripe.APIResponse, error) {
			it := c.api.Disputes.List(q)
			if it.Err() != nil {
				return nil, it.Err()
			}
			return it.DisputeList().LastResponse, nil
		})
	}
	return each(ctx, c, "list disputes", account, list, func(d disputeObject) (billing.Dispute, error) { return d.fact(at) })
}

// EarlyFraudWarnings lists an account's early fraud warnings.
func (c *Client) EarlyFraudWarnings(ctx context.Context, account string, since, until int64) iter.Seq2[billing.Alert, error] {
	list := func(p stripe.ListParams) iter.Seq2[warningObject, error] {
		q := &stripe.RadarEarlyFraudWarningListParams{ListParams: p, CreatedRange: createdIn(since, until)}
		return elements[warningObject](&q.ListParams, maxListPages, func() (*stripe.APIResponse, error) {
			it := c.api.RadarEarlyFraudWarnings.List(q)
			if it.Err() != nil {
				return nil, it.Err()
			}
			return it.RadarEarlyFraudWarningList().LastResponse, nil
		})
	}
	return each(ctx, c, "list early fraud warnings", account, list, warningObject.fact)
}

// OpenReviews lists the reviews of an account's payments that are still open: Stripe has no list of
// the others.
func (c *Client) OpenReviews(ctx context.Context, account string, since, until int64) iter.Seq2[billing.Alert, error] {
	list := func(p stripe.ListParams) iter.Seq2[reviewObject, error] {
		q := &stripe.ReviewListParams{ListParams: p, CreatedRange: createdIn(since, until)}
		return elements[reviewObject](&q.ListParams, maxListPages, func() (*stripe.APIResponse, error) {
			it := c.api.Reviews.List(q)
			if it.Err() != nil {
				return nil, it.Err()
			}
			return it.ReviewList().LastResponse, nil
		})
	}
	return each(ctx, c, "list reviews", account, list, reviewObject.fact)
}

// Payouts lists an account's payouts, without the transactions that they contain.
func (c *Client) Payouts(ctx context.Context, account string, since, until int64) iter.Seq2[billing.Payout, error] {
	list := func(p stripe.ListParams) iter.Seq2[payoutObject, error] {
		q := &stripe.PayoutListParams{ListParams: p, CreatedRange: createdIn(since, until)}
		return elements[payoutObject](&q.ListParams, maxListPages, func() (*stripe.APIResponse, error) {
			it := c.api.Payouts.List(q)
			if it.Err() != nil {
				return nil, it.Err()
			}
			return it.PayoutList().LastResponse, nil
		})
	}
	return each(ctx, c, "list payouts", account, list, payoutObject.fact)
}

// Transactions lists the movements of an account's balance. Which payout each went out with
// stands only in the payout's own list (ReadPayout).
func (c *Client) Transactions(ctx context.Context, account string, since, until int64) iter.Seq2[billing.Transaction, error] {
	list := func(p stripe.ListParams) iter.Seq2[transactionObject, error] {
		q := &stripe.BalanceTransactionListParams{ListParams: p, CreatedRange: createdIn(since, until)}
		return c.transactions(q, maxListPages)
	}
	return each(ctx, c, "list balance transactions", account, list, func(t transactionObject) (billing.Transaction, error) {
		return t.fact("", c.livemode)
	})
}

// Sessions lists the Checkout sessions of an account, or of one payment link when link is not
// empty. When one was paid its list does not say; its charge does.
func (c *Client) Sessions(ctx context.Context, account, link string, since, until int64) iter.Seq2[billing.Session, error] {
	list := func(p stripe.ListParams) iter.Seq2[sessionObject, error] {
		q := &stripe.CheckoutSessionListParams{ListParams: p, PaymentLink: optional(link), CreatedRange: createdIn(since, until)}
		return elements[sessionObject](&q.ListParams, maxListPages, func() (*stripe.APIResponse, error) {
			it := c.api.CheckoutSessions.List(q)
			if it.Err() != nil {
				return nil, it.Err()
			}
			return it.CheckoutSessionList().LastResponse, nil
		})
	}
	return each(ctx, c, "list checkout sessions", account, list, func(s sessionObject) (billing.Session, error) {
		facts, err := s.facts(0, false)
		if err != nil {
			return billing.Session{}, err
		}
		return facts.Sessions[0], nil
	})
}

// Balance is what an account holds at Stripe, in minor units by currency; either can be negative.
type Balance struct {
	Available map[string]int64
	Pending   map[string]int64
}

// Balance reads an account's balance.
func (c *Client) Balance(ctx context.Context, account string) (Balance, error) {
	const op = "read balance"
	header, err := c.header(account)
	if err != nil {
		return Balance{}, c.fail(op, err)
	}
	answer, err := c.api.Balance.Get(&stripe.BalanceParams{Params: stripe.Params{Context: ctx, StripeAccount: header}})
	if err != nil {
		return Balance{}, c.fail(op, err)
	}
	type sum struct {
		Amount   int64 `json:"amount"`
		Currency text  `json:"currency"`
	}
	var object struct {
		Available []sum `json:"available"`
		Pending   []sum `json:"pending"`
	}
	if err := decode(answer.LastResponse, &object); err != nil {
		return Balance{}, c.fail(op, err)
	}
	if object.Available == nil || object.Pending == nil {
		return Balance{}, c.fail(op, unexpected(errors.New("the answer is no balance")))
	}
	balance := Balance{Available: map[string]int64{}, Pending: map[string]int64{}}
	for _, s := range object.Available {
		balance.Available[string(s.Currency)] += s.Amount
	}
	for _, s := range object.Pending {
		balance.Pending[string(s.Currency)] += s.Amount
	}
	return balance, nil
}

// each turns the objects of a list into what Trak keeps of them.
func each[O, F any](ctx context.Context, c *Client, op, account string, list func(stripe.ListParams) iter.Seq2[O, error], fact func(O) (F, error)) iter.Seq2[F, error] {
	return func(yield func(F, error) bool) {
		var none F
		p, err := c.listOn(ctx, account)
		if err != nil {
			yield(none, c.fail(op, err))
			return
		}
		for object, err := range list(p) {
			if err != nil {
				yield(none, c.fail(op, err))
				return
			}
			f, err := fact(object)
			if err != nil {
				yield(none, c.fail(op, unexpected(err)))
				return
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// createdIn narrows a list to a time; nil when it is not.
func createdIn(since, until int64) *stripe.RangeQueryParams {
	if since <= 0 && until <= 0 {
		return nil
	}
	var r stripe.RangeQueryParams
	if since > 0 {
		r.GreaterThanOrEqual = since / 1e6
	}
	if until > 0 {
		r.LesserThan = (until + 1e6 - 1) / 1e6
	}
	return &r
}
