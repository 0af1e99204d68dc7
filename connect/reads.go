package connect

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"trak/billing"
)

// maxReadPages bounds the lists of one object: a thousand charges of an intent, or refunds of
// a charge.
const maxReadPages = 10

// ReadSession reads a Checkout session and, if it has one, its payment intent. at is the
// evidence time (microseconds) for what is found paid. The session may be anybody's: whether
// it came from a link of ours is for the caller to compare.
func (c *Client) ReadSession(ctx context.Context, account, id string, at int64) (billing.Facts, error) {
	const op = "read checkout session"
	params, err := c.readOn(ctx, account, id)
	if err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	answer, err := c.api.CheckoutSessions.Get(id, &stripe.CheckoutSessionParams{Params: params})
	if err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	var session sessionObject
	if err := decode(answer.LastResponse, &session); err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	var (
		intent      intentObject
		intentFacts billing.Facts
	)
	if session.PaymentIntent != "" {
		if intent, intentFacts, err = c.readIntent(ctx, account, string(session.PaymentIntent), at); err != nil {
			return billing.Facts{}, c.fail(op, err)
		}
	}
	// A completed session whose intent waits for another attempt is the failed delayed payment
	// that the session object can't tell from a pending one.
	facts, err := session.facts(at, intent.failed())
	if err != nil {
		return billing.Facts{}, c.fail(op, unexpected(err))
	}
	return facts.Join(intentFacts), nil
}

// ReadIntent reads a payment intent, all its charges, the refunds and disputes of each, and the
// Checkout session that it came from: only that says through which link it was paid.
func (c *Client) ReadIntent(ctx context.Context, account, id string, at int64) (billing.Facts, error) {
	const op = "read payment intent"
	intent, facts, err := c.readIntent(ctx, account, id, at)
	if err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	sessions, err := c.sessionsOf(ctx, account, id)
	if err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	for _, session := range sessions {
		more, err := session.facts(at, intent.failed())
		if err != nil {
			return billing.Facts{}, c.fail(op, unexpected(err))
		}
		facts = facts.Join(more)
	}
	return facts, nil
}

func (c *Client) sessionsOf(ctx context.Context, account, intent string) ([]sessionObject, error) {
	list, err := c.listOn(ctx, account)
	if err != nil {
		return nil, err
	}
	p := &stripe.CheckoutSessionListParams{ListParams: list, PaymentIntent: &intent}
	return pages[sessionObject](&p.ListParams, maxReadPages, func() (*stripe.APIResponse, error) {
		it := c.api.CheckoutSessions.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.CheckoutSessionList().LastResponse, nil
	})
}

// ReadCharge reads a charge with all its refunds and disputes, and its alerts where the key may.
func (c *Client) ReadCharge(ctx context.Context, account, id string, at int64) (billing.Facts, error) {
	const op = "read charge"
	params, err := c.readOn(ctx, account, id)
	if err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	answer, err := c.api.Charges.Get(id, &stripe.ChargeParams{Params: params})
	if err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	var charge chargeObject
	if err := decode(answer.LastResponse, &charge); err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	facts, err := c.chargeFacts(ctx, account, charge, at)
	if err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	alerts, err := c.alertsOf(ctx, account, charge)
	switch {
	case err == nil:
		facts.Alerts = alerts
	case IsForbidden(toError(err)):
		// A restricted key without Radar: no warning is worth more than the money.
		_ = c.fail("read alerts of a charge", err)
	default:
		return billing.Facts{}, c.fail(op, err)
	}
	return facts, nil
}

func (c *Client) readIntent(ctx context.Context, account, id string, at int64) (intentObject, billing.Facts, error) {
	var intent intentObject
	params, err := c.readOn(ctx, account, id)
	if err != nil {
		return intent, billing.Facts{}, err
	}
	answer, err := c.api.PaymentIntents.Get(id, &stripe.PaymentIntentParams{Params: params})
	if err != nil {
		return intent, billing.Facts{}, err
	}
	if err := decode(answer.LastResponse, &intent); err != nil {
		return intent, billing.Facts{}, err
	}
	facts, err := intent.facts(at)
	if err != nil {
		return intent, billing.Facts{}, unexpected(err)
	}
	list, err := c.listOn(ctx, account)
	if err != nil {
		return intent, billing.Facts{}, err
	}
	p := &stripe.ChargeListParams{ListParams: list, PaymentIntent: &id}
	charges, err := pages[chargeObject](&p.ListParams, maxReadPages, func() (*stripe.APIResponse, error) {
		it := c.api.Charges.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.ChargeList().LastResponse, nil
	})
	if err != nil {
		return intent, billing.Facts{}, err
	}
	for _, charge := range charges {
		more, err := c.chargeFacts(ctx, account, charge, at)
		if err != nil {
			return intent, billing.Facts{}, err
		}
		facts = facts.Join(more)
	}
	return intent, facts, nil
}

// chargeFacts completes a charge with its refunds and disputes. Refunds are listed even when
// the charge says that nothing is refunded: a refund that failed lowered that sum again.
func (c *Client) chargeFacts(ctx context.Context, account string, charge chargeObject, at int64) (billing.Facts, error) {
	charge.Refunds = nil // read in full below
	facts, err := charge.facts(at)
	if err != nil {
		return billing.Facts{}, unexpected(err)
	}
	if charge.Status != "succeeded" {
		return facts, nil
	}
	refunds, err := c.listRefunds(ctx, account, string(charge.ID))
	if err != nil {
		return billing.Facts{}, err
	}
	for _, r := range refunds {
		fact, err := r.fact()
		if err != nil {
			return billing.Facts{}, unexpected(err)
		}
		facts.Refunds = append(facts.Refunds, fact)
	}
	if !charge.Disputed {
		return facts, nil
	}
	disputes, err := c.listDisputes(ctx, account, string(charge.ID))
	if err != nil {
		return billing.Facts{}, err
	}
	for _, d := range disputes {
		fact, err := d.fact(at)
		if err != nil {
			return billing.Facts{}, unexpected(err)
		}
		facts.Disputes = append(facts.Disputes, fact)
	}
	return facts, nil
}

func (c *Client) listRefunds(ctx context.Context, account, charge string) ([]refundObject, error) {
	list, err := c.listOn(ctx, account)
	if err != nil {
		return nil, err
	}
	p := &stripe.RefundListParams{ListParams: list, Charge: &charge}
	return pages[refundObject](&p.ListParams, maxReadPages, func() (*stripe.APIResponse, error) {
		it := c.api.Refunds.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.RefundList().LastResponse, nil
	})
}

func (c *Client) listDisputes(ctx context.Context, account, charge string) ([]disputeObject, error) {
	list, err := c.listOn(ctx, account)
	if err != nil {
		return nil, err
	}
	p := &stripe.DisputeListParams{ListParams: list, Charge: &charge}
	return pages[disputeObject](&p.ListParams, maxReadPages, func() (*stripe.APIResponse, error) {
		it := c.api.Disputes.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.DisputeList().LastResponse, nil
	})
}
