package connect

import (
	"context"
	"errors"

	"github.com/stripe/stripe-go/v76"

	"trak/billing"
)

// opRefund is also how UserMessage knows that the amount which Stripe objects to is a refund's.
const opRefund = "create refund"

// RefundRequest is what a refund is made from.
type RefundRequest struct {
	Account  string // on which the charge is
	Charge   string
	Amount   int64  // Stripe's minor units of the charge's currency
	Reason   string // duplicate, fraudulent or requested_by_customer; empty = none
	RefundID string // id of our own row
	Key      string // idempotency key, stored before the first call
}

// Refundable asks Stripe what is left of a charge: what was captured, less what was refunded.
func (c *Client) Refundable(ctx context.Context, account, charge string) (billing.Money, error) {
	const op = "read what is left of a charge"
	params, err := c.readOn(ctx, account, charge)
	if err != nil {
		return billing.Money{}, c.fail(op, err)
	}
	answer, err := c.api.Charges.Get(charge, &stripe.ChargeParams{Params: params})
	if err != nil {
		return billing.Money{}, c.fail(op, err)
	}
	var ch chargeObject
	if err := decode(answer.LastResponse, &ch); err != nil {
		return billing.Money{}, c.fail(op, err)
	}
	if string(ch.ID) != charge {
		return billing.Money{}, c.fail(op, unexpected(errors.New("the answer is about another charge")))
	}
	// What was authorised and let go counts as refunded in this version, without having been captured.
	left := min(ch.AmountCaptured, max(ch.Amount, ch.AmountCaptured)-ch.AmountRefunded)
	return billing.Money{Minor: max(0, int64(left)), Currency: string(ch.Currency)}, nil
}

// CreateRefund gives money of a charge back. Its fact may already be final, or wait for the bank.
func (c *Client) CreateRefund(ctx context.Context, r RefundRequest) (billing.Refund, error) {
	if err := r.check(); err != nil {
		return billing.Refund{}, c.fail(opRefund, err)
	}
	params, err := c.onAccount(ctx, r.Account, r.Key)
	if err != nil {
		return billing.Refund{}, c.fail(opRefund, err)
	}
	answer, err := c.api.Refunds.New(&stripe.RefundParams{
		Params: params, Charge: &r.Charge, Amount: &r.Amount, Reason: optional(r.Reason),
		Metadata: map[string]string{metaInstall: c.install, metaRefund: r.RefundID},
	})
	if err != nil {
		return billing.Refund{}, c.fail(opRefund, err)
	}
	var refund refundObject
	if err := decode(answer.LastResponse, &refund); err != nil {
		return billing.Refund{}, c.fail(opRefund, err)
	}
	fact, err := refund.fact()
	if err != nil {
		return billing.Refund{}, c.fail(opRefund, unexpected(err))
	}
	if fact.ChargeID != r.Charge {
		return billing.Refund{}, c.fail(opRefund, unexpected(errors.New("the refund is of another charge")))
	}
	return fact, nil
}

// FindRefund looks among all refunds of the charge for that of an earlier CreateRefund, by our
// metadata: for answers that were lost for longer than Stripe keeps idempotency keys.
func (c *Client) FindRefund(ctx context.Context, r RefundRequest) (billing.Refund, bool, error) {
	const op = "find refund"
	if err := r.check(); err != nil {
		return billing.Refund{}, false, c.fail(op, err)
	}
	refunds, err := c.listRefunds(ctx, r.Account, r.Charge)
	if err != nil {
		return billing.Refund{}, false, c.fail(op, err)
	}
	for _, refund := range refunds {
		if string(refund.Metadata.RefundID) != r.RefundID {
			continue
		}
		fact, err := refund.fact()
		if err != nil {
			return billing.Refund{}, false, c.fail(op, unexpected(err))
		}
		return fact, true, nil
	}
	return billing.Refund{}, false, nil
}

func (r RefundRequest) check() error {
	switch {
	case r.Key == "":
		return invalid("the idempotency key is missing")
	case r.RefundID == "":
		return invalid("the id of the refund's row is missing")
	case !plainID(r.Charge): // an empty filter would list every refund of the account
		return invalid("the charge id is missing or malformed")
	case r.Amount <= 0:
		return invalid("the amount is not positive")
	}
	return nil
}
