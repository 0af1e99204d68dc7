package handlers

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

// attentionItem is one thing that needs a person, in words: what it is, and what to do.
type attentionItem struct {
	local
	Kind, Subject string
	Label         billing.Label
	Title, Text   string
	Amount        string
	At, DueBy     int64
	Client        string
	Invoice       *namedLink
	Actions       []namedLink
	Retry         string // where its button begins again with a payment link, "" = none
	Form          form   // reason, when it is to be ignored
	All           *attentionAll
	// Of what somebody left alone:
	IgnoredBy, Reason string
	IgnoredAt         int64
}

// attentionAll ignores all payments without an invoice that are shown, below the last of them.
type attentionAll struct {
	Kind, Subjects string
	Count          int
	Form           form // reason
}

// attentionWords are the short word and the heading of each kind.
var attentionWords = map[string]struct{ tone, word, title string }{
	app.AttentionDispute:   {"bad", "Dispute", "A client's bank disputes a payment"},
	app.AttentionPaidVoid:  {"bad", "Paid, but void", "A void invoice was paid"},
	app.AttentionOverpaid:  {"warn", "Overpaid", "An invoice was paid too much"},
	app.AttentionMismatch:  {"bad", "Does not fit", "A payment does not fit its invoice"},
	app.AttentionUnmatched: {"warn", "No invoice", "A payment that no invoice asked for"},
	app.AttentionRefund:    {"bad", "Refund failed", "A refund did not reach the client"},
	app.AttentionRefusal:   {"bad", "Refund refused", "Stripe refused a refund"},
	app.AttentionWarning:   {"bad", "Fraud warning", "A card network warns of fraud"},
	app.AttentionPayout:    {"bad", "Payout failed", "A payout came back from your bank"},
	app.AttentionLink:      {"warn", "No link", "Stripe refused a payment link"},
	app.AttentionEvents:    {"warn", "Not taken in", "Stripe told something that Trak could not take in"},
}

func (h *Server) attentionItems(actor app.Actor, list []app.Attention) []attentionItem {
	items := make([]attentionItem, len(list))
	for i, a := range list {
		items[i] = h.attentionItem(actor, a)
	}
	return items
}

func (h *Server) attentionItem(actor app.Actor, a app.Attention) attentionItem {
	here, words := localOf(actor), attentionWords[a.Kind]
	money := ""
	if a.Currency != "" {
		money = billing.FormatMoney(billing.Money{Minor: a.Minor, Currency: a.Currency}, here.Locale)
	}
	it := attentionItem{
		local: here, Kind: a.Kind, Subject: a.Subject, Label: billing.Label{Key: a.Kind, Text: words.word, Tone: words.tone, Icon: "triangle-alert"},
		Title: words.title, Amount: money, At: a.At, DueBy: a.DueBy, Client: a.Client,
		IgnoredBy: a.IgnoredBy, Reason: a.Reason, IgnoredAt: a.IgnoredAt,
	}
	if a.InvoiceID != "" {
		it.Invoice = &namedLink{a.Number, invoicesPath(actor, "/"+a.InvoiceID)}
	}
	base := "/w/" + actor.Workspace.Slug + "/payments"
	refund := func(name string) {
		if a.PaymentID != "" && actor.May(app.Refund) {
			it.Actions = append(it.Actions, namedLink{name, base + "/refund/" + a.PaymentID})
		}
	}
	switch a.Kind {
	case app.AttentionDispute:
		it.Text = "Answer it, or the money is lost."
		if a.DueBy > 0 {
			it.Text = "Answer it until " + here.day(a.DueBy) + ", " + here.clock(a.DueBy) + ", or the money is lost."
		}
		it.Actions = append(it.Actions, namedLink{"See the dispute", base + "/disputes/" + a.Object})
	case app.AttentionPaidVoid:
		it.Text = money + " came in for it. Refund it, or keep it for a new invoice."
		refund("Refund it")
	case app.AttentionOverpaid:
		it.Text = money + " came in too much. Refund the difference."
		if a.PaymentID == "" {
			it.Text = money + " was recorded too much. Take the difference back on the invoice once you have returned it."
		}
		refund("Refund it")
	case app.AttentionMismatch:
		it.Text = "The invoice is in " + strings.ToUpper(a.Detail) + ". The payment is not counted for it: refund it, and ask your client to pay again."
		refund("Refund it")
	case app.AttentionUnmatched:
		it.Text = "It reached your Stripe account through no link that Trak made. Say which invoice it is for, or refund it."
		if actor.May(app.SettleAttention) {
			it.Actions = append(it.Actions, namedLink{"Choose the invoice", base + "/assign/" + a.PaymentID})
		}
		refund("Refund it")
	case app.AttentionRefund:
		it.Text = sentence(refundFailure(a.Detail)) + "The money is back in your Stripe balance. Ask your client for another way to return it."
	case app.AttentionRefusal:
		it.Text = sentence(strings.TrimSuffix(a.Detail, ".")) + "Nothing was given back."
		refund("Try again")
	case app.AttentionWarning:
		it.Text = "A dispute is likely. A refund now may avoid it, and its fee."
		refund("Refund it")
	case app.AttentionPayout:
		it.Text = sentence(strings.TrimSuffix(a.Detail, ".")) + "The money is back in your Stripe balance. Check your bank account in Stripe."
		it.Actions = append(it.Actions, namedLink{"See the connection", base + "/connect"})
	case app.AttentionLink:
		it.Text = sentence(strings.TrimSuffix(a.Detail, ".")) + "Your client can't pay online until there is one."
		if it.Invoice != nil && actor.May(app.EditInvoices) {
			it.Retry = it.Invoice.URL + "/retry-link"
		}
	case app.AttentionEvents:
		it.Text = count(a.Minor, "event") + " of Stripe's could not be taken in so far. Nothing is lost: they are kept, and tried again by themselves."
		if actor.May(app.ViewEvents) {
			it.Actions = append(it.Actions, namedLink{"See them", eventsURL(eventsPath(actor), app.EventFilter{State: "failed"}, nil)})
		}
	}
	return it
}

