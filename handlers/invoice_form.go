package handlers

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"trak/app"
	"trak/billing"
	"trak/connect"
	"trak/db"
)

// composer is the form that an invoice is written in: a new one above the list, or a draft on
// a page of its own.
type composer struct {
	Form       form // id, version, client, client_id, client_email, project, summary, amount, due, currency, line[n].…
	Heading    string
	Base       string // path of the workspace's invoices
	Action     string // where it is sent
	Back       string // where closing it leads
	DraftKey   string // what the browser keeps unsent text under
	Alone      bool   // on a page of its own
	Lines      []composerLine
	Total      string
	Currencies []billing.Currency
	Clients    []db.Client // a few to choose from at once
	Terms      []termsOption
	BesideOpen bool // note and order number are shown
	Moved      bool // a line was moved just now, and takes the focus
	Typed      bool // holds what was typed, and is stored nowhere yet
	Projects   []db.Project
	// NoLink says why the invoice will have no payment link, "" when it will have one.
	NoLink   string
	Conflict *conflict // nil unless somebody else has stored the draft meanwhile
}

// conflict says what somebody else has stored meanwhile, and what to do.
type conflict struct {
	Text  string
	Lines []difference
}

// composerLine is one line of the form.
type composerLine struct {
	form
	N      int // counts from 0; rows that were removed leave gaps until the form is sent
	Amount string
	Fresh  bool   // was just added: it takes the focus
	Moved  string // "up" or "down" when it was moved just now: that button takes the focus
}

// termsOption is one choice of when an invoice is due.
type termsOption struct{ Value, Text string }

// usualTerms are the days to pay that the form offers.
var usualTerms = []int64{0, 7, 14, 30, 60}

// termsOptions are the usual ones, the form's own, and a date.
func termsOptions(current string) (list []termsOption) {
	days := slices.Clone(usualTerms)
	if own, err := billing.ParseTerms(current); err == nil && !slices.Contains(days, own) {
		days = append(days, own)
		slices.Sort(days)
	}
	for _, d := range days {
		list = append(list, termsOption{strconv.FormatInt(d, 10), termsText(d)})
	}
	return append(list, termsOption{"", "On a date"})
}

func termsText(days int64) string {
	if days == 0 {
		return "On receipt"
	}
	return "In " + count(days, "day")
}

// Field is the name of one of the line's fields, which is its id as well.
func (l composerLine) Field(name string) string { return fmt.Sprintf("line[%d].%s", l.N, name) }

// Label is what the line is called: people count from 1.
func (l composerLine) Label() string { return fmt.Sprintf("Line %d", l.N+1) }

const (
	actCreate     = "create"
	actAddLine    = "add-line"
	actRemoveLine = "remove-line[" // and the line's number, as in the next two
	actMoveUp     = "move-up["
	actMoveDown   = "move-down["
)

// lineFields are the fields of a line, in the order of the page.
var lineFields = []string{"description", "quantity", "unit_price"}

// newInvoice opens the form.
func (h *Server) newInvoice(c *fiber.Ctx) error {
	actor := actorOf(c)
	if kept, ok := h.keptDraft(c); ok {
		return h.showComposer(c, fiber.StatusOK, kept)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an id: %w", err)
	}
	values := map[string]string{
		"id": id.String(), "currency": actor.Workspace.Currency, "project": openedFor(c),
		"terms": strconv.FormatInt(actor.Workspace.TermsDays, 10),
	}
	return h.showComposer(c, fiber.StatusOK, formOf(values))
}

// showComposer answers with the form for a new invoice, above the list.
func (h *Server) showComposer(c *fiber.Ctx, status int, f form) error {
	actor := actorOf(c)
	data := composer{
		Form: f, Heading: "New invoice", Action: invoicesPath(actor, ""), Back: invoicesPath(actor, ""),
		DraftKey: actor.Workspace.Slug + "-new",
	}
	if project := openedFor(c); project != "" { // keeps its own unsent text, and stays so when it comes back
		data.DraftKey += "-" + project
		data.Action += "?project=" + url.QueryEscape(project)
	}
	if err := h.fillComposer(c, &data); err != nil {
		return err
	}
	return h.showInvoices(c, status, &data)
}

// openedFor is the project whose page has led to the form, "" when none has.
func openedFor(c *fiber.Ctx) string { return clean(c.Query("project")) }

