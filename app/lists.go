package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"trak/billing"
	"trak/db"
)

// Tabs of the list of invoices.
const (
	TabAll     = ""
	TabOpen    = "open"
	TabOverdue = "overdue"
	TabPaid    = "paid"
	TabDrafts  = "draft"
	TabClosed  = "closed"
)

const (
	invoicesPerPage = 50
	paymentsPerPage = 50
)

// Cursor is where the next page of a list begins; the zero value is the first page.
type Cursor struct {
	At   int64 // of lists by time
	Date string
	ID   string
}

// Row is one invoice of the list.
type Row struct {
	db.InvoiceRowRow
	Label   billing.Label
	Overdue bool
	Late    int // days past the due date
	// Waiting says that it may still change, so that the list keeps asking.
	Waiting bool
}

// Client is the name to show: the finalized invoice's own, or that of the draft's client.
func (r Row) Client() string {
	if r.BuyerName != "" {
		return r.BuyerName
	}
	return r.ClientName
}

// Invoices returns a page of the list under a tab, newest first (overdue: oldest due date
// first). next is nil on the last page. Members may see it.
func (a *App) Invoices(ctx context.Context, actor Actor, tab string, from Cursor) (rows []Row, next *Cursor, err error) {
	if err := a.need(ctx, actor, ViewInvoices); err != nil {
		return nil, nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err := a.listInvoices(ctx, q, actor, tab, from)
		if err != nil {
			return fmt.Errorf("list invoices: %w", err)
		}
		list, next = pageOf(list, invoicesPerPage, func(r db.InvoiceRowRow) Cursor { return Cursor{At: r.CreatedAt, Date: r.DueDate, ID: r.ID} })
		rows = a.rowsOf(actor, list)
		return nil
	})
	return rows, next, err
}

func (a *App) listInvoices(ctx context.Context, q *db.Queries, actor Actor, tab string, from Cursor) (list []db.InvoiceRowRow, err error) {
	if from.ID == "" {
		from.At = math.MaxInt64
	}
	w, live, n := actor.WorkspaceID, a.live, int64(invoicesPerPage+1)
	switch tab {
	case TabAll:
		got, err := q.ListInvoices(ctx, db.ListInvoicesParams{WorkspaceID: w, Livemode: live, BeforeAt: from.At, BeforeID: from.ID, Max: n})
		return convert(got, func(r db.ListInvoicesRow) db.InvoiceRowRow { return db.InvoiceRowRow(r) }), err
	case TabOverdue:
		today := billing.Today(actor.Workspace.Location(), a.now())
		got, err := q.ListOverdueInvoices(ctx, db.ListOverdueInvoicesParams{WorkspaceID: w, Livemode: live, Today: string(today), AfterDate: from.Date, AfterID: from.ID, Max: n})
		return convert(got, func(r db.ListOverdueInvoicesRow) db.InvoiceRowRow { return db.InvoiceRowRow(r) }), err
	case TabOpen, TabPaid, TabDrafts, TabClosed:
		got, err := q.ListInvoicesInPhase(ctx, db.ListInvoicesInPhaseParams{WorkspaceID: w, Livemode: live, Phase: tab, BeforeAt: from.At, BeforeID: from.ID, Max: n})
		return convert(got, func(r db.ListInvoicesInPhaseRow) db.InvoiceRowRow { return db.InvoiceRowRow(r) }), err
	}
	return nil, ErrNotFound
}

// pageOf is the first page of a list, of which one row more was read than there is room for, and
// where the next page begins; nil on the last one.
func pageOf[R, C any](list []R, room int, after func(last R) C) ([]R, *C) {
	if len(list) <= room {
		return list, nil
	}
	next := after(list[room-1])
	return list[:room], &next
}

func convert[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

func (a *App) rowsOf(actor Actor, list []db.InvoiceRowRow) []Row {
	today := billing.Today(actor.Workspace.Location(), a.now())
	rows := make([]Row, len(list))
	for i, r := range list {
		rows[i] = rowOf(r, today)
	}
	return rows
}

func rowOf(r db.InvoiceRowRow, today billing.Date) Row {
	look := billing.Look{
		Status: billing.Status(r.Status), Flags: strings.Fields(r.Flags), DueDate: billing.Date(r.DueDate), Today: today,
		Sent: r.SentAt > 0, Viewed: r.ViewedAt > 0,
	}
	row := Row{InvoiceRowRow: r, Label: billing.LabelOf(look), Overdue: look.Overdue()}
	if row.Overdue {
		row.Late = daysBetween(r.DueDate, string(today))
	}
	standing := billing.Standing{Phase: billing.Phase(r.Phase), Flags: look.Flags}
	row.Waiting = r.Phase != string(billing.PhaseDraft) && !standing.Final()
	return row
}

func daysBetween(from, to string) int {
	a, err1 := time.Parse(time.DateOnly, from)
	b, err2 := time.Parse(time.DateOnly, to)
	if err1 != nil || err2 != nil {
		return 0
	}
	return int(b.Sub(a).Hours() / 24)
}

// InvoiceRows returns some rows of the list again, for its live update; ids that are not the
// workspace's are left out.
func (a *App) InvoiceRows(ctx context.Context, actor Actor, ids []string) (rows []Row, err error) {
	if err := a.need(ctx, actor, ViewInvoices); err != nil {
		return nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		var list []db.InvoiceRowRow
		for _, id := range ids[:min(len(ids), invoicesPerPage)] {
			r, err := q.InvoiceRow(ctx, db.InvoiceRowParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live, ID: id})
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return fmt.Errorf("read row of the list: %w", err)
			}
			list = append(list, r)
		}
		rows = a.rowsOf(actor, list)
		return nil
	})
	return rows, err
}

