package connect

import (
	"context"
	"iter"

	"github.com/stripe/stripe-go/v76"

	"trak/billing"
)

// maxPayoutPages bounds what one payout contains: ten thousand transactions.
const maxPayoutPages = 100

// ReadPayout reads a payout and, where Stripe says it (automatic ones), the balance transactions
// that it contains.
func (c *Client) ReadPayout(ctx context.Context, account, id string) (billing.Facts, error) {
	const op = "read payout"
	params, err := c.readOn(ctx, account, id)
	if err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	answer, err := c.api.Payouts.Get(id, &stripe.PayoutParams{Params: params})
	if err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	var payout payoutObject
	if err := decode(answer.LastResponse, &payout); err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	fact, err := payout.fact()
	if err != nil {
		return billing.Facts{}, c.fail(op, unexpected(err))
	}
	facts := billing.Facts{Payouts: []billing.Payout{fact}}
	if !fact.Automatic {
		return facts, nil
	}
	list, err := c.listOn(ctx, account)
	if err != nil {
		return billing.Facts{}, c.fail(op, err)
	}
	p := &stripe.BalanceTransactionListParams{ListParams: list, Payout: &id}
	for t, err := range c.transactions(p, maxPayoutPages) {
		if err != nil {
			return billing.Facts{}, c.fail(op, err)
		}
		transaction, err := t.fact(id, c.livemode)
		if err != nil {
			return billing.Facts{}, c.fail(op, unexpected(err))
		}
		facts.Transactions = append(facts.Transactions, transaction)
	}
	return facts, nil
}

func (c *Client) transactions(p *stripe.BalanceTransactionListParams, limit int) iter.Seq2[transactionObject, error] {
	return elements[transactionObject](&p.ListParams, limit, func() (*stripe.APIResponse, error) {
		it := c.api.BalanceTransactions.List(p)
		if it.Err() != nil {
			return nil, it.Err()
		}
		return it.BalanceTransactionList().LastResponse, nil
	})
}
