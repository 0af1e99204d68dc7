package handlers

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"trak/app"
	"trak/billing"
	"trak/connect"
	"trak/db"
)

// refundPage is the form for giving a payment back.
type refundPage struct {
	Page
	local
	Action         string // where the form goes
	Back, BackName string // the invoice, or the history when the payment belongs to none
	Client         string // "" when the payment belongs to no invoice
	Currency       string
	Paid           string // the whole payment
	Refunded       string // of it, "" = nothing
	Asking         string // what Stripe has not answered yet, "" = nothing
	Left           string // what can be refunded, "" = nothing, or not known
	Method         string
	At             int64 // of the payment
	HasInvoice     bool
	Disputed       bool // the bank has the money: Stripe refuses
	Open           bool // the form is shown
	Reasons        []refundReason
	Form           form // form_key, amount, reason, note, still_owed
	Trouble        *trouble
}

type refundReason struct{ Value, Text string }

// refundReasons are Stripe's, in our words.
var refundReasons = map[string]string{
	"requested_by_customer": "The client asked for it", "duplicate": "It was paid twice", "fraudulent": "It was fraudulent",
}

// refundPath is the page on which a payment is refunded.
func refundPath(actor app.Actor, payment string) string {
	return "/w/" + actor.Workspace.Slug + "/payments/refund/" + payment
}

func (h *Server) newRefund(c *fiber.Ctx) error {
	r, err := h.app.Refundable(c.UserContext(), actorOf(c), c.Params("id"))
	var stripe *connect.Error
	if errors.As(err, &stripe) {
		return h.showRefund(c, fiber.StatusBadGateway, r, form{}, stripe)
	}
	if err != nil {
		return err
	}
	f := formOf(map[string]string{"form_key": uuid.NewString(), "amount": billing.InputAmount(r.Left, actorOf(c).Workspace.Locale)})
	return h.showRefund(c, fiber.StatusOK, r, f, nil)
}

// refundPayment gives a payment back, wholly or in part.
func (h *Server) refundPayment(c *fiber.Ctx) error {
	ctx, actor, id := c.UserContext(), actorOf(c), c.Params("id")
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if _, err := uuid.Parse(f.Value("form_key")); err != nil {
		f.values["form_key"] = uuid.NewString()
	}
	request, err := h.app.RefundPayment(ctx, actor, id, app.RefundInput{
		FormKey: f.Value("form_key"), Amount: f.Line("amount"), Reason: f.Value("reason"), Note: strings.TrimSpace(f.Value("note")),
		StillOwed: f.Value("still_owed") != "",
	})
	var stripe *connect.Error
	errs, isInput := fieldErrors(err)
	switch {
	case isInput:
		// A refund that was refused keeps its key: the next try is another one.
		f.Errors, f.values["form_key"] = errs, uuid.NewString()
		r, err := h.app.Refundable(ctx, actor, id)
		if err != nil && !errors.As(err, &stripe) {
			return err
		}
		return h.showRefund(c, fiber.StatusUnprocessableEntity, r, f, nil)
	case errors.As(err, &stripe):
		p, err := h.app.RefundablePayment(ctx, actor, id)
		if err != nil {
			return err
		}
		return h.showRefund(c, fiber.StatusBadGateway, app.Refundable{Payment: p}, f, stripe)
	case err != nil:
		return err
	}
	money := billing.FormatMoney(billing.Money{Minor: request.Amount, Currency: request.Currency}, actor.Workspace.Locale)
	done := money + " goes back to your client"
	if request.RefundID == "" {
		done = "Stripe has not answered yet. We keep asking for the refund of " + money
	}
	h.flash(c, done)
	p, err := h.app.RefundablePayment(ctx, actor, id)
	if err != nil {
		return err
	}
	back, _ := refundBack(actor, p)
	return h.goTo(c, back)
}

// retryRefunds asks Stripe again at once.
func (h *Server) retryRefunds(c *fiber.Ctx) error {
	ctx, actor := c.UserContext(), actorOf(c)
	if err := h.app.RetryRefunds(ctx, actor, c.Params("id")); err != nil {
		return err
	}
	p, err := h.app.RefundablePayment(ctx, actor, c.Params("id"))
	if err != nil {
		return err
	}
	h.flash(c, "Stripe is being asked again")
	back, _ := refundBack(actor, p)
	return h.goTo(c, back)
}

