package rig

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"trak/app"
	"trak/db"
)

// Archive is a data directory with years of invoices of many workspaces. The first workspace
// has four tenths of them, the others share the rest evenly. Of ten invoices five are paid, two
// are open, and one each is overdue, void and a draft.
type Archive struct {
	Dir     string
	Members []Member // one person of each workspace, signed in
}

// Member is somebody who is signed in.
type Member struct {
	Workspace string // id
	Slug      string // of the workspace
	Session   string // value of the session's cookie
	user      string
}

// Fill turns the world, whose directory nobody has open, into an archive of so many invoices
// in so many workspaces. One of each kind comes from the use-cases; the others are copies of
// it, made by SQL together with the facts that they follow from.
func (w *World) Fill(ctx context.Context, workspaces, invoices int) (*Archive, error) {
	database, product, err := w.Open(ctx, w.Dir)
	if err != nil {
		return nil, err
	}
	samples, err := w.samples(ctx, database, product)
	if cerr := database.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("make samples: %w", err)
	}
	if err := w.copySamples(ctx, samples, workspaces, invoices); err != nil {
		return nil, err
	}
	a := &Archive{Dir: w.Dir}
	return a, a.signIn(ctx, w)
}

// samples makes an invoice of each kind and returns their ids.
func (w *World) samples(ctx context.Context, database *db.DB, product *app.App) (map[string]string, error) {
	ids := map[string]string{"open": w.Invoices[0].ID, "overdue": w.Invoices[1].ID, "void": w.Invoices[2].ID, "paid": w.Invoices[3].ID}
	var owner db.User
	err := database.View(ctx, db.System, func(q *db.Queries) (err error) {
		owner, err = q.UserByEmail(ctx, Email)
		return err
	})
	if err != nil {
		return nil, err
	}
	actor, err := product.ActorIn(ctx, owner.ID, w.Slug)
	if err != nil {
		return nil, err
	}
	draft, err := product.CreateInvoice(ctx, actor, app.InvoiceInput{ClientName: "Halden & Vik", Summary: "Brand identity", Amount: "120"}, false)
	if err != nil {
		return nil, err
	}
	ids["draft"] = draft.ID
	if err := product.VoidInvoice(ctx, actor, ids["void"]); err != nil {
		return nil, err
	}
	for _, e := range w.Pay(w.Invoices[3], 0).Events {
		if err := product.ReceiveWebhook(ctx, e.Payload, Sign(e.Payload, time.Now())); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// plan says for each copy whose it is, of which kind, and what differs in it. Invoice j of a
// workspace is a draft when ten divides j, so that the others' numbers run without a gap.
const plan = `CREATE TEMP TABLE plan AS
WITH RECURSIVE
	n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :invoices),
	placed (i, w) AS (SELECT i, CASE WHEN :workspaces = 1 OR i % 5 < 2 THEN 0 ELSE 1 + (i / 5 * 3 + i % 5) % max(1, :workspaces - 1) END FROM n),
	counted (i, w, j) AS (SELECT i, w, row_number() OVER (PARTITION BY w ORDER BY i) FROM placed)
SELECT i, w, CASE j % 10 WHEN 0 THEN 'draft' WHEN 1 THEN 'open' WHEN 2 THEN 'overdue' WHEN 3 THEN 'void' WHEN 4 THEN 'open' ELSE 'paid' END AS kind,
	printf('019a0000-0000-7000-8000-%012x', i) AS new_invoice,
	CASE w WHEN 0 THEN f.id ELSE printf('019a0000-0000-7000-8001-%012x', w) END AS new_workspace,
	printf('019a0000-0000-7000-8002-%012x', w) AS new_user,
	CASE w WHEN 0 THEN a.stripe_account_id ELSE printf('acct_copy%012d', w) END AS new_account,
	printf('019a0000-0000-7000-8003-%012x', w * 20 + j % 20) AS new_client,
	printf('Halden & Vik %d', j % 20) AS new_buyer,
	j - j / 10 + CASE w WHEN 0 THEN c.last ELSE 0 END AS new_number,
	:now - (:invoices - i) * 30000000 AS new_at,
	date('now', CASE j % 10 WHEN 2 THEN printf('-%d days', 1 + j % 90) ELSE '+14 days' END) AS new_due
FROM counted, workspaces f, stripe_connect_accounts a, counters c`

// copied says what differs in the copies of a table's rows: column -> expression. from is the
// table that has a row for each copy, where chooses the rows that are copied.
type copied struct {
	table, from, where string
	set                map[string]string
}

var copies = []copied{
	{"workspaces", "places", "TRUE", map[string]string{"id": "new_workspace", "slug": "printf('studio-%d', w)", "name": "printf('Studio %d', w)"}},
	{"users", "places", "TRUE", map[string]string{"id": "new_user", "email": "printf('member%d@example.com', w)", "last_workspace_id": "new_workspace"}},
	{"memberships", "places", "TRUE", map[string]string{"workspace_id": "new_workspace", "user_id": "new_user"}},
	{"stripe_connect_accounts", "places", "TRUE", map[string]string{
		"id": "new_workspace", "workspace_id": "new_workspace", "stripe_account_id": "new_account",
		"idempotency_key": "idempotency_key || w", "connected_by": "new_user",
	}},
	{"counters", "places", "TRUE", map[string]string{"workspace_id": "new_workspace", "last": "numbers"}},
	{"clients", "(SELECT DISTINCT new_client, new_workspace, new_buyer FROM plan)", "TRUE", map[string]string{
		"id": "new_client", "workspace_id": "new_workspace", "name": "new_buyer", "search_text": "lower(new_buyer)",
	}},
	{"invoices", "plan", "id = :sample", map[string]string{
		"id": "new_invoice", "workspace_id": "new_workspace", "client_id": "new_client",
		"number": "CASE WHEN number IS NOT NULL THEN printf('INV-%04d', new_number) END",
		"token":  "printf('archive%015d', i)", "buyer_name": "CASE WHEN number IS NOT NULL THEN new_buyer ELSE '' END",
		"due_date": "new_due", "created_at": "new_at", "updated_at": "new_at",
	}},
	{"invoice_lines", "plan", "invoice_id = :sample", map[string]string{
		"id": "new_invoice || position", "workspace_id": "new_workspace", "invoice_id": "new_invoice",
	}},
	{"payment_links", "plan", "invoice_id = :sample", map[string]string{
		"id": "new_invoice", "workspace_id": "new_workspace", "invoice_id": "new_invoice", "stripe_account_id": "new_account",
		"stripe_link_id": "printf('plink_archive%012d', i)", "url": "url || i", "idempotency_key": "idempotency_key || i",
	}},
	{"payments", "plan", "invoice_id = :sample", map[string]string{
		"id": "new_invoice", "workspace_id": "new_workspace", "invoice_id": "new_invoice", "stripe_account_id": "new_account",
		"payment_intent_id": "printf('pi_archive%012d', i)", "charge_id": "printf('ch_archive%012d', i)", "happened_at": "new_at",
	}},
	{"charges", "plan", "payment_intent_id = (SELECT payment_intent_id FROM payments WHERE invoice_id = :sample)", map[string]string{
		"charge_id": "printf('ch_archive%012d', i)", "workspace_id": "new_workspace", "stripe_account_id": "new_account",
		"payment_intent_id": "printf('pi_archive%012d', i)", "created_at": "new_at", "paid_at": "new_at",
	}},
	{"checkout_sessions", "plan", "payment_intent_id = (SELECT payment_intent_id FROM payments WHERE invoice_id = :sample)", map[string]string{
		"session_id": "printf('cs_archive%012d', i)", "workspace_id": "new_workspace", "stripe_account_id": "new_account",
		"payment_intent_id": "printf('pi_archive%012d', i)", "stripe_link_id": "printf('plink_archive%012d', i)", "paid_at": "new_at",
	}},
}

func (w *World) copySamples(ctx context.Context, samples map[string]string, workspaces, invoices int) error {
	return write(ctx, w.Dir, func(tx *sql.Tx) error {
		steps := []string{
			// Nothing waits to be done at Stripe.
			"UPDATE payment_links SET state = 'closed', closed_at = created_at, next_attempt_at = 0 WHERE state = 'closing'",
			"UPDATE stripe_reads SET next_attempt_at = 0",
			plan,
			"CREATE TEMP TABLE places AS SELECT w, new_workspace, new_user, new_account, max(new_number) AS numbers FROM plan WHERE w > 0 GROUP BY w",
		}
		for _, s := range steps {
			if _, err := tx.ExecContext(ctx, s, named(s, sql.Named("invoices", invoices), sql.Named("workspaces", workspaces), sql.Named("now", time.Now().UnixMicro()))...); err != nil {
				return fmt.Errorf("plan copies: %w", err)
			}
		}
		for _, c := range copies {
			names, values, err := columns(ctx, tx, c.table, c.set)
			if err != nil {
				return err
			}
			// One row of each table is copied for each place, the first: there are copies by then.
			query := fmt.Sprintf("INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM %[4]s, (SELECT * FROM %[1]s WHERE %[5]s ORDER BY rowid LIMIT 1)", c.table, names, values, c.from, c.where)
			if c.from == "plan" {
				query += " WHERE kind = :kind ORDER BY i"
			}
			for kind, sample := range samples {
				if _, err := tx.ExecContext(ctx, query, named(query, sql.Named("kind", kind), sql.Named("sample", sample))...); err != nil {
					return fmt.Errorf("copy rows of %s: %w", c.table, err)
				}
				if c.from != "plan" {
					break
				}
			}
		}
		_, err := tx.ExecContext(ctx, "UPDATE counters SET last = (SELECT max(new_number) FROM plan WHERE plan.new_workspace = counters.workspace_id)")
		if err != nil {
			return fmt.Errorf("count the copies: %w", err)
		}
		return nil
	})
}

// named leaves out the arguments that a query does not name: the driver wants exactly those.
func named(query string, args ...sql.NamedArg) (list []any) {
	for _, a := range args {
		if strings.Contains(query, ":"+a.Name) {
			list = append(list, a)
		}
	}
	return list
}

// signIn starts a session for one person of each workspace.
func (a *Archive) signIn(ctx context.Context, w *World) error {
	database, product, err := w.Open(ctx, a.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	pool, err := openFile(a.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	rows, err := pool.QueryContext(ctx, "SELECT m.user_id, w.id, w.slug FROM memberships m JOIN workspaces w ON w.id = m.workspace_id ORDER BY m.created_at, m.rowid")
	if err != nil {
		return fmt.Errorf("list members: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		m := Member{Session: fmt.Sprintf("session-of-member-%d", len(a.Members))}
		if err := rows.Scan(&m.user, &m.Workspace, &m.Slug); err != nil {
			return err
		}
		a.Members = append(a.Members, m)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = Together(min(64, len(a.Members)), len(a.Members), func(_, i int) error {
		m, end := a.Members[i], time.Now().Add(24*time.Hour)
		data, err := scs.GobCodec{}.Encode(end, map[string]any{app.SessionUser: m.user, "csrf": m.Session, "seen": time.Now().Unix()})
		if err != nil {
			return err
		}
		hash := sha256.Sum256([]byte(m.Session))
		return product.Sessions().CommitCtx(ctx, base64.RawURLEncoding.EncodeToString(hash[:]), data, end)
	})
	return err
}
