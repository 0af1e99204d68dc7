package handlers

import (
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
	"trak/connect"
)

// tile is one sum at the top of the overview. Value is in the workspace's own currency; what is
// in others stands in the note, as currencies are never added up.
type tile struct {
	Name, URL, Value, Note string
}

// firstStep is one of the three steps to the first payment.
type firstStep struct {
	Name, Text string
	State      string // ok, now, or "" for one that comes later
	URL, Link  string // what to do next, for those who may
}

// attentionRow is something that needs a person: trouble with money, or an invoice that is overdue.
type attentionRow struct {
	local
	URL, Name, Client string
	Label             billing.Label
	Day               billing.Date // when it was due, or must be settled
	Late              string       // 14 days late
	Amount            string
}

type overviewPage struct {
	Page
	Version string
	Tiles   []tile
	Steps   []firstStep // until the first payment has come
	Done    int         // of the steps
	// Stripe needs a look by somebody: the stage's words, nil when all is well.
	Stripe    *stage
	MayManage bool
	// Unheard says that Stripe can't tell us of payments yet.
	Unheard   bool
	Attention []attentionRow
	Troubles  bool    // not only late invoices
	Polled    *polled // nil where Stripe tells by itself
	Latest    []paymentRow
	Empty     bool // no invoice yet
}

// polled says how late news of Stripe's may be where it can't send any.
type polled struct {
	Every string // 20 seconds
	Last  string // 12 minutes ago, when the last read is longer ago than that promises; else empty
}

// polledLate is how long ago Stripe was read at most while all goes well: a read takes its time.
const polledLate = time.Minute

// polled: syncedAt is when the workspace's account was read last, 0 = not yet.
func (h *Server) polled(syncedAt int64) *polled {
	if !h.app.WebhooksOff() {
		return nil
	}
	p := &polled{Every: fmt.Sprintf("%.0f seconds", h.app.SyncPeriod().Seconds())}
	if now := h.now(); syncedAt > 0 && now.Sub(time.UnixMicro(syncedAt)) > polledLate {
		p.Last = ago(syncedAt, now)
	}
	return p
}

func (h *Server) overview(c *fiber.Ctx) error {
	version, err := h.overviewVersion(c)
	if err != nil {
		return err
	}
	data, err := h.overviewOf(c, version)
	if err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "overview", data)
}

// overviewTiles is polled by the overview.
func (h *Server) overviewTiles(c *fiber.Ctx) error {
	version, err := h.overviewVersion(c)
	if err != nil {
		return err
	}
	if c.Query("v") == version {
		return c.SendStatus(fiber.StatusNoContent)
	}
	data, err := h.overviewOf(c, version)
	if err != nil {
		return err
	}
	return h.news(c, "overview-body", data)
}

// overviewVersion changes with the list of invoices, with the connection, at midnight, when
// invoices become overdue, and with what comes to need attention by time alone.
func (h *Server) overviewVersion(c *fiber.Ctx) (string, error) {
	actor := actorOf(c)
	n, err := h.app.AttentionCount(c.UserContext(), actor)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s.%d.%d.%d", billing.Today(actor.Workspace.Location(), h.now()), h.app.ListVersion(actor), h.app.ConnectionVersion(actor), n), nil
}

func (h *Server) overviewOf(c *fiber.Ctx, version string) (overviewPage, error) {
	ctx, actor := c.UserContext(), actorOf(c)
	page, err := h.page(c, "Overview", "overview")
	if err != nil {
		return overviewPage{}, err
	}
	o, err := h.app.Overview(ctx, actor)
	if err != nil {
		return overviewPage{}, err
	}
	troubles, err := h.app.Attention(ctx, actor, false)
	if err != nil {
		return overviewPage{}, err
	}
	connection, err := h.app.Connection(ctx, actor)
	if err != nil {
		return overviewPage{}, err
	}
	paid, err := h.wasPaid(c, o)
	if err != nil {
		return overviewPage{}, err
	}
	data := overviewPage{
		Page: page, Version: version, MayManage: actor.May(app.ManageStripe), Unheard: !connection.WebhooksReady, Polled: h.polled(connection.SyncedAt),
		Tiles: tilesOf(actor, o), Attention: h.attentionRows(actor, troubles, o.Attention), Troubles: len(troubles) > 0, Latest: h.paymentRows(actor, o.Latest), Empty: o.Invoices == 0,
	}
	s := stageOf(connection)
	switch {
	case !paid:
		data.Steps = firstSteps(actor, s, o.Invoices > 0)
		for _, step := range data.Steps {
			if step.State == "ok" {
				data.Done++
			}
		}
	case s.Key != connect.StageActive:
		data.Stripe = &s
	}
	return data, nil
}