// showRefund shows the form, if there is something to refund or something was sent, and what went
// wrong at Stripe.
func (h *Server) showRefund(c *fiber.Ctx, status int, r app.Refundable, f form, failed error) (err error) {
	actor, here, p := actorOf(c), localOf(actorOf(c)), r.Payment
	money := func(minor int64) string {
		if minor == 0 {
			return ""
		}
		return billing.FormatMoney(billing.Money{Minor: minor, Currency: p.Currency}, here.Locale)
	}
	data := refundPage{
		local: here, Action: refundPath(actor, p.ID), Currency: p.Currency, At: p.HappenedAt, Method: methodText(p.Method, p.Brand, p.Last4),
		Paid: money(p.Gross), Refunded: money(p.Refunded), Asking: money(r.Asking.Minor), Left: money(r.Left.Minor),
		Client: p.BuyerName, HasInvoice: p.InvoiceID != nil, Disputed: r.Disputed, Form: f, Open: r.Left.Minor > 0 || len(f.order) > 0,
	}
	data.Back, data.BackName = refundBack(actor, p)
	for _, reason := range app.RefundReasons {
		data.Reasons = append(data.Reasons, refundReason{reason, refundReasons[reason]})
	}
	if failed != nil {
		data.Trouble = &trouble{connect.UserMessage(failed), "Nothing was refunded."}
	}
	nav := "history"
	if data.HasInvoice {
		nav = "invoices"
	}
	if data.Page, err = h.page(c, "Refund a payment", nav); err != nil {
		return err
	}
	return h.render(c, status, "refund", data)
}

// refundBack is where a payment is looked at, and its name: its invoice, or the history.
func refundBack(actor app.Actor, p db.RefundablePaymentRow) (path, name string) {
	if p.InvoiceID == nil {
		return "/w/" + actor.Workspace.Slug + "/payments/history", "Payment history"
	}
	return invoicesPath(actor, "/"+*p.InvoiceID), p.InvoiceNumber
}

// refundRow is one refund below its payment.
type refundRow struct {
	local
	At     int64
	Who    string
	Label  billing.Label
	Amount string
	Notes  []string
	Retry  string // where Stripe is asked again at once, "" when it need not be or somebody else has to
}

// refundRows are the refunds of a payment, for the team.
func refundRows(actor app.Actor, refunds []app.PaymentRefund, payment string, here local) (rows []refundRow) {
	for _, r := range refunds {
		if r.PaymentID != payment {
			continue
		}
		row := refundRow{
			local: here, At: r.At, Who: r.Who, Label: billing.LabelOfStatus(r.Status),
			Amount: billing.FormatAmount(billing.Money{Minor: -r.Money.Minor, Currency: r.Money.Currency}, here.Locale),
		}
		switch r.Status {
		case billing.RefundAsking:
			row.Notes = append(row.Notes, strings.TrimSpace(r.Problem+" We keep asking Stripe."))
			if r.Problem != "" && actor.May(app.Refund) {
				row.Retry = refundPath(actor, payment) + "/retry"
			}
		case billing.RefundRefused:
			row.Notes = append(row.Notes, r.Problem+" Nothing was refunded.")
		case billing.RefundFailing:
			row.Notes = append(row.Notes, sentence(refundFailure(r.Failure))+"The money is back in your Stripe balance. Refund again, or pay it back another way.")
		}
		if r.StillOwed && r.Status != billing.RefundFailing && r.Status != billing.RefundRefused {
			row.Notes = append(row.Notes, "The client still owes it.")
		}
		if r.Note != "" {
			row.Notes = append(row.Notes, r.Note)
		}
		rows = append(rows, row)
	}
	return rows
}

// refundNews says what is not settled about a refund, "" when all is.
func refundNews(r app.PaymentRefund, locale string) string {
	money := billing.FormatMoney(r.Money, locale)
	switch r.Status {
	case billing.RefundAsking:
		return "Refund of " + money + " asked for"
	case billing.RefundOnWay:
		return "Refund of " + money + " on its way"
	case billing.RefundFailing:
		return "Refund of " + money + " failed"
	case billing.RefundRefused:
		return "Refund of " + money + " refused"
	}
	return ""
}
