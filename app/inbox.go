package app

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"trak/billing"
	"trak/connect"
	"trak/db"
)

const eventsPerPage = 50

// EventFilter says which events of the inbox are shown; the zero value is all of them.
type EventFilter struct {
	State string // applied, ignored or failed; "" = any
	Find  string // id of an event, or of what it is about; State does not matter then
}

// EventRow is one event of the inbox, without its payload.
type EventRow = db.ListStripeEventsRow

// Events returns a page of the workspace's inbox, the newest first. next is nil on the last
// page. Members may see it. Returns ErrNotFound for a state that there is not.
func (a *App) Events(ctx context.Context, actor Actor, f EventFilter, from Cursor) (rows []EventRow, next *Cursor, err error) {
	if err := a.need(ctx, actor, ViewEvents); err != nil {
		return nil, nil, err
	}
	if from.ID == "" {
		from.At = math.MaxInt64
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) (err error) {
		rows, err = a.listEvents(ctx, q, actor.WorkspaceID, f, from)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	rows, next = pageOf(rows, eventsPerPage, func(r EventRow) Cursor { return Cursor{At: r.ReceivedAt, ID: r.EventID} })
	return rows, next, nil
}

func (a *App) listEvents(ctx context.Context, q *db.Queries, w string, f EventFilter, from Cursor) (rows []EventRow, err error) {
	const n = eventsPerPage + 1
	switch {
	case strings.HasPrefix(f.Find, "evt_"):
		row, err := q.WorkspaceStripeEvent(ctx, db.WorkspaceStripeEventParams{WorkspaceID: &w, Livemode: a.live, EventID: f.Find})
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("find event: %w", err)
		}
		return []EventRow{rowOfEvent(row)}, nil
	case f.Find != "":
		got, err := q.ListStripeEventsAbout(ctx, db.ListStripeEventsAboutParams{WorkspaceID: &w, Livemode: a.live, ObjectID: f.Find, BeforeAt: from.At, BeforeID: from.ID, Max: n})
		if err != nil {
			return nil, fmt.Errorf("list events about an object: %w", err)
		}
		return convert(got, func(r db.ListStripeEventsAboutRow) EventRow { return EventRow(r) }), nil
	case f.State == "":
		if rows, err = q.ListStripeEvents(ctx, db.ListStripeEventsParams{WorkspaceID: &w, Livemode: a.live, BeforeAt: from.At, BeforeID: from.ID, Max: n}); err != nil {
			return nil, fmt.Errorf("list events: %w", err)
		}
		return rows, nil
	case !slices.Contains([]string{eventApplied, eventIgnored, eventFailed}, f.State):
		return nil, ErrNotFound
	}
	got, err := q.ListStripeEventsInState(ctx, db.ListStripeEventsInStateParams{WorkspaceID: &w, Livemode: a.live, State: f.State, BeforeAt: from.At, BeforeID: from.ID, Max: n})
	if err != nil {
		return nil, fmt.Errorf("list %s events: %w", f.State, err)
	}
	return convert(got, func(r db.ListStripeEventsInStateRow) EventRow { return EventRow(r) }), nil
}

func rowOfEvent(e db.StripeEvent) EventRow {
	return EventRow{
		EventID: e.EventID, Type: e.Type, Created: e.Created, ReceivedAt: e.ReceivedAt, State: e.State, Outcome: e.Outcome,
		Source: e.Source, ObjectID: e.ObjectID, Attempts: e.Attempts, NextAttemptAt: e.NextAttemptAt,
	}
}

// EventDetail is one event with its payload.
type EventDetail struct {
	EventRow
	Account, APIVersion string
	Payload             []byte // as Stripe sent it: it may be anything that is JSON
	Masked              bool   // personal data is hidden in the payload
	MaskedAt            int64  // when it was taken out for good, 0 = it is there
	Invoices            []InvoiceRef
}

// InvoiceRef is enough of an invoice to lead to it.
type InvoiceRef struct {
	ID     string
	Number string // "" while it is a draft
}

// Event returns an event of the inbox, and the invoices that it is about. Members may see it,
// without the personal data that its payload holds: see connect.Masked. Returns ErrNotFound, also
// for another workspace's.
func (a *App) Event(ctx context.Context, actor Actor, id string) (d EventDetail, err error) {
	if err := a.need(ctx, actor, ViewEvents); err != nil {
		return d, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		row, err := a.findEvent(ctx, q, actor, id)
		if err != nil {
			return err
		}
		d = EventDetail{EventRow: rowOfEvent(row), Account: row.StripeAccountID, APIVersion: row.ApiVersion, Payload: row.Payload, MaskedAt: row.MaskedAt}
		if d.Masked = !actor.May(ViewPayloads) && row.MaskedAt == 0; d.Masked {
			d.Payload = connect.Masked(row.Payload)
		}
		d.Invoices, err = a.invoicesOfEvent(ctx, q, actor.WorkspaceID, row)
		return err
	})
	return d, err
}

func (a *App) findEvent(ctx context.Context, q *db.Queries, actor Actor, id string) (db.StripeEvent, error) {
	row, err := q.WorkspaceStripeEvent(ctx, db.WorkspaceStripeEventParams{WorkspaceID: &actor.WorkspaceID, Livemode: a.live, EventID: id})
	if errors.Is(err, sql.ErrNoRows) {
		return row, ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("read event: %w", err)
	}
	return row, nil
}