// fillComposer adds what the form shows beside what was typed.
func (h *Server) fillComposer(c *fiber.Ctx, data *composer) error {
	actor, ctx := actorOf(c), c.UserContext()
	data.Base, data.Currencies, data.Terms = invoicesPath(actor, ""), billing.Currencies(), termsOptions(data.Form.Value("terms"))
	for _, name := range []string{"note", "po_number"} {
		data.BesideOpen = data.BesideOpen || data.Form.Line(name) != "" || data.Form.Error(name) != ""
	}
	err := h.priceForm(c, data)
	if err != nil {
		return err
	}
	if data.Clients, err = h.app.SuggestClients(ctx, actor, data.Form.Line("client")); err != nil {
		return err
	}
	if len(data.Clients) == 0 { // a new name: show some all the same, for whoever changes it
		if data.Clients, err = h.app.SuggestClients(ctx, actor, ""); err != nil {
			return err
		}
	}
	if data.Projects, err = h.app.ProjectChoices(ctx, actor, data.Form.Value("project")); err != nil {
		return err
	}
	conn, err := h.app.Connection(ctx, actor)
	if err != nil {
		return err
	}
	data.NoLink = noLink(conn)
	return nil
}

// priceForm adds up what was typed so far. What is wrong with it is said when it is sent.
func (h *Server) priceForm(c *fiber.Ctx, data *composer) error {
	actor := actorOf(c)
	p, err := h.app.PriceInvoice(c.UserContext(), actor, invoiceInput(data.Form))
	if _, ok := fieldErrors(err); err != nil && !ok {
		return err
	}
	numbers := lineNumbers(data.Form)
	moved, to := movedLine(data.Form)
	data.Typed = len(data.Form.order) > 0 // it was sent, and came back
	for i, n := range numbers {
		line := composerLine{form: data.Form, N: n, Amount: lineAmount(actor, p, len(numbers), i)}
		if n == moved {
			line.Moved, data.Moved = to, true
		}
		data.Lines = append(data.Lines, line)
	}
	data.Total = billing.FormatMoney(billing.Money{Minor: p.Totals.Total, Currency: p.Currency.Code}, actor.Workspace.Locale)
	return nil
}

// noLink says why an invoice would get no payment link now, "" when it would get one.
func noLink(conn app.Connection) string {
	switch {
	case conn.Stage == app.StageNotConnected || conn.Stage == app.StageDisconnected:
		return "Stripe is not connected, so clients can see the invoice but can't pay it online yet."
	case conn.Stage == connect.StageRejected || !conn.Account.CanTakePayments():
		return "Stripe does not take payments for you yet, so clients can see the invoice but can't pay it online."
	}
	return ""
}

// lineAmount is what the i-th of n lines comes to, "" while that can't be read. The short line,
// when there is one, comes before them.
func lineAmount(actor app.Actor, p app.Priced, n, i int) string {
	i += len(p.Amounts) - n
	if i < 0 || i >= len(p.Amounts) || p.Lines[i].Quantity == 0 {
		return ""
	}
	return billing.FormatAmount(billing.Money{Minor: p.Amounts[i], Currency: p.Currency.Code}, actor.Workspace.Locale)
}

