package handlers_test

import (
	"strings"
	"testing"

	"trak/billing"
	"trak/sandbox"
)

func TestProofAndPayouts(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	account := w.onboard(w.north, sandbox.OnboardComplete)
	member := w.as("member")
	payouts := path(w.north, "/payments/payouts")
	show := func(at string, texts ...string) page {
		p := member.get(at)
		p.has(t, 200, texts...)
		p.wellFormed(t)
		return p
	}
	show(payouts, "No payouts yet")

	inv := w.invoice(w.north, "Halden & Vik", "500", "eur", "2031-12-07")
	at := path(w.north, "/payments/invoices/"+inv.ID)
	show(at, "Why is this status?", "The invoice is for <span class=\"num\">€500.00</span>", "€0.00 received, €500.00 still due: Open.", at+"/proof")
	show(at+"/proof", "Nobody has paid yet.", "Payment links", "Total", "Still due")

	w.pay(w.north, inv.ID, "4000000000000077") // money that is available at once
	w.waitFor(inv.ID, billing.Paid)
	charge := ""
	w.until("the charge is known", func() bool { charge = w.detail(w.north, inv.ID).Payments[0].ChargeID; return charge != "" })
	show(at, "Paid by Visa ···· 0077 <span class=\"num\">&#43;€500.00</span>", "€500.00 received, €0.00 still due: Paid.", "<code>"+charge+"</code>, by webhook")
	show(at+"/proof", "<code>"+charge+"</code>", "Not paid out yet")

	ids, err := w.sandbox.PayOut(account)
	must(t, err)
	var p page
	w.until("the payout is known with what it contains", func() bool {
		p = member.get(payouts + "/" + ids[0])
		return p.status == 200 && strings.Contains(p.body, *inv.Number)
	})
	p.has(t, 200, "€485.20", "Pending", "Halden &amp; Vik", "&#43;€500.00", "−€14.80", "&#43;€485.20", at)
	p.wellFormed(t)
	show(at+"/proof", ids[0], "On its way to the bank", "−€14.80")
	w.sandbox.SettlePayouts(false)
	w.until("it is paid out", func() bool { return strings.Contains(member.get(payouts).body, "Paid out") })
	show(payouts, "€485.20", payouts+"/"+ids[0])
	show(path(w.north, "/payments/history"), payouts)

	must(t, w.sandbox.FailPayout(ids[0]))
	w.until("it has come back", func() bool { return strings.Contains(member.get(payouts).body, "Failed") })
	show(payouts, "The bank account has been closed.")
	show(payouts+"/"+ids[0], "It came back.", "The money is back in your Stripe balance.", "Add another bank account").lacks(t, "Open your Stripe connection")
	w.as("owner").get(payouts+"/"+ids[0]).has(t, 200, "Open your Stripe connection")
	show(at+"/proof", "The payout failed; the money is back")

	// One that somebody sent by hand says that Stripe does not tell.
	member.get(payouts+"/po_nobody").has(t, 404)
}
