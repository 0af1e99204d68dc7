package handlers

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"trak/app"
	"trak/billing"
)

// invoicePage is one invoice for the team. All of it but the frame is one part, which the page
// asks for again while something can change.
type invoicePage struct {
	Page
	local
	Base, URL string // paths of the list and of this invoice
	Name      string // the number, "Draft" before there is one
	TestMark  bool   // it is a test, and no real invoice
	Client    string
	ClientURL string
	Project   *namedLink // nil when it belongs to none
	Amount    string     // the total
	Currency  string
	Label     billing.Label
	Due       billing.Date
	Late      string // "14 days late"
	Issued    billing.Date
	Terms     string // of a draft: "In 14 days" after it is issued, "" when it has a date or none
	PONumber  string
	Note      string
	Author    string
	Version   int64
	Actions   invoiceActions
	Live      *look // nil when nothing can change any more
	Banners   []banner
	Link      *linkCard // nil before there is anything to send
	Items     items
	Payments  []attempt
	Entries   []entry
	Why       why
}

// namedLink leads to something that has a name.
type namedLink struct{ Name, URL string }

// invoiceActions are what may be done with it now.
type invoiceActions struct {
	Finalize, Edit, Delete, Void, Revoke, GiveUp, Reopen, Duplicate bool
	Record                                                          bool   // a payment that came outside Stripe
	CopyID                                                          string // of the draft that Duplicate makes, so that a second click makes no second one
	ClientView                                                      string // address of the client's page
}

// linkCard is what people copy and send.
type linkCard struct {
	URL    string // of the client's page
	Stripe string // the bare link, "" while there is none
	Note   string
	Awaits bool    // there is something to wait for, and Stripe does not tell by itself
	Polled *polled // while there is something to wait for
	Focus  bool    // the button to copy it takes the focus
}

// attempt is one payment, or one that failed.
type attempt struct {
	local
	At      int64
	Method  string
	Label   billing.Label
	Failure string
	Amount  string
	URL     string // at Stripe, for those who have access
	Refunds []refundRow
	Refund  string // where it is refunded, "" when nothing is left or somebody else has to
	// Of one that was recorded by a person:
	Day       billing.Date // and no time of day
	Reference string
	TakeBack  string // where it is taken back, "" for those who may not, and when nothing is left
	// Undo is where an assignment by a person is taken back.
	Undo string
}

func (h *Server) invoice(c *fiber.Ctx) error {
	data, _, err := h.invoiceNow(c)
	if err != nil {
		return err
	}
	if data.Link != nil {
		data.Link.Focus = c.Query("copy") != ""
	}
	return h.render(c, fiber.StatusOK, "invoice", data)
}

// invoiceNow is the page of the invoice as it stands.
func (h *Server) invoiceNow(c *fiber.Ctx) (invoicePage, app.Detail, error) {
	d, err := h.app.InvoiceDetail(c.UserContext(), actorOf(c), c.Params("id"))
	if err != nil {
		return invoicePage{}, d, err
	}
	data, err := h.invoicePage(c, d, newLook(d.Invoice.Version, h.now()))
	return data, d, err
}