// createInvoice stores a new invoice, as a draft or finalized, or adds or removes a line of
// the form.
func (h *Server) createInvoice(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if changed, ok := changeLines(f); ok {
		return h.showComposer(c, fiber.StatusOK, changed)
	}
	f, finalize := withoutBlankLines(f), f.Is("act", actCreate)
	inv, err := h.app.CreateInvoice(c.UserContext(), actorOf(c), invoiceInput(f), finalize)
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showComposer(c, fiber.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return h.written(c, inv)
}

// written leads to an invoice that was just stored; to one that can be sent, so that its link
// is at hand.
func (h *Server) written(c *fiber.Ctx, inv db.Invoice) error {
	to := invoicesPath(actorOf(c), "/"+inv.ID)
	if inv.Number == nil {
		h.flash(c, "Draft saved")
		return h.goTo(c, to)
	}
	h.flash(c, *inv.Number+" is ready to send")
	return h.goTo(c, to+"?copy=1")
}

type draftPage struct {
	Page
	Composer *composer
}

// editInvoice opens a draft.
func (h *Server) editInvoice(c *fiber.Ctx) error {
	d, err := h.app.InvoiceDetail(c.UserContext(), actorOf(c), c.Params("id"))
	if err != nil {
		return err
	}
	if d.Invoice.Decided != string(billing.Draft) {
		h.flash(c, "A finalized invoice never changes. Void it and write a new one instead.")
		return c.Redirect(invoicesPath(actorOf(c), "/"+d.Invoice.ID), fiber.StatusSeeOther)
	}
	if kept, ok := h.keptDraft(c); ok {
		return h.showDraft(c, fiber.StatusOK, kept, nil)
	}
	return h.showDraft(c, fiber.StatusOK, draftForm(d, actorOf(c).Workspace.Locale), nil)
}

func (h *Server) showDraft(c *fiber.Ctx, status int, f form, other *conflict) error {
	actor, id := actorOf(c), c.Params("id")
	page, err := h.page(c, "Edit draft", "invoices")
	if err != nil {
		return err
	}
	data := composer{
		Form: f, Heading: "Draft", Action: invoicesPath(actor, "/"+id+"/edit"), Back: invoicesPath(actor, "/"+id),
		DraftKey: id + "-" + f.Value("version"), Alone: true, Conflict: other,
	}
	if client := f.Line("client"); client != "" {
		data.Heading = "Draft for " + client
	}
	if err := h.fillComposer(c, &data); err != nil {
		return err
	}
	return h.render(c, status, "invoice_form", draftPage{page, &data}, "composer")
}

// updateInvoice stores an edited draft. When somebody else has stored it meanwhile, the form
// comes back with what was typed and says what is stored; sending it again replaces that.
func (h *Server) updateInvoice(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if changed, ok := changeLines(f); ok {
		return h.showDraft(c, fiber.StatusOK, changed, nil)
	}
	f, finalize := withoutBlankLines(f), f.Is("act", actCreate)
	in := invoiceInput(f)
	in.ID = c.Params("id")
	inv, err := h.app.UpdateDraft(c.UserContext(), actorOf(c), in, finalize)
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showDraft(c, fiber.StatusUnprocessableEntity, f, nil)
	}
	if errors.Is(err, app.ErrConflict) {
		return h.draftConflict(c, f)
	}
	if err != nil {
		return err
	}
	return h.written(c, inv)
}

// totals are the sums of the form as it is typed.
type totals struct {
	Total string
	Lines []composerLine
}

// previewInvoice answers what the form comes to so far.
func (h *Server) previewInvoice(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	data := composer{Form: f}
	if err := h.priceForm(c, &data); err != nil {
		return err
	}
	return h.fragment(c, fiber.StatusOK, "totals", totals{data.Total, data.Lines})
}

// addLine answers with one more line for the form.
func (h *Server) addLine(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	n := 0
	if numbers := lineNumbers(f); len(numbers) > 0 {
		n = numbers[len(numbers)-1] + 1
	}
	return h.fragment(c, fiber.StatusOK, "line", composerLine{form: blankLine(n), N: n, Fresh: true})
}

// suggestClients answers with the options of the form's clients.
func (h *Server) suggestClients(c *fiber.Ctx) error {
	clients, err := h.app.SuggestClients(c.UserContext(), actorOf(c), clean(c.Query("client")))
	if err != nil {
		return err
	}
	return h.fragment(c, fiber.StatusOK, "client-options", clients)
}

