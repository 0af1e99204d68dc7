package handlers

import (
	"trak/app"
	"trak/billing"
)

// items is what an invoice is for, and its sums: the same for the team and for the client.
type items struct {
	words
	Lines  []itemLine
	Totals []itemTotal
}

type itemLine struct{ Description, Quantity, UnitPrice, Amount string }

type itemTotal struct {
	Name, Amount string
	Main         bool
}

func itemsOf(d app.Detail, w words, locale string) (items, error) {
	inv := d.Invoice
	list := items{words: w}
	for _, l := range d.Lines {
		list.Lines = append(list.Lines, itemLine{
			Description: l.Description, Quantity: billing.FormatQuantity(l.Quantity, locale),
			UnitPrice: billing.FormatUnitPrice(l.UnitPrice, inv.Currency, locale),
			Amount:    billing.FormatAmount(billing.Money{Minor: l.Amount, Currency: inv.Currency}, locale),
		})
	}
	var wrong error
	add := func(key string, minor int64, main bool) {
		name, err := w.Say(key)
		if err != nil {
			wrong = err
		}
		list.Totals = append(list.Totals, itemTotal{name, billing.FormatMoney(billing.Money{Minor: minor, Currency: inv.Currency}, locale), main})
	}
	switch {
	case inv.Received == 0 && inv.Due == inv.Total && inv.Decided != string(billing.Uncollectible):
		add("total_due", inv.Total, true)
	case inv.Received == 0:
		add("total", inv.Total, true)
	default:
		add("total", inv.Total, false)
		add("paid", inv.Received, inv.Due == 0 && inv.Refunded == 0)
		if inv.Refunded > 0 {
			add("refunded", -inv.Refunded, false)
			add("net_paid", inv.Received-inv.Refunded, inv.Due == 0)
		}
		if inv.Due > 0 && inv.Decided != string(billing.Uncollectible) {
			add("still_due", inv.Due, true)
		}
	}
	return list, wrong
}