// PaymentRow is one payment of the history.
type PaymentRow struct {
	db.ListPaymentsRow
	Label   billing.Label
	Refunds []PaymentRefund
}

// Payment is as much of the payment as its refunds depend on.
func (r PaymentRow) Payment() db.Payment {
	return db.Payment{
		ID: r.ID, WorkspaceID: r.WorkspaceID, InvoiceID: r.InvoiceID, StripeAccountID: r.StripeAccountID, PaymentIntentID: r.PaymentIntentID,
		Livemode: r.Livemode, Currency: r.Currency, Status: r.Status, Gross: r.Gross, Refunded: r.Refunded, Lost: r.Lost, ChargeID: r.ChargeID,
	}
}

func paymentRows(ctx context.Context, q *db.Queries, list []db.ListPaymentsRow) (rows []PaymentRow, err error) {
	for _, p := range list {
		row := PaymentRow{ListPaymentsRow: p, Label: billing.LabelOfStatus(billing.Status(p.Status))}
		if p.RefundsToTell > 0 {
			if row.Refunds, err = refundsOf(ctx, q, row.Payment()); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Payments returns a page of the payment history, newest first. Members may see it.
func (a *App) Payments(ctx context.Context, actor Actor, from Cursor) (rows []PaymentRow, next *Cursor, err error) {
	if err := a.need(ctx, actor, ViewPayments); err != nil {
		return nil, nil, err
	}
	if from.ID == "" {
		from.At = math.MaxInt64
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err := q.ListPayments(ctx, db.ListPaymentsParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live, BeforeAt: from.At, BeforeID: from.ID, Max: paymentsPerPage + 1})
		if err != nil {
			return fmt.Errorf("list payments: %w", err)
		}
		list, next = pageOf(list, paymentsPerPage, func(r db.ListPaymentsRow) Cursor { return Cursor{At: r.HappenedAt, ID: r.ID} })
		rows, err = paymentRows(ctx, q, list)
		return err
	})
	return rows, next, err
}

// Sum is an amount in one currency, and of how many.
type Sum struct {
	Money billing.Money
	Count int64
}

// Overview is the first page of the payments section. Currencies are never added up; the
// workspace's own comes first.
type Overview struct {
	Received    []Sum // this month, refunds taken off
	Outstanding []Sum
	Overdue     []Sum
	OldestLate  int // days
	MonthStart  time.Time
	Latest      []PaymentRow
	Attention   []Row // overdue, a few
	Invoices    int64 // any at all, for the first-run check-list
}

// Overview sums up where the workspace stands. Members may see it.
func (a *App) Overview(ctx context.Context, actor Actor) (o Overview, err error) {
	if err := a.need(ctx, actor, ViewPayments); err != nil {
		return o, err
	}
	const few = 5
	zone := actor.Workspace.Location()
	now := a.now().In(zone)
	o.MonthStart = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, zone)
	today := billing.Today(zone, a.now())
	w := actor.WorkspaceID
	err = a.db.View(ctx, db.Scope(w), func(q *db.Queries) error {
		received, err := q.ReceivedTotals(ctx, db.ReceivedTotalsParams{WorkspaceID: w, Livemode: a.live, Since: o.MonthStart.UnixMicro(), Until: o.MonthStart.AddDate(0, 1, 0).UnixMicro()})
		if err != nil {
			return fmt.Errorf("sum payments: %w", err)
		}
		for _, r := range received {
			o.Received = append(o.Received, Sum{billing.Money{Minor: r.Gross - r.Refunded, Currency: r.Currency}, r.Payments})
		}
		outstanding, err := q.OutstandingTotals(ctx, db.OutstandingTotalsParams{WorkspaceID: w, Livemode: a.live})
		if err != nil {
			return fmt.Errorf("sum outstanding: %w", err)
		}
		for _, r := range outstanding {
			o.Outstanding = append(o.Outstanding, Sum{billing.Money{Minor: r.Due, Currency: r.Currency}, r.Invoices})
		}
		overdue, err := q.OverdueTotals(ctx, db.OverdueTotalsParams{WorkspaceID: w, Livemode: a.live, Today: string(today)})
		if err != nil {
			return fmt.Errorf("sum overdue: %w", err)
		}
		for _, r := range overdue {
			o.Overdue = append(o.Overdue, Sum{billing.Money{Minor: r.Due, Currency: r.Currency}, r.Invoices})
			o.OldestLate = max(o.OldestLate, daysBetween(r.Oldest, string(today)))
		}
		late, err := a.listInvoices(ctx, q, actor, TabOverdue, Cursor{})
		if err != nil {
			return fmt.Errorf("list overdue: %w", err)
		}
		o.Attention = a.rowsOf(actor, late[:min(len(late), few)])
		latest, err := q.ListPayments(ctx, db.ListPaymentsParams{WorkspaceID: w, Livemode: a.live, BeforeAt: math.MaxInt64, Max: few})
		if err != nil {
			return fmt.Errorf("list latest payments: %w", err)
		}
		if o.Latest, err = paymentRows(ctx, q, latest); err != nil {
			return err
		}
		o.Invoices, err = q.CountInvoices(ctx, db.CountInvoicesParams{WorkspaceID: w, Livemode: a.live, Max: 1})
		return err
	})
	for _, sums := range [][]Sum{o.Received, o.Outstanding, o.Overdue} {
		ownFirst(sums, actor.Workspace.Currency)
	}
	return o, err
}

// ownFirst moves the workspace's own currency to the front.
func ownFirst(sums []Sum, currency string) {
	for i, s := range sums {
		if s.Money.Currency == currency {
			copy(sums[1:i+1], sums[:i])
			sums[0] = s
		}
	}
}
