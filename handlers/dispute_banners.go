package handlers

import (
	"trak/app"
	"trak/billing"
)

// disputeBanners tell above an invoice of the disputes about its payments, and of the warning that
// one may come.
func (h *Server) disputeBanners(actor app.Actor, d app.Detail) (list []banner) {
	for _, dispute := range d.Disputes {
		if dispute.Open() {
			list = append(list, h.disputeBanner(actor, dispute))
		}
	}
	if d.Warned != "" {
		b := banner{Tone: "bad", Icon: "triangle-alert", Title: "A card network warns of fraud.",
			Text: "A dispute is likely. A refund now may avoid it, and its fee."}
		if actor.May(app.Refund) {
			b.URL, b.Link = refundPath(actor, d.Warned), "Look at refunding it"
		}
		list = append(list, b)
	}
	return list
}

func (h *Server) disputeBanner(actor app.Actor, d app.DisputeRow) banner {
	amount := billing.FormatMoney(billing.Money{Minor: d.Amount, Currency: d.Currency}, actor.Workspace.Locale)
	b := banner{Tone: "bad", Icon: "triangle-alert", Title: "The client's bank disputes a payment.", Text: amount + ".", URL: disputesPath(actor, "/"+d.ID), Link: "See the dispute"}
	if d.Inquiry() {
		b.Tone, b.Title = "warn", "The client's bank asks about a payment."
	}
	if !d.Unanswered() {
		b.Tone, b.Icon, b.Text = "", "clock", amount+". The bank has the answer and decides."
		return b
	}
	if end := h.deadlineOf(actor, d); end != nil {
		b.Text = amount + ", to be answered by " + end.Day + ", " + end.Left + "."
	}
	if actor.May(app.AnswerDisputes) {
		b.Link = "Answer it"
	}
	return b
}
