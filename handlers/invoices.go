package handlers

import (
	"html/template"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

// invoicesPage is the list of invoices, with the form for a new one above it while it is open.
type invoicesPage struct {
	Page
	Composer *composer // nil = closed
	Base     string    // path of the list
	Tabs     []tab
	Rows     []template.HTML
	Live     *listLook // nil when no row can change
	More     string    // address of the next page, "" on the last one
	Further  bool      // not the first page
	Empty    emptyList
}

// tab is a filter of the list.
type tab struct {
	URL, Name, Count string
	Current          bool
}

// emptyList is what stands in the place of the rows when there are none.
type emptyList struct{ Heading, Text string }

// invoiceRow is one invoice of the list. All is formatted before the template.
type invoiceRow struct {
	ID, URL     string
	Name        string // the number, "Draft" before there is one
	Client      string
	Label       billing.Label
	DueISO, Due string // "" = no date
	Late        string // 14 days late
	Amount      string
	Currency    string
	First       bool // of the rows that were just added: it takes the focus
	OOB         bool // sent to replace the row that is there
}

// listLook is the poll of some rows: which version of the list they are from, and of each row
// that can change its id and version.
type listLook struct {
	ID, URL string
}

var tabs = []struct{ key, name, empty string }{
	{app.TabAll, "All", "No invoices yet"},
	{app.TabOpen, "Open", "Nothing is open"},
	{app.TabOverdue, "Overdue", "Nothing is overdue"},
	{app.TabPaid, "Paid", "Nothing is paid yet"},
	{app.TabDrafts, "Drafts", "No drafts"},
	{app.TabClosed, "Closed", "Nothing is closed"},
}

// invoicesPath is an address below the workspace's invoices.
func invoicesPath(actor app.Actor, rest string) string {
	return "/w/" + actor.Workspace.Slug + "/payments/invoices" + rest
}

func (h *Server) listInvoices(c *fiber.Ctx) error {
	if c.Query("new") != "" && actorOf(c).May(app.EditInvoices) {
		return h.newInvoice(c)
	}
	return h.showInvoices(c, fiber.StatusOK, nil)
}

// showInvoices answers with the list, and with the form when it is open. What htmx replaces is
// the form alone, or the rows that follow.
func (h *Server) showInvoices(c *fiber.Ctx, status int, form *composer) error {
	actor := actorOf(c)
	page, err := h.page(c, "Invoices", "invoices")
	if err != nil {
		return err
	}
	data := invoicesPage{Page: page, Composer: form, Base: invoicesPath(actor, "")}
	if form == nil || partialTarget(c) != "composer" {
		if err := h.fillList(c, &data); err != nil {
			return err
		}
	}
	return h.render(c, status, "invoices", data, "composer", "more")
}

func (h *Server) fillList(c *fiber.Ctx, data *invoicesPage) error {
	actor, ctx, key := actorOf(c), c.UserContext(), c.Query("tab")
	version := h.app.ListVersion(actor) // before the rows, so that what comes between is found by the next poll
	from, further := readListCursor(c)
	rows, next, err := h.app.Invoices(ctx, actor, key, from)
	if err != nil {
		return err
	}
	counts, err := h.app.InvoiceCounts(ctx, actor)
	if err != nil {
		return err
	}
	if data.Rows, err = h.renderRows(actor, rows, partialTarget(c) == "more"); err != nil {
		return err
	}
	data.Live, data.Further = liveList(actor, version, rows), further
	if next != nil {
		data.More = data.Base + "?" + listCursorQuery(key, *next)
	}
	for _, t := range tabs {
		n := map[string]int64{app.TabAll: counts.All, app.TabOpen: counts.Open, app.TabOverdue: counts.Overdue,
			app.TabPaid: counts.Paid, app.TabDrafts: counts.Drafts, app.TabClosed: counts.Closed}[t.key]
		url := data.Base
		if t.key != app.TabAll {
			url += "?tab=" + t.key
		}
		data.Tabs = append(data.Tabs, tab{url, t.name, upTo(n), t.key == key})
		if t.key == key {
			data.Empty.Heading = t.empty
		}
	}
	if counts.All == 0 {
		data.Empty.Text = "Write the first one: a client, an amount, and you are done."
	}
	return nil
}

// upTo writes a counter that stops at a thousand.
func upTo(n int64) string {
	if n >= 1000 {
		return "999+"
	}
	return strconv.FormatInt(n, 10)
}

// renderRows renders the rows. When they are added to a list, the first of them takes the focus.
func (h *Server) renderRows(actor app.Actor, list []app.Row, added bool) ([]template.HTML, error) {
	rows := make([]template.HTML, len(list))
	for i, r := range list {
		row := h.rowOf(actor, r)
		row.First = added && i == 0
		html, err := h.row(row)
		if err != nil {
			return nil, err
		}
		rows[i] = html
	}
	return rows, nil
}

func (h *Server) rowOf(actor app.Actor, r app.Row) invoiceRow {
	locale := actor.Workspace.Locale
	row := invoiceRow{
		ID: r.ID, URL: invoicesPath(actor, "/"+r.ID), Name: "Draft", Client: r.Client(), Label: r.Label,
		DueISO: r.DueDate, Due: billing.Date(r.DueDate).Format(locale),
		Amount:   h.amounts.Format(billing.Money{Minor: r.Total, Currency: r.Currency}, locale),
		Currency: strings.ToUpper(r.Currency),
	}
	if r.Number != nil {
		row.Name = *r.Number
	}
	if r.Late > 0 {
		row.Late = count(int64(r.Late), "day") + " late"
	}
	return row
}

// liveList is the poll of the rows that may still change, nil when none does.
func liveList(actor app.Actor, version int64, rows []app.Row) *listLook {
	var waiting []string
	for _, r := range rows {
		if r.Waiting {
			waiting = append(waiting, r.ID+"."+strconv.FormatInt(r.Version, 10))
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	query := url.Values{"v": {strconv.FormatInt(version, 10)}, "ids": {strings.Join(waiting, ",")}}
	return &listLook{"live-" + rows[0].ID, invoicesPath(actor, "/live?"+query.Encode())}
}

// liveRows is polled by the list. It answers with the rows that have changed since they were
// sent, and with the next poll.
type liveRows struct {
	ID   string // of the element that polls
	Live *listLook
	Rows []invoiceRow // those that have changed
}

func (h *Server) invoiceRowsLive(c *fiber.Ctx) error {
	actor := actorOf(c)
	version := h.app.ListVersion(actor)
	if c.Query("v") == strconv.FormatInt(version, 10) {
		return c.SendStatus(fiber.StatusNoContent)
	}
	var ids []string
	shown := map[string]string{}
	for _, pair := range strings.Split(c.Query("ids"), ",") {
		id, v, _ := strings.Cut(pair, ".")
		ids, shown[id] = append(ids, id), v
	}
	rows, err := h.app.InvoiceRows(c.UserContext(), actor, ids)
	if err != nil {
		return err
	}
	data := liveRows{ID: partialTarget(c), Live: liveList(actor, version, rows)}
	if data.Live != nil {
		data.Live.ID = data.ID
	}
	for _, r := range rows {
		if strconv.FormatInt(r.Version, 10) != shown[r.ID] {
			row := h.rowOf(actor, r)
			row.OOB = true
			data.Rows = append(data.Rows, row)
		}
	}
	return h.news(c, "live-rows", data)
}

// readListCursor reads where the list goes on, and says whether it does.
func readListCursor(c *fiber.Ctx) (app.Cursor, bool) {
	at, _ := strconv.ParseInt(c.Query("at"), 10, 64)
	from := app.Cursor{At: at, Date: c.Query("date"), ID: c.Query("id")}
	if from.ID == "" || from.At == 0 && from.Date == "" {
		return app.Cursor{}, false
	}
	return from, true
}

func listCursorQuery(tab string, from app.Cursor) string {
	q := url.Values{"at": {strconv.FormatInt(from.At, 10)}, "id": {from.ID}}
	if from.Date != "" {
		q.Set("date", from.Date)
	}
	if tab != app.TabAll {
		q.Set("tab", tab)
	}
	return q.Encode()
}