// wasPaid says whether any money has ever come in.
func (h *Server) wasPaid(c *fiber.Ctx, o app.Overview) (bool, error) {
	if len(o.Received) > 0 {
		return true, nil
	}
	for _, p := range o.Latest {
		if p.Gross > 0 {
			return true, nil
		}
	}
	if o.Invoices == 0 {
		return false, nil
	}
	counts, err := h.app.InvoiceCounts(c.UserContext(), actorOf(c))
	return counts.Paid > 0, err
}

func firstSteps(actor app.Actor, s stage, invoiced bool) []firstStep {
	base := "/w/" + actor.Workspace.Slug + "/payments"
	connected := s.Key == connect.StageActive || s.Key == connect.StagePaymentsOnly
	steps := []firstStep{
		{Name: "Connect Stripe", Text: s.Text, URL: base + "/connect", Link: "Connect Stripe"},
		{Name: "Create an invoice", Text: "A client, an amount, and you are done.", URL: base + "/invoices?new=1", Link: "New invoice"},
		{Name: "Get paid", Text: "Send the link. Your client pays by card or bank, and it shows here by itself.", URL: base + "/invoices", Link: "See invoices"},
	}
	if s.Key != app.StageNotConnected {
		steps[0].Link = "See the connection"
	}
	for i, done := range []bool{connected, invoiced, false} {
		if done {
			steps[i].State = "ok"
		}
	}
	if connected {
		steps[0].Text = "Money goes straight to your Stripe account."
	}
	if invoiced {
		steps[1].Text = "Your first invoice is here."
	}
	if !actor.May(app.EditInvoices) {
		steps[1].URL = ""
	}
	for i := range steps { // one thing to do next
		if steps[i].State == "" {
			steps[i].State = "now"
			break
		}
	}
	return steps
}

func tilesOf(actor app.Actor, o app.Overview) []tile {
	base := "/w/" + actor.Workspace.Slug + "/payments"
	received := newTile(actor, "Received this month", base+"/history", o.Received, "payment", "Nothing yet this month")
	outstanding := newTile(actor, "Outstanding", base+"/invoices?tab=open", o.Outstanding, "invoice", "Nobody owes you anything")
	overdue := newTile(actor, "Overdue", base+"/invoices?tab=overdue", o.Overdue, "invoice", "Nothing is late")
	if o.OldestLate > 0 {
		overdue.Note += ", oldest " + count(int64(o.OldestLate), "day") + " late"
	}
	return []tile{received, outstanding, overdue}
}

func newTile(actor app.Actor, name, url string, sums []app.Sum, what, nothing string) tile {
	own := billing.Money{Currency: actor.Workspace.Currency}
	var others []string
	n := int64(0)
	for _, s := range sums {
		n += s.Count
		if s.Money.Currency == own.Currency {
			own = s.Money
		} else {
			others = append(others, billing.FormatMoney(s.Money, actor.Workspace.Locale))
		}
	}
	t := tile{Name: name, URL: url, Value: billing.FormatMoney(own, actor.Workspace.Locale), Note: count(n, what)}
	switch {
	case n == 0:
		t.Note = nothing
	case len(others) > 0:
		t.Note = "and " + strings.Join(others, ", ") + " in " + t.Note
	}
	return t
}

// maxTroubles is how many the overview shows before the late invoices; the others are a click away.
const maxTroubles = 5

// attentionRows are trouble with money first, then what is overdue.
func (h *Server) attentionRows(actor app.Actor, troubles []app.Attention, late []app.Row) (rows []attentionRow) {
	here := localOf(actor)
	for _, it := range h.attentionItems(actor, troubles[:min(len(troubles), maxTroubles)]) {
		row := attentionRow{local: here, URL: "/w/" + actor.Workspace.Slug + "/payments/attention", Name: it.Title, Client: it.Client, Label: it.Label, Amount: it.Amount}
		if it.DueBy > 0 {
			row.Day = billing.Date(time.UnixMicro(it.DueBy).In(here.Zone).Format(time.DateOnly))
		}
		if it.Invoice != nil && it.Client != "" {
			row.Client = it.Invoice.Name + ", " + it.Client
		}
		rows = append(rows, row)
	}
	for _, r := range late {
		row := attentionRow{
			local: here, URL: invoicesPath(actor, "/"+r.ID), Client: r.Client(), Label: r.Label,
			Day: billing.Date(r.DueDate), Late: count(int64(r.Late), "day") + " late",
			Amount: billing.FormatMoney(billing.Money{Minor: r.Due, Currency: r.Currency}, here.Locale),
		}
		if r.Number != nil {
			row.Name = *r.Number
		}
		rows = append(rows, row)
	}
	return rows
}

// count writes a number of things: "1 invoice", "2 invoices".
func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