// invoiceStatus is polled by the invoice's page. When nothing has changed it reads no invoice.
func (h *Server) invoiceStatus(c *fiber.Ctx) error {
	actor, id := actorOf(c), c.Params("id")
	version, err := h.app.InvoiceVersion(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	shown := readLook(c, h.now())
	next := shown.next(version, h.now())
	if next == shown {
		return c.SendStatus(fiber.StatusNoContent)
	}
	d, err := h.app.InvoiceDetail(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	data, err := h.invoicePage(c, d, shown.next(d.Invoice.Version, h.now()))
	if err != nil {
		return err
	}
	if n := len(data.Entries); n > 0 && data.Version != shown.Version {
		data.Entries[n-1].Fresh = true
	}
	return h.news(c, "invoice-live", data)
}

func (h *Server) invoicePage(c *fiber.Ctx, d app.Detail, l look) (data invoicePage, err error) {
	actor, inv, here := actorOf(c), d.Invoice, localOf(actorOf(c))
	data = invoicePage{
		local: here, Base: invoicesPath(actor, ""), URL: invoicesPath(actor, "/"+inv.ID), Name: "Draft", Client: d.Client.Name,
		Amount:   billing.FormatMoney(billing.Money{Minor: inv.Total, Currency: inv.Currency}, here.Locale),
		TestMark: !inv.Livemode, Currency: inv.Currency, Label: d.Label, Due: billing.Date(inv.DueDate), Issued: billing.Date(inv.IssueDate),
		Version: inv.Version, Entries: entriesOf(d.Timeline, here), Payments: h.attempts(actor, d, here),
	}
	if inv.Number != nil {
		data.Name, data.Client = *inv.Number, inv.BuyerName
	}
	if inv.ClientID != nil && actor.May(app.EditClients) {
		data.ClientURL = clientsPath(actor, "/"+*inv.ClientID+"/edit")
	}
	if p := d.Project; p.ID != "" {
		data.Project = &namedLink{p.Name, projectsPath(actor, "/"+p.ID)}
	}
	if inv.Number == nil && inv.TermsDays >= 0 {
		data.Terms = termsText(inv.TermsDays)
	}
	data.PONumber, data.Note = inv.PoNumber, inv.Note
	if d.Overdue {
		data.Late = count(int64(d.Late), "day") + " late"
	}
	if len(d.Timeline) > 0 {
		data.Author = d.Timeline[0].Who
	}
	data.Actions = actionsOf(actor, d)
	if inv.Number != nil {
		data.Actions.ClientView = h.app.PublicURL(inv)
	}
	data.Why = whyOf(d, here.Locale, data.URL+"/proof")
	if data.Link = h.linkCard(d); data.Link != nil && data.Link.Awaits {
		connection, err := h.app.Connection(c.UserContext(), actor)
		if err != nil {
			return data, err
		}
		data.Link.Polled = h.polled(connection.SyncedAt)
	}
	if data.Banners, err = h.banners(c, d); err != nil {
		return data, err
	}
	if d.Waiting {
		data.Live = &l
	}
	if data.Items, err = itemsOf(d, wordsFor("en"), here.Locale); err != nil {
		return data, err
	}
	data.Page, err = h.page(c, data.Name, "invoices")
	return data, err
}

func actionsOf(actor app.Actor, d app.Detail) (a invoiceActions) {
	if !actor.May(app.EditInvoices) {
		return a
	}
	record := actor.May(app.RecordPayments) && d.Invoice.Number != nil && d.Invoice.Decided != string(billing.Void)
	draft, open := d.Invoice.Decided == string(billing.Draft), d.Invoice.Decided == string(billing.Open)
	return invoiceActions{
		Finalize: draft, Edit: draft, Delete: draft, Revoke: !draft, Duplicate: true, CopyID: uuid.NewString(),
		Void: open && d.Invoice.Received == 0, GiveUp: open && d.Invoice.Due > 0,
		Reopen: d.Invoice.Decided == string(billing.Uncollectible), Record: record,
	}
}

func (h *Server) linkCard(d app.Detail) *linkCard {
	inv := d.Invoice
	if inv.Number == nil || inv.Decided == string(billing.Void) {
		return nil
	}
	card := &linkCard{URL: h.app.PublicURL(inv), Stripe: d.Link.URL}
	switch {
	case d.Link.State == "creating" && d.Link.Error == "":
		card.Note = "The link at Stripe is being made. This one works already."
	case d.Link.State == "closing" && d.Link.Error == "":
		card.Note = "The link at Stripe is being closed."
	case inv.Decided == string(billing.Uncollectible):
		card.Note = "Your client sees there that nothing has to be paid any more."
	case inv.Due == 0:
		card.Note = "Your client sees there what was paid."
	case card.Stripe == "":
		card.Note = "Your client can see the invoice there. Paying opens with the payment link."
	default:
		card.Note = "Your client sees the invoice there and pays it. The money goes straight to your Stripe account."
		card.Awaits = h.app.WebhooksOff()
	}
	return card
}

func (h *Server) banners(c *fiber.Ctx, d app.Detail) ([]banner, error) {
	actor := actorOf(c)
	list := append(h.disputeBanners(actor, d), flagBanners(d, actor.Workspace.Locale)...)
	for i := range list {
		if list[i].Settle {
			list[i].URL, list[i].Link = "/w/"+actor.Workspace.Slug+"/payments/attention", "What to do"
		}
	}
	var conn *app.Connection
	if wantsLink(d) {
		found, err := h.app.Connection(c.UserContext(), actor)
		if err != nil {
			return nil, err
		}
		conn = &found
	}
	if b := linkBanner(d, conn, actor); b != nil {
		if !actor.May(app.EditInvoices) {
			b.Retry = ""
		}
		list = append(list, *b)
	}
	return list, nil
}

func (h *Server) attempts(actor app.Actor, d app.Detail, here local) []attempt {
	list := make([]attempt, len(d.Payments))
	for i, p := range d.Payments {
		list[i] = attempt{
			local: here, At: p.HappenedAt, Method: methodText(p.Method, p.Brand, p.Last4), Label: billing.LabelOfStatus(billing.Status(p.Status)),
			Amount: amountOrNone(p.Gross, p.Currency, here.Locale),
		}
		if p.Gross == 0 {
			list[i].Failure = failureText(p.FailureCode)
		}
		if actor.May(app.ManageStripe) {
			list[i].URL = h.stripePayment(p.StripeAccountID, p.PaymentIntentID, p.Livemode)
		}
		list[i].Refunds = refundRows(actor, d.Refunds, p.ID, here)
		if h.app.MayRefund(actor, p, d.Refunds) {
			list[i].Refund = refundPath(actor, p.ID)
		}
		own := invoicesPath(actor, "/"+d.Invoice.ID+"/payments/"+p.ID)
		if hand, ok := d.Hand[p.ID]; ok {
			list[i].Day, list[i].Reference = hand.ReceivedOn, hand.Reference
			if hand.Left > 0 && actor.May(app.RecordPayments) {
				list[i].TakeBack = own + "/take-back"
			}
		}
		if p.AssignedAt > 0 && actor.May(app.SettleAttention) {
			list[i].Undo = own + "/unassign"
		}
	}
	return list
}

// finalizeInvoice numbers a draft and makes its link.
func (h *Server) finalizeInvoice(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	version, _ := strconv.ParseInt(f.Value("version"), 10, 64)
	inv, err := h.app.FinalizeInvoice(c.UserContext(), actorOf(c), c.Params("id"), version)
	if errs, ok := fieldErrors(err); ok { // the form shows what is missing
		return h.incompleteDraft(c, errs)
	}
	if errors.Is(err, app.ErrConflict) {
		return h.finalizeConflict(c)
	}
	if err != nil {
		return err
	}
	return h.written(c, inv)
}

func (h *Server) incompleteDraft(c *fiber.Ctx, errs billing.FieldErrors) error {
	d, err := h.app.InvoiceDetail(c.UserContext(), actorOf(c), c.Params("id"))
	if err != nil {
		return err
	}
	f := draftForm(d, actorOf(c).Workspace.Locale)
	f.Errors = errs
	return h.showDraft(c, fiber.StatusUnprocessableEntity, f, nil)
}

// linkCopied is sent by the button that copies the link: the invoice counts as sent.
func (h *Server) linkCopied(c *fiber.Ctx) error {
	if err := h.app.MarkSent(c.UserContext(), actorOf(c), c.Params("id")); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

func (h *Server) retryLink(c *fiber.Ctx) error {
	if err := h.app.RetryLink(c.UserContext(), actorOf(c), c.Params("id")); err != nil {
		return err
	}
	return h.goTo(c, invoicesPath(actorOf(c), "/"+c.Params("id")))
}

// confirmPage asks once more before something that can't be undone. With scripts it is shown
// in a dialog.
type confirmPage struct {
	Page
	Heading string
	Text    []string
	Action  string // where it is done, "" when it can't be (any more)
	Button  string
	Version int64 // of what was seen, 0 = it does not matter
	Back    string
	BackTo  string // what Back says when there is nothing to confirm, "" = the invoice
}

// confirm shows the question about an invoice that ask returns.
func (h *Server) confirm(c *fiber.Ctx, status int, ask func(app.Detail) confirmPage) error {
	actor := actorOf(c)
	d, err := h.app.InvoiceDetail(c.UserContext(), actor, c.Params("id"))
	if err != nil {
		return err
	}
	data := ask(d)
	data.Back = invoicesPath(actor, "/"+d.Invoice.ID)
	if data.Page, err = h.page(c, data.Heading, "invoices"); err != nil {
		return err
	}
	return h.render(c, status, "confirm", data)
}

func askVoid(actor app.Actor) func(app.Detail) confirmPage {
	return func(d app.Detail) confirmPage {
		inv := d.Invoice
		switch {
		case inv.Number == nil:
			return confirmPage{Heading: "A draft can't be voided", Text: []string{"It has no number yet. Delete it instead."}}
		case inv.Decided == string(billing.Void):
			return confirmPage{Heading: *inv.Number + " is void already", Text: []string{"There is nothing more to do."}}
		case !actionsOf(actor, d).Void:
			return confirmPage{Heading: *inv.Number + " can't be voided", Text: []string{"Money has come in for it. Refund the payment if it should not have been made."}}
		}
		text := []string{"It keeps its number, and your client's page says that it was withdrawn.", "This can't be undone."}
		if d.Link.State != "" && d.Link.State != "closed" {
			text[0] = "Its payment link stops working, and your client's page says that it was withdrawn. It keeps its number. A payment that is on its way already still arrives and is shown here."
		}
		return confirmPage{Heading: "Void " + *inv.Number + "?", Text: text, Action: invoicesPath(actor, "/"+inv.ID+"/void"), Button: "Void invoice"}
	}
}

func (h *Server) confirmVoid(c *fiber.Ctx) error {
	return h.confirm(c, fiber.StatusOK, askVoid(actorOf(c)))
}

func (h *Server) voidInvoice(c *fiber.Ctx) error {
	err := h.app.VoidInvoice(c.UserContext(), actorOf(c), c.Params("id"))
	if errors.Is(err, app.ErrConflict) {
		return h.confirm(c, fiber.StatusConflict, askVoid(actorOf(c)))
	}
	if err != nil {
		return err
	}
	h.flash(c, "The invoice is void")
	return h.goTo(c, invoicesPath(actorOf(c), "/"+c.Params("id")))
}

func askUncollectible(actor app.Actor) func(app.Detail) confirmPage {
	return func(d app.Detail) confirmPage {
		inv := d.Invoice
		if !actionsOf(actor, d).GiveUp {
			return confirmPage{Heading: "There is nothing to give up on", Text: []string{"Only an open invoice of which something is due can be marked uncollectible."}}
		}
		return confirmPage{
			Heading: "Mark " + *inv.Number + " uncollectible?",
			Text: []string{
				"It counts as outstanding no longer, its payment link stops working, and your client's page says that nothing has to be paid any more. A payment that is on its way already still arrives and is shown here.",
				"You can reopen it later.",
			},
			Action: invoicesPath(actor, "/"+inv.ID+"/uncollectible"), Button: "Mark uncollectible",
		}
	}
}

func (h *Server) confirmUncollectible(c *fiber.Ctx) error {
	return h.confirm(c, fiber.StatusOK, askUncollectible(actorOf(c)))
}

func (h *Server) markUncollectible(c *fiber.Ctx) error {
	err := h.app.MarkUncollectible(c.UserContext(), actorOf(c), c.Params("id"))
	if errors.Is(err, app.ErrConflict) {
		return h.confirm(c, fiber.StatusConflict, askUncollectible(actorOf(c)))
	}
	if err != nil {
		return err
	}
	h.flash(c, "The invoice is marked uncollectible")
	return h.goTo(c, invoicesPath(actorOf(c), "/"+c.Params("id")))
}

func (h *Server) reopenInvoice(c *fiber.Ctx) error {
	err := h.app.ReopenInvoice(c.UserContext(), actorOf(c), c.Params("id"))
	if err != nil && !errors.Is(err, app.ErrConflict) { // open already, or void: the page says so
		return err
	}
	return h.goTo(c, invoicesPath(actorOf(c), "/"+c.Params("id")))
}

// duplicateInvoice writes a draft that says the same, and opens it.
func (h *Server) duplicateInvoice(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	id := f.Value("id")
	if _, err := uuid.Parse(id); err != nil {
		id = uuid.NewString()
	}
	inv, err := h.app.DuplicateInvoice(c.UserContext(), actorOf(c), c.Params("id"), id)
	if err != nil {
		return err
	}
	return h.goTo(c, invoicesPath(actorOf(c), "/"+inv.ID+"/edit"))
}

// askDelete asks about a draft; changed is what happened to it since it was seen, "" = nothing.
func askDelete(actor app.Actor, changed string) func(app.Detail) confirmPage {
	return func(d app.Detail) confirmPage {
		if d.Invoice.Number != nil {
			return confirmPage{Heading: fmt.Sprintf("%s can't be deleted", *d.Invoice.Number), Text: []string{"An invoice with a number stays, so that none is missing. Void it instead."}}
		}
		ask := confirmPage{
			Heading: "Delete this draft?", Text: []string{"Your client has not seen it. This can't be undone."},
			Action: invoicesPath(actor, "/"+d.Invoice.ID+"/delete"), Button: "Delete draft", Version: d.Invoice.Version,
		}
		if changed != "" {
			ask.Text = append([]string{changed}, ask.Text...)
		}
		return ask
	}
}

func (h *Server) confirmDelete(c *fiber.Ctx) error {
	return h.confirm(c, fiber.StatusOK, askDelete(actorOf(c), ""))
}

func (h *Server) deleteInvoice(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	version, _ := strconv.ParseInt(f.Value("version"), 10, 64)
	err = h.app.DeleteDraft(c.UserContext(), actorOf(c), c.Params("id"), version)
	if errors.Is(err, app.ErrConflict) {
		return h.deleteConflict(c)
	}
	if err != nil {
		return err
	}
	h.flash(c, "Draft deleted")
	return h.goTo(c, invoicesPath(actorOf(c), ""))
}

func askRevoke(actor app.Actor) func(app.Detail) confirmPage {
	return func(d app.Detail) confirmPage {
		if d.Invoice.Number == nil {
			return confirmPage{Heading: "A draft has no link yet", Text: []string{"It gets one when it is finalized."}}
		}
		return confirmPage{
			Heading: "Replace the link of " + *d.Invoice.Number + "?",
			Text:    []string{"Whoever has the old link sees nothing any more, and can't pay with it. Send the new one to your client."},
			Action:  invoicesPath(actor, "/"+d.Invoice.ID+"/revoke"), Button: "Replace link",
		}
	}
}

func (h *Server) confirmRevoke(c *fiber.Ctx) error {
	return h.confirm(c, fiber.StatusOK, askRevoke(actorOf(c)))
}

func (h *Server) revokeLink(c *fiber.Ctx) error {
	err := h.app.RevokeLink(c.UserContext(), actorOf(c), c.Params("id"))
	if errors.Is(err, app.ErrConflict) {
		return h.confirm(c, fiber.StatusConflict, askRevoke(actorOf(c)))
	}
	if err != nil {
		return err
	}
	h.flash(c, "The link is replaced")
	return h.goTo(c, invoicesPath(actorOf(c), "/"+c.Params("id")+"?copy=1"))
}
