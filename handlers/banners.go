package handlers

import (
	"strings"

	"trak/app"
	"trak/billing"
	"trak/connect"
	"trak/db"
)

// banner says above an invoice what somebody should know or do.
type banner struct {
	Tone, Icon  string // tone: ok, warn, bad, or "" for what needs nobody
	Title, Text string
	URL, Link   string // where it is done
	Retry       string // the button that begins again with the payment link, "" = none
	Settle      bool   // it is among what needs attention, where it says what to do
}

// flagBanners tell of an invoice's flags, what is worst first.
func flagBanners(d app.Detail, locale string) (list []banner) {
	inv := d.Invoice
	money := func(minor int64) string {
		return billing.FormatMoney(billing.Money{Minor: minor, Currency: inv.Currency}, locale)
	}
	left := inv.Received - inv.Refunded // what is still here
	for _, p := range d.Payments {
		if p.Currency == inv.Currency {
			left -= p.Lost
		}
	}
	settled := map[string]bool{billing.FlagPaidAfterVoid: left <= 0, billing.FlagOverpaid: left <= inv.Total,
		billing.FlagRefundFailed: len(d.Refunds) > 0 && len(unsettledFailures(d.Refunds)) == 0}
	known := []struct {
		flag string
		banner
	}{
		{billing.FlagPaidAfterVoid, banner{Settle: true, Tone: "bad", Icon: "triangle-alert", Title: "Paid although it is void.",
			Text: money(left) + " arrived. Refund it below, or keep it for a new invoice."}},
		{billing.FlagOverpaid, banner{Settle: true, Tone: "warn", Icon: "triangle-alert", Title: "Paid too much.",
			Text: money(left-inv.Total) + " came in too much. Refund the difference below."}},
		{billing.FlagCurrencyMismatch, banner{Settle: true, Tone: "bad", Icon: "triangle-alert", Title: "A payment does not fit.",
			Text: "It came in another currency, or from Stripe's test mode, so it is not counted here. Refund it below, or settle it with your client."}},
		{billing.FlagRefundFailed, banner{Settle: true, Tone: "bad", Icon: "triangle-alert", Title: "A refund failed.",
			Text: "The money is back in your Stripe balance. Refund again below, or ask your client for another way to return it."}},
		{billing.FlagDisputeLost, banner{Tone: "warn", Icon: "triangle-alert", Title: "A dispute was lost.",
			Text: "The bank took a part of the money back."}},
		{billing.FlagPaymentFailed, banner{Tone: "warn", Icon: "circle-alert", Title: "The last payment did not go through.",
			Text: sentence(lastFailure(d.Payments)) + "Your client can try again with the same link."}},
		{billing.FlagRefundPending, banner{Icon: "clock", Title: "A refund is on its way.", Text: "It can take a few days to arrive."}},
		{billing.FlagInReview, banner{Icon: "info", Title: "Stripe looks at a payment.", Text: "The money is in. Stripe may ask you for a decision."}},
		{billing.FlagNeedsSync, banner{Icon: "refresh-cw", Title: "Stripe knows more than we do.",
			Text: "We are reading this payment again. The money is safe."}},
	}
	for _, k := range known {
		for _, flag := range d.Standing.Flags {
			if flag == k.flag && !settled[flag] {
				list = append(list, k.banner)
			}
		}
	}
	return list
}

func lastFailure(payments []db.Payment) string {
	text, at := "", int64(-1)
	for _, p := range payments {
		if p.HappenedAt > at && p.FailureCode != "" {
			text, at = failureText(p.FailureCode), p.HappenedAt
		}
	}
	return text
}

func sentence(s string) string {
	if s == "" {
		return ""
	}
	return s + ". "
}

// wantsLink says that an invoice should have a payment link by now and has none that lives.
func wantsLink(d app.Detail) bool {
	return d.Invoice.Decided == string(billing.Open) && d.Invoice.Due > 0 && d.Standing.Status != billing.Processing &&
		(d.Link.State == "" || d.Link.State == "closed")
}

// linkBanner tells of a payment link that is not there, or not closed, as it should be; nil when
// all is well. The connection is asked for only when the link is missing.
func linkBanner(d app.Detail, conn *app.Connection, actor app.Actor) *banner {
	l := d.Link
	switch {
	case l.State == "failed":
		return &banner{Tone: "warn", Icon: "triangle-alert", Title: "Saved, but no payment link yet.", Text: l.Error, Retry: "Try again"}
	case l.State == "creating" && l.Error != "":
		return &banner{Tone: "warn", Icon: "triangle-alert", Title: "Saved, but no payment link yet.", Text: l.Error + " We keep trying.", Retry: "Try again"}
	case l.StillOpen > 0:
		old := billing.FormatMoney(billing.Money{Minor: l.StillOpen, Currency: d.Invoice.Currency}, actor.Workspace.Locale)
		return &banner{Tone: "warn", Icon: "clock", Title: "The old payment link is not closed yet.",
			Text: "Until Stripe has closed the old link, your client could still pay the old amount, " + old + ". We keep trying until it does."}
	case l.State == "closing" && l.Error != "":
		return &banner{Tone: "warn", Icon: "clock", Title: "Stripe has not closed the payment link yet.", Text: l.Error + " We keep trying until it does."}
	case conn == nil:
		return nil
	}
	b := banner{Tone: "warn", Icon: "plug", Title: "No payment link."}
	switch {
	case conn.Stage == app.StageNotConnected || conn.Stage == app.StageDisconnected:
		b.Text, b.Link = "Stripe is not connected, so your client can't pay online.", "Connect Stripe"
	case conn.Stage == connect.StageRejected || !conn.Account.CanTakePayments():
		b.Text, b.Link = "Stripe does not take payments for you yet.", "See the connection"
	default:
		return &banner{Tone: "warn", Icon: "link", Title: "No payment link yet.", Text: "Stripe is connected, so there can be one now.", Retry: "Make the payment link"}
	}
	if actor.May(app.ManageStripe) {
		b.URL = connectPath(actor, "")
		return &b
	}
	b.Link = ""
	if len(conn.Managers) > 0 {
		b.Text += " Ask " + strings.Join(conn.Managers, " or ") + "."
	}
	return &b
}