type attentionPage struct {
	Page
	Items, Ignored []attentionItem
	Settles        bool // may say what is left alone
}

func (h *Server) attention(c *fiber.Ctx) error { return h.showAttention(c, fiber.StatusOK, form{}) }

// showAttention shows all of it; sent is the form of what could not be ignored.
func (h *Server) showAttention(c *fiber.Ctx, status int, sent form) error {
	ctx, actor := c.UserContext(), actorOf(c)
	list, err := h.app.Attention(ctx, actor, false)
	if err != nil {
		return err
	}
	ignored, err := h.app.Attention(ctx, actor, true)
	if err != nil {
		return err
	}
	data := attentionPage{Items: h.attentionItems(actor, list), Ignored: h.attentionItems(actor, ignored), Settles: actor.May(app.SettleAttention)}
	var strays []string
	last := 0
	for i, it := range data.Items {
		if it.Kind == sent.Value("kind") && it.Subject == sent.Value("subject") {
			data.Items[i].Form = sent
		}
		if it.Kind == app.AttentionUnmatched {
			strays, last = append(strays, it.Subject), i
		}
	}
	if len(strays) > 1 && data.Settles {
		all := &attentionAll{Kind: app.AttentionUnmatched, Subjects: strings.Join(strays, " "), Count: len(strays)}
		if sent.Value("all") != "" {
			all.Form = sent
		}
		data.Items[last].All = all
	}
	if data.Page, err = h.page(c, "Needs attention", "overview"); err != nil {
		return err
	}
	return h.render(c, status, "attention", data)
}

func (h *Server) ignoreAttention(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	err = h.app.IgnoreAttention(c.UserContext(), actorOf(c), f.Value("kind"), strings.Fields(f.Value("subject")), f.Line("reason"))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showAttention(c, fiber.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	done := "It is left alone until something changes"
	if f.Value("all") != "" {
		done = "They are left alone until something changes"
	}
	h.flash(c, done)
	return h.goTo(c, "/w/"+actorOf(c).Workspace.Slug+"/payments/attention")
}

func (h *Server) mindAttention(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if err := h.app.MindAttention(c.UserContext(), actorOf(c), f.Value("kind"), f.Value("subject")); err != nil {
		return err
	}
	return h.goTo(c, "/w/"+actorOf(c).Workspace.Slug+"/payments/attention")
}

// assignPage asks which invoice a payment is for.
type assignPage struct {
	Page
	Action  string
	Amount  string
	Day     string
	Method  string
	Choices []assignChoice
	Form    form // invoice
}

type assignChoice struct{ ID, Text string }

func (h *Server) assignPage(c *fiber.Ctx) error { return h.showAssign(c, fiber.StatusOK, form{}) }

func (h *Server) showAssign(c *fiber.Ctx, status int, f form) error {
	actor := actorOf(c)
	u, err := h.app.UnmatchedPayment(c.UserContext(), actor, c.Params("id"))
	if err != nil {
		return err
	}
	here, p := localOf(actor), u.Payment
	data := assignPage{
		Action: "/w/" + actor.Workspace.Slug + "/payments/assign/" + p.ID, Form: f, Amount: billing.FormatMoney(u.Left, here.Locale),
		Day: here.day(p.HappenedAt), Method: methodText(p.Method, p.Brand, p.Last4),
	}
	for _, inv := range u.Invoices {
		due := billing.FormatMoney(billing.Money{Minor: inv.Due, Currency: inv.Currency}, here.Locale)
		data.Choices = append(data.Choices, assignChoice{inv.ID, fmt.Sprintf("%s, %s: %s due", *inv.Number, inv.BuyerName, due)})
	}
	if data.Page, err = h.page(c, "Choose the invoice", "overview"); err != nil {
		return err
	}
	return h.render(c, status, "payment_assign", data)
}

func (h *Server) assignPayment(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	actor, invoice := actorOf(c), f.Value("invoice")
	err = h.app.AssignPayment(c.UserContext(), actor, c.Params("id"), invoice)
	if invoice == "" && errors.Is(err, app.ErrNotFound) {
		err = billing.FieldErrors{"invoice": "Choose the invoice that it is for"}
	}
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showAssign(c, fiber.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	h.flash(c, "The payment counts for this invoice")
	return h.goTo(c, invoicesPath(actor, "/"+invoice))
}

func (h *Server) unassignPayment(c *fiber.Ctx) error {
	err := h.app.UnassignPayment(c.UserContext(), actorOf(c), c.Params("id"), c.Params("payment"))
	if errors.Is(err, app.ErrConflict) {
		return h.confirm(c, fiber.StatusConflict, func(app.Detail) confirmPage {
			return confirmPage{Heading: "It stays with this invoice", Text: []string{"A refund of this payment was asked for since, and counts for this invoice."}}
		})
	}
	if err != nil {
		return err
	}
	h.flash(c, "The payment is for no invoice again")
	return h.goTo(c, invoicesPath(actorOf(c), "/"+c.Params("id")))
}
