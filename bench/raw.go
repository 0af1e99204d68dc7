package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"trak/bench/rig"
	"trak/billing"
	"trak/db"
)

// rawStore is the limit of this disk and of SQLite: it writes the rows that the product leaves
// for each event, with the product's own statements, and reads, parses and decides nothing.
// One goroutine takes whatever waits and commits it together.
type rawStore struct {
	ctx       context.Context
	pool      *sql.DB
	conn      *sql.Conn
	q         *db.Queries
	workspace string
	account   string
	jobs      chan rawJob
	done      chan struct{}
}

type rawJob struct {
	event  paidEvent
	answer chan error
}

func openRaw(ctx context.Context, dir, account string) (*rawStore, error) {
	r := &rawStore{ctx: ctx, account: account, jobs: make(chan rawJob, 256), done: make(chan struct{})}
	var err error
	r.pool, err = sql.Open("sqlite3", "file:"+filepath.Join(dir, db.FileName)+"?_journal_mode=WAL&_synchronous=FULL&_foreign_keys=1&_mutex=no&_cache_size=-8192")
	if err != nil {
		return nil, err
	}
	if r.conn, err = r.pool.Conn(ctx); err != nil {
		return nil, err
	}
	r.q = db.New(&prepared{r.conn, map[string]*sql.Stmt{}})
	acc, err := r.q.AccountByStripeID(ctx, &account)
	if err != nil {
		return nil, err
	}
	r.workspace = acc.WorkspaceID
	go r.loop()
	return r, nil
}

func (r *rawStore) close() {
	close(r.jobs)
	<-r.done
	_ = r.conn.Close()
	_ = r.pool.Close()
}

func (r *rawStore) store(atOnce int, events []paidEvent) (rig.Result, error) {
	answers := make([]chan error, atOnce)
	for i := range answers {
		answers[i] = make(chan error, 1)
	}
	return rig.Together(atOnce, len(events), func(worker, i int) error {
		r.jobs <- rawJob{events[i], answers[worker]}
		return <-answers[worker]
	})
}

func (r *rawStore) warmUp(events []paidEvent) error {
	_, err := r.store(connections, events)
	return err
}

func (r *rawStore) loop() {
	defer close(r.done)
	for first := range r.jobs {
		batch := []rawJob{first}
		for more := true; more && len(batch) < cap(r.jobs); {
			select {
			case j, open := <-r.jobs:
				if more = open; open {
					batch = append(batch, j)
				}
			default:
				more = false
			}
		}
		err := r.commit(batch)
		for _, j := range batch {
			j.answer <- err
		}
	}
}

func (r *rawStore) commit(batch []rawJob) error {
	if _, err := r.conn.ExecContext(r.ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, j := range batch {
		if err := r.rows(j.event); err != nil {
			return fmt.Errorf("rows of %s: %w", j.event.Type, err)
		}
	}
	_, err := r.conn.ExecContext(r.ctx, "COMMIT")
	return err
}

// rows writes what an event of a card payment leaves when the four arrive in Stripe's order.
func (r *rawStore) rows(e paidEvent) error {
	ctx, q, p, now := r.ctx, r.q, e.payment, time.Now().UnixMicro()
	if _, err := q.InsertStripeEvent(ctx, db.InsertStripeEventParams{
		EventID: e.ID, StripeAccountID: r.account, WorkspaceID: &r.workspace, Type: e.Type, ApiVersion: "2023-10-16",
		Created: now, ReceivedAt: now, Payload: e.Payload, State: "applied", Source: "webhook", ObjectID: p.Intent,
	}); err != nil {
		return err
	}
	payment := db.UpsertPaymentParams{
		ID: uuid.Must(uuid.NewV7()).String(), WorkspaceID: r.workspace, StripeAccountID: r.account, PaymentIntentID: p.Intent,
		Currency: "eur", InvoiceHint: p.Invoice.ID, Status: string(billing.Incomplete),
	}
	switch e.Type {
	case "payment_intent.created":
		return r.unmatched(payment)
	case "charge.succeeded":
		err := q.UpsertCharge(ctx, db.UpsertChargeParams{
			StripeAccountID: r.account, ChargeID: p.Charge, WorkspaceID: r.workspace, PaymentIntentID: p.Intent, Rank: int64(billing.ChargeSucceeded),
			Amount: rig.Amount, Captured: rig.Amount, Currency: "eur", Method: "card", Brand: "visa", Last4: "4242", CreatedAt: now, PaidAt: now,
		})
		if err != nil {
			return err
		}
		return r.unmatched(paidPayment(payment, p, now))
	case "checkout.session.completed":
		err := q.UpsertSession(ctx, db.UpsertSessionParams{
			StripeAccountID: r.account, SessionID: p.Session, WorkspaceID: r.workspace, StripeLinkID: p.Invoice.Link, PaymentIntentID: p.Intent,
			Rank: int64(billing.SessionPaid), Amount: rig.Amount, Currency: "eur", PaidAt: now,
		})
		if err != nil {
			return err
		}
		payment = paidPayment(payment, p, now)
		payment.InvoiceID = &p.Invoice.ID
		if err := q.UpsertPayment(ctx, payment); err != nil {
			return err
		}
		if err := r.invoice(p, now); err != nil {
			return err
		}
		links, err := q.LinksOfInvoice(ctx, db.LinksOfInvoiceParams{WorkspaceID: r.workspace, InvoiceID: p.Invoice.ID})
		if err != nil || len(links) == 0 {
			return fmt.Errorf("the link is gone: %w", err)
		}
		_, err = q.SetLinkClosing(ctx, db.SetLinkClosingParams{WorkspaceID: r.workspace, ID: links[0].ID, Now: now})
		return err
	}
	return nil // payment_intent.succeeded says nothing that is not known by then
}

// unmatched writes a payment whose invoice is not known yet, and what is to be read of it.
func (r *rawStore) unmatched(p db.UpsertPaymentParams) error {
	err := r.q.AskRead(r.ctx, db.AskReadParams{
		StripeAccountID: r.account, Kind: billing.ReadIntent, ObjectID: p.PaymentIntentID, WorkspaceID: r.workspace, NextAttemptAt: time.Now().UnixMicro(),
	})
	if err != nil {
		return err
	}
	return r.q.UpsertPayment(r.ctx, p)
}

func (r *rawStore) invoice(p *rig.Payment, now int64) error {
	_, err := r.q.SetInvoiceDerived(r.ctx, db.SetInvoiceDerivedParams{
		WorkspaceID: r.workspace, ID: p.Invoice.ID, Status: string(billing.Paid), Phase: "paid", Received: rig.Amount, UpdatedAt: now,
	})
	return err
}

func paidPayment(row db.UpsertPaymentParams, p *rig.Payment, now int64) db.UpsertPaymentParams {
	row.Status, row.Gross, row.ChargeID, row.HappenedAt = string(billing.Succeeded), rig.Amount, p.Charge, now
	row.Method, row.Brand, row.Last4 = "card", "visa", "4242"
	return row
}

// prepared is a connection that keeps the statements it has prepared.
type prepared struct {
	*sql.Conn
	stmts map[string]*sql.Stmt
}

func (p *prepared) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := p.stmts[query]; ok {
		return s, nil
	}
	s, err := p.Conn.PrepareContext(ctx, query)
	if err == nil {
		p.stmts[query] = s
	}
	return s, err
}

func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := p.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), args...)
}

func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(context.Background(), args...)
}
