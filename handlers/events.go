package handlers

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

// Limits of what is shown of a payload.
const (
	maxShown = 64 << 10 // bytes; Stripe's are a few thousand
	maxDepth = 32       // what is nested deeper is shown as it came
)

// eventRow is one webhook event, as the inbox and its own page show it.
type eventRow struct {
	local
	ID, URL   string
	Text      string // in plain words
	Type      string // Stripe's name
	At        int64  // received
	Age       string
	Source    string // how it came
	Label     billing.Label
	Outcome   string
	ObjectID  string
	Attempts  int64
	NextTry   int64 // 0 = none
	NextIn    string
	FirstHere bool // of the rows that were just added: it takes the focus
}

type eventsPage struct {
	Page
	Base    string
	Tabs    []eventTab
	Find    string
	Rows    []eventRow
	More    string // address of the next page, "" on the last one
	Further bool   // not the first page
}

type eventTab struct {
	Name, URL string
	Current   bool
}

// eventLabels are the states of events in words.
var eventLabels = map[string]billing.Label{
	"applied":   {Key: "applied", Text: "Done", Tone: "ok"},
	"ignored":   {Key: "ignored", Text: "Nothing to do", Tone: ""},
	"failed":    {Key: "failed", Text: "Failed", Tone: "bad"},
	"unmatched": {Key: "unmatched", Text: "Waiting", Tone: "warn"},
}

func eventsPath(actor app.Actor) string { return "/w/" + actor.Workspace.Slug + "/payments/events" }

// events is the webhook inbox.
func (h *Server) events(c *fiber.Ctx) error {
	actor := actorOf(c)
	f := app.EventFilter{State: c.Query("state"), Find: strings.TrimSpace(c.Query("q"))}
	from, further := readCursor(c.Query("after"))
	list, next, err := h.app.Events(c.UserContext(), actor, f, from)
	if err != nil {
		return err
	}
	page, err := h.page(c, "Webhook events", "events")
	if err != nil {
		return err
	}
	base := eventsPath(actor)
	data := eventsPage{Page: page, Base: base, Find: f.Find, Further: further}
	for _, t := range []struct{ name, state string }{{"All", ""}, {"Failed", "failed"}, {"Done", "applied"}, {"Nothing to do", "ignored"}} {
		data.Tabs = append(data.Tabs, eventTab{t.name, eventsURL(base, app.EventFilter{State: t.state}, nil), f.Find == "" && f.State == t.state})
	}
	for _, e := range list {
		data.Rows = append(data.Rows, h.eventRow(actor, e))
	}
	if next != nil {
		data.More = eventsURL(base, f, next)
	}
	if len(data.Rows) > 0 {
		data.Rows[0].FirstHere = partialTarget(c) == "more-events"
	}
	return h.render(c, fiber.StatusOK, "events", data, "more-events")
}

// eventsURL is the address of a page of the inbox.
func eventsURL(base string, f app.EventFilter, after *app.Cursor) string {
	q := url.Values{}
	if f.State != "" {
		q.Set("state", f.State)
	}
	if f.Find != "" {
		q.Set("q", f.Find)
	}
	if after != nil {
		q.Set("after", cursorText(*after))
	}
	if len(q) == 0 {
		return base
	}
	return base + "?" + q.Encode()
}

func (h *Server) eventRow(actor app.Actor, e app.EventRow) eventRow {
	now := h.now()
	r := eventRow{
		local: localOf(actor), ID: e.EventID, URL: eventsPath(actor) + "/" + url.PathEscape(e.EventID),
		Text: eventText(e.Type), Type: e.Type, At: e.ReceivedAt, Age: ago(e.ReceivedAt, now),
		Source: "by webhook", Label: eventLabels[e.State], Outcome: e.Outcome, ObjectID: e.ObjectID, Attempts: e.Attempts,
	}
	if e.Source == "sync" {
		r.Source = "by sync"
	}
	if e.State == "failed" {
		r.NextTry, r.NextIn = e.NextAttemptAt, until(e.NextAttemptAt, now)
	}
	return r
}

// until says in one unit how far off a moment, in Unix microseconds, is.
func until(at int64, now time.Time) string {
	minutes := int64(time.UnixMicro(at).Sub(now).Minutes())
	if minutes < 1 {
		return "within a minute"
	}
	return "in " + count(minutes, "minute")
}

type eventPage struct {
	Page
	eventRow
	Base       string
	Created    int64 // at Stripe
	Account    string
	APIVersion string
	Invoices   []invoiceLink
	Payload    string // set apart, at most maxShown bytes
	Cut        bool   // there is more of it
	Masked     bool   // personal data is hidden in it
	MaskedAt   int64  // when it was taken out for good, 0 = it is there
	MayRetry   bool
}

type invoiceLink struct{ Name, URL string }

// event is the page of one event.
func (h *Server) event(c *fiber.Ctx) error {
	actor := actorOf(c)
	e, err := h.app.Event(c.UserContext(), actor, c.Params("id"))
	if err != nil {
		return err
	}
	page, err := h.page(c, eventText(e.Type), "events")
	if err != nil {
		return err
	}
	data := eventPage{
		Page: page, eventRow: h.eventRow(actor, e.EventRow), Base: eventsPath(actor), Created: e.Created,
		Account: e.Account, APIVersion: e.APIVersion, Masked: e.Masked, MaskedAt: e.MaskedAt, MayRetry: actor.May(app.RetryEvents),
	}
	data.Payload, data.Cut = payloadText(e.Payload)
	for _, inv := range e.Invoices {
		link := invoiceLink{inv.Number, "/w/" + actor.Workspace.Slug + "/payments/invoices/" + inv.ID}
		if link.Name == "" {
			link.Name = "Draft"
		}
		data.Invoices = append(data.Invoices, link)
	}
	return h.render(c, fiber.StatusOK, "event", data)
}

// processEvent applies an event once more and says what came of it.
func (h *Server) processEvent(c *fiber.Ctx) error {
	actor, id := actorOf(c), c.Params("id")
	state, err := h.app.ProcessEvent(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	text := "Processed again. Nothing was counted twice."
	if state == "failed" {
		text = "It failed again. Nothing was changed; Trak keeps trying."
	}
	h.flash(c, text)
	return h.goTo(c, eventsPath(actor)+"/"+url.PathEscape(id))
}

// payloadText sets JSON apart for reading, and cuts off what is too much.
func payloadText(payload []byte) (text string, cut bool) {
	if depth(payload) <= maxDepth {
		var out bytes.Buffer
		if json.Indent(&out, payload, "", "  ") == nil {
			payload = out.Bytes()
		}
	}
	if len(payload) > maxShown {
		return strings.ToValidUTF8(string(payload[:maxShown]), ""), true
	}
	return string(payload), false
}

// depth is how deep the brackets of a JSON text are nested; those in texts count too, which
// errs on the careful side.
func depth(text []byte) (deepest int) {
	now := 0
	for _, b := range text {
		switch b {
		case '{', '[':
			now++
			deepest = max(deepest, now)
		case '}', ']':
			now--
		}
	}
	return deepest
}
