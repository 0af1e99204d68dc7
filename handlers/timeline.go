package handlers

import (
	"trak/app"
	"trak/billing"
)

// entry is one moment of an invoice's history, as its page tells it.
type entry struct {
	local
	Tone, Icon string // tone: ok, info, warn, bad, or ""
	Text, Note string
	Who        string
	StripeID   string
	Source     string // how Trak learned it
	At         int64
	Fresh      bool // came while the page was open
}

func entriesOf(moments []app.Moment, here local) []entry {
	list := make([]entry, len(moments))
	for i, m := range moments {
		e := entryOf(m, here.Locale)
		e.local, e.At, e.Who, e.StripeID, e.Source = here, m.At, m.Who, m.StripeID, sourceText(m.Source)
		list[i] = e
	}
	return list
}

func entryOf(m app.Moment, locale string) entry {
	money := billing.FormatMoney(m.Money, locale)
	method := methodText(m.Charge.Method, m.Charge.Brand, m.Charge.Last4)
	switch m.Kind {
	case "created":
		return entry{Icon: "pencil", Text: "Draft written"}
	case "finalized":
		return entry{Tone: "info", Icon: "check", Text: "Finalized as " + m.Detail}
	case "link_copied":
		return entry{Tone: "info", Icon: "send", Text: "Link copied to send"}
	case "link_revoked":
		return entry{Icon: "rotate-ccw", Text: "Link replaced"}
	case "viewed":
		return entry{Tone: "info", Icon: "eye", Text: "Viewed by the client"}
	case "duplicated":
		return entry{Icon: "copy", Text: "Duplicated from " + m.Detail}
	case "uncollectible":
		return entry{Icon: "ban", Text: "Marked uncollectible"}
	case "reopened":
		return entry{Tone: "info", Icon: "rotate-ccw", Text: "Reopened"}
	case "voided":
		return entry{Icon: "ban", Text: "Voided"}
	case "processing":
		return entry{Tone: "warn", Icon: "clock", Text: money + " on its way", Note: method}
	case "paid":
		return entry{Tone: "ok", Icon: "check", Text: money + " paid", Note: method}
	case "recorded":
		note := joined(methodText(m.Entry.Method, "", ""), "received on "+billing.Date(m.Entry.ReceivedOn).Format(locale))
		return entry{Tone: "ok", Icon: "banknote", Text: money + " recorded", Note: joined(note, m.Entry.Reference)}
	case "taken_back":
		return entry{Tone: "warn", Icon: "undo-2", Text: money + " taken back", Note: m.Entry.Note}
	case "payment_assigned":
		return entry{Tone: "ok", Icon: "link", Text: m.Detail + " counted for this invoice"}
	case "payment_unassigned":
		return entry{Tone: "warn", Icon: "undo-2", Text: m.Detail + " counted here no longer"}
	case "payment_failed":
		return entry{Tone: "bad", Icon: "x", Text: "Payment failed", Note: joined(failureText(m.Charge.FailureCode), method)}
	case "refund_asked":
		return entry{Tone: "info", Icon: "undo-2", Text: "Refund of " + m.Detail + " asked for"}
	case "refund_refused":
		return entry{Tone: "bad", Icon: "x", Text: "Refund refused", Note: m.Detail}
	case "refunded":
		return entry{Icon: "undo-2", Text: money + " refunded"}
	case "refund_pending":
		return entry{Tone: "warn", Icon: "undo-2", Text: "Refund of " + money + " on its way"}
	case "refund_failed":
		return entry{Tone: "bad", Icon: "x", Text: "Refund of " + money + " failed", Note: refundFailure(m.Detail)}
	case "dispute_inquiry":
		return entry{Tone: "warn", Icon: "landmark", Text: "The client's bank asks about " + money, Note: reasonOf(m.Detail).Title}
	case "dispute_opened":
		return entry{Tone: "bad", Icon: "landmark", Text: "The client's bank disputes " + money, Note: reasonOf(m.Detail).Title}
	case "dispute_withdrawn":
		return entry{Tone: "bad", Icon: "landmark", Text: money + " taken back by the bank"}
	case "dispute_submitted":
		return entry{Tone: "info", Icon: "send", Text: "Evidence submitted to the bank"}
	case "dispute_accepted":
		return entry{Icon: "circle-x", Text: "Loss accepted"}
	case "dispute_won":
		return entry{Tone: "ok", Icon: "check", Text: "Dispute won"}
	case "dispute_lost":
		return entry{Tone: "bad", Icon: "x", Text: "Dispute lost"}
	case "dispute_reinstated":
		return entry{Tone: "ok", Icon: "landmark", Text: money + " put back"}
	}
	return entry{Icon: "info", Text: m.Kind}
}

// sourceText says how Trak learned of something that happened at Stripe.
func sourceText(source string) string {
	switch source {
	case "":
		return ""
	case "webhook":
		return "by webhook"
	case "sync":
		return "by sync"
	}
	return "read from Stripe"
}

// refundFailure says why Stripe could not give money back (docs.stripe.com/refunds, failure_reason).
func refundFailure(reason string) string {
	switch reason {
	case "expired_or_canceled_card":
		return "The card has expired or was cancelled"
	case "lost_or_stolen_card":
		return "The card was reported lost or stolen"
	case "insufficient_funds":
		return "There was not enough in the Stripe balance"
	case "declined":
		return "The client's bank declined it"
	}
	return ""
}

// joined are two short texts with a comma between them, or the one that is there.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}
