package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"trak/app"
	"trak/billing"
)

// handPage is the form of a payment that came outside Stripe.
type handPage struct {
	Page
	URL, Name string // of the invoice
	Due       string // "" when nothing is
	Currency  string
	Today     billing.Date
	Methods   []handMethod
	Form      form // amount, received_on, method, reference, too_much, form_key
	TooMuch   bool // it has to be agreed to
}

type handMethod struct{ Value, Text string }

func handMethods() (list []handMethod) {
	for _, m := range app.HandMethods() {
		list = append(list, handMethod{m, methodText(m, "", "")})
	}
	return list
}

func (h *Server) newPayment(c *fiber.Ctx) error {
	d, err := h.app.InvoiceDetail(c.UserContext(), actorOf(c), c.Params("id"))
	if err != nil {
		return err
	}
	if !actionsOf(actorOf(c), d).Record {
		return h.confirm(c, fiber.StatusOK, askNoPayment)
	}
	actor := actorOf(c)
	f := formOf(map[string]string{
		"form_key": uuid.NewString(), "method": "bank_transfer", "received_on": string(billing.Today(actor.Workspace.Location(), h.now())),
	})
	if d.Invoice.Due > 0 {
		f.values["amount"] = billing.InputAmount(billing.Money{Minor: d.Invoice.Due, Currency: d.Invoice.Currency}, actor.Workspace.Locale)
	}
	return h.showPayment(c, fiber.StatusOK, d, f)
}

// askNoPayment says why none can be recorded.
func askNoPayment(d app.Detail) confirmPage {
	if d.Invoice.Number == nil {
		return confirmPage{Heading: "A draft can't be paid", Text: []string{"Finalize it first. Then a payment can be recorded."}}
	}
	return confirmPage{Heading: *d.Invoice.Number + " is void", Text: []string{"Nothing has to be paid of it. If money came all the same, record it on the invoice that took its place."}}
}

func (h *Server) showPayment(c *fiber.Ctx, status int, d app.Detail, f form) (err error) {
	actor, inv := actorOf(c), d.Invoice
	data := handPage{
		URL: invoicesPath(actor, "/"+inv.ID), Name: *inv.Number, Currency: inv.Currency, Methods: handMethods(), Form: f,
		Today: billing.Today(actor.Workspace.Location(), h.now()), TooMuch: inv.Due == 0 || f.Error("amount") != "" || f.Value("too_much") != "",
	}
	if inv.Due > 0 {
		data.Due = billing.FormatMoney(billing.Money{Minor: inv.Due, Currency: inv.Currency}, actor.Workspace.Locale)
	}
	if data.Page, err = h.page(c, "Record a payment", "invoices"); err != nil {
		return err
	}
	return h.render(c, status, "payment_form", data, "payment-form")
}

func (h *Server) recordPayment(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, actor, id := c.UserContext(), actorOf(c), c.Params("id")
	err = h.app.RecordPayment(ctx, actor, id, app.HandInput{
		FormKey: f.Value("form_key"), Amount: f.Value("amount"), ReceivedOn: f.Value("received_on"), Method: f.Value("method"),
		Reference: f.Line("reference"), TooMuch: f.Value("too_much") != "",
	})
	if errors.Is(err, app.ErrConflict) {
		return h.confirm(c, fiber.StatusConflict, askNoPayment)
	}
	if errs, ok := fieldErrors(err); ok {
		d, err := h.app.InvoiceDetail(ctx, actor, id)
		if err != nil {
			return err
		}
		f.Errors, f.values["form_key"] = errs, uuid.NewString() // whatever was sent before, the next try is another one
		return h.showPayment(c, fiber.StatusUnprocessableEntity, d, f)
	}
	if err != nil {
		return err
	}
	h.flash(c, "The payment is recorded")
	return h.goTo(c, invoicesPath(actor, "/"+id))
}

// takeBackPage asks how much of a recorded payment is taken back, and why.
type takeBackPage struct {
	Page
	URL, Name, Action string // of the invoice, and where the form goes
	Left              string // of the payment
	Method            string
	On                string
	Form              form // amount, note, form_key
}

func (h *Server) confirmTakeBack(c *fiber.Ctx) error {
	d, p, err := h.recorded(c)
	if err != nil {
		return err
	}
	return h.showTakeBack(c, fiber.StatusOK, d, p, formOf(map[string]string{
		"form_key": uuid.NewString(), "amount": billing.InputAmount(billing.Money{Minor: p.Left, Currency: d.Invoice.Currency}, actorOf(c).Workspace.Locale),
	}))
}

// recorded is the payment outside Stripe that the address names.
func (h *Server) recorded(c *fiber.Ctx) (app.Detail, app.HandPayment, error) {
	d, err := h.app.InvoiceDetail(c.UserContext(), actorOf(c), c.Params("id"))
	if err != nil {
		return d, app.HandPayment{}, err
	}
	p, ok := d.Hand[c.Params("payment")]
	if !ok {
		return d, p, app.ErrNotFound
	}
	return d, p, nil
}

func (h *Server) showTakeBack(c *fiber.Ctx, status int, d app.Detail, p app.HandPayment, f form) (err error) {
	actor, inv := actorOf(c), d.Invoice
	if p.Left == 0 {
		return h.confirm(c, status, func(app.Detail) confirmPage {
			return confirmPage{Heading: "It is taken back already", Text: []string{"Nothing is left of this payment."}}
		})
	}
	data := takeBackPage{
		URL: invoicesPath(actor, "/"+inv.ID), Name: *inv.Number, Form: f,
		Action: invoicesPath(actor, "/"+inv.ID+"/payments/"+c.Params("payment")+"/take-back"),
		Left:   billing.FormatMoney(billing.Money{Minor: p.Left, Currency: inv.Currency}, actor.Workspace.Locale),
		Method: methodText(p.Method, "", ""), On: p.ReceivedOn.Format(actor.Workspace.Locale),
	}
	if data.Page, err = h.page(c, "Take a payment back", "invoices"); err != nil {
		return err
	}
	return h.render(c, status, "payment_take_back", data, "take-back-form")
}

func (h *Server) takeBackPayment(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, actor, id := c.UserContext(), actorOf(c), c.Params("id")
	err = h.app.TakeBackPayment(ctx, actor, id, c.Params("payment"), app.TakeBackInput{FormKey: f.Value("form_key"), Amount: f.Value("amount"), Note: f.Line("note")})
	if errs, ok := fieldErrors(err); ok {
		d, p, err := h.recorded(c)
		if err != nil {
			return err
		}
		f.Errors, f.values["form_key"] = errs, uuid.NewString()
		return h.showTakeBack(c, fiber.StatusUnprocessableEntity, d, p, f)
	}
	if err != nil {
		return err
	}
	h.flash(c, "It is taken back")
	return h.goTo(c, invoicesPath(actor, "/"+id))
}
