package app

import (
	"fmt"
	"maps"
	"slices"

	"trak/billing"
)

// BalanceReport compares an account's balance in one currency with the movements that made it, in
// minor units.
type BalanceReport struct {
	Currency  string     `json:"currency"`
	Available int64      `json:"available"` // at Stripe
	Pending   int64      `json:"pending"`   // at Stripe
	Sum       int64      `json:"sum"`       // of the movements, net
	Held      int        `json:"held"`      // how many of them Trak holds
	Missing   int        `json:"missing"`   // how many are not here, and were taken from Stripe
	Activity  []Activity `json:"activity"`  // what Sum consists of
}

// Activity is a class of movements. Those that Trak started or that followed from it come under
// classes of their own, apart from what anybody else did with the account.
type Activity struct {
	Class string `json:"class"`
	Ours  bool   `json:"ours"` // invoices led to it
	Count int    `json:"count"`
	Net   int64  `json:"net"`
}

// Classes of activity.
const (
	classPayments      = "payments of invoices"
	classRefunds       = "refunds of them"
	classDisputes      = "disputes about them"
	classPayouts       = "automatic payouts"
	classOtherPayments = "charges without a link of ours"
	classOtherRefunds  = "refunds of those"
	classOtherDisputes = "disputes about those"
	classManualPayouts = "manual payouts"
	classAdjustments   = "adjustments"
	classFees          = "Stripe fees"
)

// balances compares each movement, and their sum with the balance, in each currency.
func (c *comparison) balances() {
	for id, our := range c.ours.transactions {
		their, known := c.theirs.transactions[id]
		switch {
		case !known:
			c.differ("balance transaction", id, "is not known to Stripe; here it is %s", tellTransaction(our))
		case tellTransaction(our) != tellTransaction(their):
			c.differ("balance transaction", id, "is %s at Stripe, and %s here", tellTransaction(their), tellTransaction(our))
		}
	}
	reports := map[string]*BalanceReport{}
	of := func(currency string) *BalanceReport {
		if reports[currency] == nil {
			reports[currency] = &BalanceReport{Currency: currency}
		}
		return reports[currency]
	}
	for currency, amount := range c.theirs.balance.Available {
		of(currency).Available = amount
	}
	for currency, amount := range c.theirs.balance.Pending {
		of(currency).Pending = amount
	}
	classes := map[string]map[string]*Activity{}
	for id, t := range c.theirs.transactions {
		r := of(t.Currency)
		r.Sum += t.Net
		if _, held := c.ours.transactions[id]; held {
			r.Held++
		} else {
			r.Missing++
			if t.CreatedAt < c.ours.until {
				c.differ("balance transaction", id, "is missing here, though what is later was read; at Stripe it is %s", tellTransaction(t))
			}
		}
		if classes[t.Currency] == nil {
			classes[t.Currency] = map[string]*Activity{}
		}
		class, ours := c.class(t)
		if classes[t.Currency][class] == nil {
			classes[t.Currency][class] = &Activity{Class: class, Ours: ours}
		}
		classes[t.Currency][class].Count++
		classes[t.Currency][class].Net += t.Net
	}
	for _, currency := range slices.Sorted(maps.Keys(reports)) {
		r := reports[currency]
		if r.Sum != r.Available+r.Pending {
			c.differ("balance", c.acct+" "+currency, "is %d at Stripe (%d available, %d pending), and its %d balance transactions come to %d",
				r.Available+r.Pending, r.Available, r.Pending, r.Held+r.Missing, r.Sum)
		}
		r.Activity = []Activity{}
		for _, class := range slices.Sorted(maps.Keys(classes[currency])) {
			r.Activity = append(r.Activity, *classes[currency][class])
		}
		c.report.Balances = append(c.report.Balances, *r)
	}
}

func tellTransaction(t billing.Transaction) string {
	return fmt.Sprintf("%s of %s, %d less a fee of %d %s, net %d, made at %s, available at %s", t.Type, t.SourceID, t.Amount, t.Fee, t.Currency, t.Net, utc(t.CreatedAt), utc(t.AvailableAt))
}

// class says what kind of activity a movement is, and whether an invoice led to it.
func (c *comparison) class(t billing.Transaction) (class string, ours bool) {
	switch t.Type {
	case "charge", "payment":
		return c.either(t.SourceID, classPayments, classOtherPayments)
	case "refund", "payment_refund", "refund_failure", "payment_failure_refund":
		return c.either(c.theirs.refunds[t.SourceID].ChargeID, classRefunds, classOtherRefunds)
	case "payout", "payout_cancel", "payout_failure":
		if c.theirs.payouts[t.SourceID].Automatic {
			return classPayouts, true
		}
		return classManualPayouts, false
	case "stripe_fee", "stripe_fx_fee", "tax_fee", "application_fee":
		return classFees, false
	}
	if d, ok := c.theirs.disputes[t.SourceID]; ok {
		return c.either(d.ChargeID, classDisputes, classOtherDisputes)
	}
	if t.Type == "adjustment" {
		return classAdjustments, false
	}
	return t.Type, false
}

func (c *comparison) either(charge, ours, others string) (string, bool) {
	if c.ours.invoiced[charge] {
		return ours, true
	}
	return others, false
}