// lineNumbers are the numbers of the lines in a form, in their order.
func lineNumbers(f form) (list []int) {
	for name := range f.values {
		rest, isLine := strings.CutPrefix(name, "line[")
		number, field, closed := strings.Cut(rest, "].")
		n, err := strconv.Atoi(number)
		if isLine && closed && err == nil && n >= 0 && n < 10_000 && slices.Contains(lineFields, field) && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// renumbered is the form with only the given lines, counted from 0 without a gap.
func renumbered(f form, numbers []int) form {
	out := form{values: map[string]string{}}
	for _, name := range f.order {
		if !strings.HasPrefix(name, "line[") {
			out.values[name] = f.values[name]
			out.order = append(out.order, name)
		}
	}
	for i, n := range numbers {
		for _, field := range lineFields {
			name := fmt.Sprintf("line[%d].%s", i, field)
			out.values[name] = f.values[fmt.Sprintf("line[%d].%s", n, field)]
			out.order = append(out.order, name)
		}
	}
	return out
}

// changeLines adds or removes a line when that is what the form was sent for.
func changeLines(f form) (form, bool) {
	act, numbers := f.Value("act"), lineNumbers(f)
	if act == actAddLine {
		out := renumbered(f, numbers)
		if len(numbers) < billing.MaxLines {
			for name, value := range blankLine(len(numbers)).values {
				out.values[name] = value
			}
		}
		return out, true
	}
	number := func(prefix string) (int, bool) { // where the line of that number stands
		text, ok := strings.CutPrefix(strings.TrimSuffix(act, "]"), prefix)
		n, err := strconv.Atoi(text)
		return slices.Index(numbers, n), ok && err == nil
	}
	if at, ok := number(actRemoveLine); ok {
		if at >= 0 {
			numbers = slices.Delete(numbers, at, at+1)
		}
		return renumbered(f, numbers), true
	}
	for prefix, step := range map[string]int{actMoveUp: -1, actMoveDown: 1} {
		at, ok := number(prefix)
		if !ok {
			continue
		}
		to := at + step
		if at >= 0 && to >= 0 && to < len(numbers) {
			numbers[at], numbers[to] = numbers[to], numbers[at]
			at = to
		}
		out := renumbered(f, numbers)
		out.values["act"] = fmt.Sprintf("%s%d]", prefix, at) // for movedLine
		return out, true
	}
	return f, false
}

// movedLine is the line that was moved to make the form what it is, and "up" or "down"; "" when
// none was.
func movedLine(f form) (n int, to string) {
	for prefix, to := range map[string]string{actMoveUp: "up", actMoveDown: "down"} {
		if text, ok := strings.CutPrefix(strings.TrimSuffix(f.Value("act"), "]"), prefix); ok {
			if n, err := strconv.Atoi(text); err == nil {
				return n, to
			}
		}
	}
	return -1, ""
}

func blankLine(n int) form {
	return formOf(map[string]string{
		fmt.Sprintf("line[%d].description", n): "",
		fmt.Sprintf("line[%d].quantity", n):    "1",
		fmt.Sprintf("line[%d].unit_price", n):  "",
	})
}

// withoutBlankLines leaves out lines in which nothing was typed.
func withoutBlankLines(f form) form {
	return renumbered(f, slices.DeleteFunc(lineNumbers(f), func(n int) bool {
		l := composerLine{N: n}
		return f.Line(l.Field("description")) == "" && f.Line(l.Field("unit_price")) == ""
	}))
}

// invoiceInput reads the form for the use-cases. Of several lines, the numbers in what is wrong
// are their places in the form.
func invoiceInput(f form) app.InvoiceInput {
	version, _ := strconv.ParseInt(f.Value("version"), 10, 64)
	in := app.InvoiceInput{
		ID: f.Value("id"), ClientID: f.Value("client_id"), ClientName: f.Line("client"), ClientEmail: f.Line("client_email"),
		Currency: f.Line("currency"), Summary: f.Line("summary"), Amount: f.Line("amount"), Due: f.Line("due"),
		Terms: f.Line("terms"), PONumber: f.Line("po_number"), Note: f.Value("note"), ProjectID: f.Value("project"), Version: version,
	}
	for _, n := range lineNumbers(f) {
		l := composerLine{N: n}
		in.Lines = append(in.Lines, app.LineInput{
			Description: f.Line(l.Field("description")), Quantity: f.Line(l.Field("quantity")), UnitPrice: f.Line(l.Field("unit_price")),
		})
	}
	return in
}

// draftForm is a stored draft as its form. Its first line is written the short way when that
// says the same.
func draftForm(d app.Detail, locale string) form {
	inv := d.Invoice
	values := map[string]string{
		"id": inv.ID, "version": strconv.FormatInt(inv.Version, 10), "client": d.Client.Name, "client_id": d.Client.ID,
		"due": inv.DueDate, "currency": inv.Currency,
		"note": inv.Note, "po_number": inv.PoNumber,
	}
	if inv.TermsDays >= 0 {
		values["terms"] = strconv.FormatInt(inv.TermsDays, 10)
	}
	if inv.ProjectID != nil {
		values["project"] = *inv.ProjectID
	}
	lines := d.Lines
	if len(lines) > 0 && lines[0].Quantity == 1000 && lines[0].Amount > 0 && lines[0].UnitPrice == lines[0].Amount*10_000 {
		values["summary"] = lines[0].Description
		values["amount"] = billing.InputAmount(billing.Money{Minor: lines[0].Amount, Currency: inv.Currency}, locale)
		lines = lines[1:]
	}
	for i, l := range lines {
		at := composerLine{N: i}
		values[at.Field("description")] = l.Description
		values[at.Field("quantity")] = billing.InputQuantity(l.Quantity, locale)
		values[at.Field("unit_price")] = billing.InputUnitPrice(l.UnitPrice, inv.Currency, locale)
	}
	return formOf(values)
}