// ProcessEvent applies an event of the inbox once more, by the same way as when it came, and
// returns the state that it is in then. What is in the books already stays as it is. Owners and
// admins may do it. Returns ErrNotFound.
func (a *App) ProcessEvent(ctx context.Context, actor Actor, id string) (state string, err error) {
	if err := a.need(ctx, actor, RetryEvents); err != nil {
		return "", err
	}
	err = a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		row, err := a.findEvent(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		if state, err = a.processEvent(ctx, tx, row); err != nil {
			return fmt.Errorf("process event %s: %w", id, err)
		}
		tx.AfterCommit(a.jobs.Wake)
		return record(ctx, tx, actor, "event.process", id, row.State, state)
	})
	return state, err
}

// wakeFailedEvents makes all that failed before due now.
func (a *App) wakeFailedEvents(ctx context.Context) error {
	return a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		_, err := tx.WakeFailedEvents(ctx, tx.Now())
		return err
	})
}

// invoicesOfEvent finds the invoices that an event is about, by the links and payments that its
// object names. An event that can't be understood is about none.
func (a *App) invoicesOfEvent(ctx context.Context, q *db.Queries, w string, row db.StripeEvent) ([]InvoiceRef, error) {
	e, err := connect.ParseEvent(row.Payload)
	if err != nil {
		return nil, nil
	}
	facts, reads, err := e.Facts()
	if row.MaskedAt > 0 {
		facts = billing.Facts{}
		reads, err = e.Reads()
	}
	if err != nil {
		facts = billing.Facts{}
	}
	x := subjects{q: q, w: w, account: cmp.Or(row.StripeAccountID, a.ownID())}
	x.gather(facts, reads)
	ids, err := x.invoices(ctx)
	if err != nil {
		return nil, err
	}
	var refs []InvoiceRef
	for _, id := range ids {
		inv, err := q.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: w, ID: id})
		if err != nil {
			return nil, fmt.Errorf("read invoice: %w", err)
		}
		ref := InvoiceRef{ID: id}
		if inv.Number != nil {
			ref.Number = *inv.Number
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// subjects are Stripe's ids of what an event is about.
type subjects struct {
	q                                 *db.Queries
	w, account                        string
	links, sessions, intents, charges []string
}

func (x *subjects) gather(f billing.Facts, reads []billing.Read) {
	for _, s := range f.Sessions {
		x.links, x.intents = append(x.links, s.LinkID), append(x.intents, s.IntentID)
	}
	for _, i := range f.Intents {
		x.intents = append(x.intents, i.ID)
	}
	for _, c := range f.Charges {
		x.charges, x.intents = append(x.charges, c.ID), append(x.intents, c.IntentID)
	}
	for _, r := range f.Refunds {
		x.charges, x.intents = append(x.charges, r.ChargeID), append(x.intents, r.IntentID)
	}
	for _, d := range f.Disputes {
		x.charges, x.intents = append(x.charges, d.ChargeID), append(x.intents, d.IntentID)
	}
	for _, l := range f.Alerts {
		x.charges, x.intents = append(x.charges, l.ChargeID), append(x.intents, l.IntentID)
	}
	for _, r := range reads {
		switch r.Kind {
		case billing.ReadLink:
			x.links = append(x.links, r.ID)
		case billing.ReadSession:
			x.sessions = append(x.sessions, r.ID)
		case billing.ReadIntent:
			x.intents = append(x.intents, r.ID)
		case billing.ReadCharge:
			x.charges = append(x.charges, r.ID)
		}
	}
}

// invoices follows sessions and charges to links and payments, and those to their invoices.
func (x *subjects) invoices(ctx context.Context) (ids []string, err error) {
	for _, id := range x.sessions {
		s, err := x.q.SessionByID(ctx, db.SessionByIDParams{WorkspaceID: x.w, StripeAccountID: x.account, SessionID: id})
		if err := unlessMissing("session", err); err != nil {
			return nil, err
		}
		x.links, x.intents = append(x.links, s.StripeLinkID), append(x.intents, s.PaymentIntentID)
	}
	for _, id := range x.charges {
		c, err := x.q.ChargeByID(ctx, db.ChargeByIDParams{WorkspaceID: x.w, StripeAccountID: x.account, ChargeID: id})
		if err := unlessMissing("charge", err); err != nil {
			return nil, err
		}
		x.intents = append(x.intents, c.PaymentIntentID)
	}
	for _, id := range x.links {
		l, err := x.q.LinkByStripeID(ctx, db.LinkByStripeIDParams{WorkspaceID: x.w, StripeAccountID: x.account, StripeLinkID: id})
		if err := unlessMissing("link", err); err != nil {
			return nil, err
		}
		ids = append(ids, l.InvoiceID)
	}
	for _, id := range x.intents {
		p, err := x.q.PaymentByIntent(ctx, db.PaymentByIntentParams{WorkspaceID: x.w, StripeAccountID: x.account, PaymentIntentID: id})
		if err := unlessMissing("payment", err); err != nil {
			return nil, err
		}
		if p.InvoiceID != nil {
			ids = append(ids, *p.InvoiceID)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" }), nil
}

func unlessMissing(what string, err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return fmt.Errorf("look up %s: %w", what, err)
}
