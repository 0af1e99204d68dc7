package app

import (
	"archive/zip"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"trak/db"
)

const (
	exportPage = 500 // rows that are read at a time
	exportTime = 10 * time.Minute
)

// exports are the tables of a workspace's export, in the order of its files. What is left out is in
// notExported.
var exports = []db.Dump{
	{Table: "workspaces", Key: []string{"id"}},
	{Table: "workspace_slugs", Key: []string{"slug"}},
	{Table: "memberships", Key: []string{"user_id"}},
	{Table: "former_members", Key: []string{"user_id"}},
	{Table: "invitations", Key: []string{"id"}},
	{Table: "clients", Key: []string{"id"}},
	{Table: "projects", Key: []string{"id"}},
	{Table: "invoices", Key: []string{"id"}},
	{Table: "invoice_lines", Key: []string{"id"}},
	{Table: "invoice_events", Key: []string{"id"}},
	{Table: "counters", Key: []string{"series", "livemode"}},
	{Table: "stripe_connect_accounts", Key: []string{"id"}},
	{Table: "payment_links", Key: []string{"id"}},
	{Table: "payments", Key: []string{"id"}},
	{Table: "hand_entries", Key: []string{"id"}},
	{Table: "checkout_sessions", Key: []string{"stripe_account_id", "session_id"}},
	{Table: "charges", Key: []string{"stripe_account_id", "charge_id"}},
	{Table: "refunds", Key: []string{"stripe_account_id", "refund_id"}},
	{Table: "refund_requests", Key: []string{"id"}},
	{Table: "disputes", Key: []string{"stripe_account_id", "dispute_id"}},
	{Table: "dispute_answers", Key: []string{"stripe_account_id", "dispute_id"}},
	{Table: "dispute_files", Key: []string{"id"}},
	{Table: "radar_alerts", Key: []string{"stripe_account_id", "alert_id"}},
	{Table: "payouts", Key: []string{"stripe_account_id", "payout_id"}},
	{Table: "balance_transactions", Key: []string{"stripe_account_id", "transaction_id"}},
	{Table: "attention_ignored", Key: []string{"kind", "subject"}},
	{Table: "stripe_webhook_events", Key: []string{"event_id"}},
	{Table: "messages", Key: []string{"id"}},
	{Table: "audit_log", Key: []string{"id"}},
}

// notExported are a workspace's tables, and columns of all tables, that no export has: what lets
// somebody in, and how far Trak's own work has come.
var notExported = map[string]bool{
	"workspace_logos": true, // a file of its own
	"stripe_reads":    true, "sync_cursors": true,
	"token": true, "hash": true, "secret": true, "idempotency_key": true, "form_key": true, "search_text": true,
	"attempts": true, "first_attempt_at": true, "next_attempt_at": true, "claimed_until": true, "keys_spent": true,
}

const exportReadme = `This is all that Trak holds of the workspace, as it was while the file was written.

Each table is there twice: as .csv for spreadsheets and as .json for programs. Money is in the
smallest unit of its currency as Stripe counts it: 1050 in eur is EUR 10.50. Times in .csv are in
UTC; in .json they are microseconds since 1970. Texts in .csv that a spreadsheet would take for a
formula begin with an apostrophe. people.csv says who the ids of users are.
`

// ExportWorkspace gives all of a workspace away, as a zip of CSV and JSON that write makes bit by bit,
// for 10 minutes at most. Owners and admins may do it, and that they did is recorded.
func (a *App) ExportWorkspace(ctx context.Context, actor Actor) (write func(io.Writer) error, err error) {
	if err := a.need(ctx, actor, Export); err != nil {
		return nil, err
	}
	err = a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		return record(ctx, tx, actor, "workspace.export", actor.WorkspaceID, nil, nil)
	})
	return func(w io.Writer) error { return a.writeExport(actor.WorkspaceID, w) }, err
}

func (a *App) writeExport(workspaceID string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(a.ending, exportTime)
	defer cancel()
	x := exporter{a: a, ctx: ctx, workspace: workspaceID, zip: zip.NewWriter(w)}
	steps := []func() error{x.readme, x.logo, x.people}
	for _, d := range exports {
		steps = append(steps, func() error { return x.csv(d) }, func() error { return x.json(d) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return x.zip.Close()
}

// exporter writes one export. Rows are read by pages, so that no snapshot stays open for as long as
// somebody takes to download.
type exporter struct {
	a         *App
	ctx       context.Context
	workspace string
	zip       *zip.Writer
}

func (x exporter) create(name string) (io.Writer, error) {
	return x.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: x.a.now().UTC()})
}

func (x exporter) readme() error {
	w, err := x.create("README.txt")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, exportReadme)
	return err
}

func (x exporter) logo() error {
	var picture []byte
	err := x.a.db.View(x.ctx, db.Scope(x.workspace), func(q *db.Queries) (err error) {
		picture, err = logoOf(x.ctx, q, x.workspace)
		return err
	})
	if err != nil {
		return unlessNone(err)
	}
	w, err := x.create("logo.png")
	if err != nil {
		return err
	}
	_, err = w.Write(picture)
	return err
}

func unlessNone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (x exporter) people() error {
	var people []db.PeopleOfWorkspaceRow
	err := x.a.db.View(x.ctx, db.Scope(x.workspace), func(q *db.Queries) (err error) {
		people, err = q.PeopleOfWorkspace(x.ctx, x.workspace)
		return err
	})
	if err != nil {
		return fmt.Errorf("list people: %w", err)
	}
	w, err := x.create("people.csv")
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write([]string{"user_id", "name", "email", "role"}); err != nil {
		return err
	}
	for _, p := range people {
		if err := out.Write([]string{p.ID, CellText(p.Name), CellText(p.Email), p.Role}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// rows gives each row of a table to f, without the columns that are not exported.
func (x exporter) rows(d db.Dump, f func(columns []string, values []any) error) error {
	for after := []any(nil); ; {
		var page []db.Row
		err := x.a.db.View(x.ctx, db.Scope(x.workspace), func(q *db.Queries) (err error) {
			page, err = d.Page(x.ctx, q, x.workspace, after, exportPage)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range page {
			after = d.KeyOf(r)
			columns, values := exportedOf(r)
			if err := f(columns, values); err != nil {
				return err
			}
		}
		if len(page) < exportPage {
			return nil
		}
	}
}

func exportedOf(r db.Row) (columns []string, values []any) {
	for i, c := range r.Columns {
		if !notExported[c] {
			columns, values = append(columns, c), append(values, r.Values[i])
		}
	}
	return columns, values
}

func (x exporter) csv(d db.Dump) error {
	w, err := x.create(d.Table + ".csv")
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	first := true
	err = x.rows(d, func(columns []string, values []any) error {
		if first {
			if err := out.Write(columns); err != nil {
				return err
			}
		}
		first = false
		cells := make([]string, len(values))
		for i, v := range values {
			cells[i] = cell(columns[i], v)
		}
		return out.Write(cells)
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

func (x exporter) json(d db.Dump) error {
	w, err := x.create(d.Table + ".json")
	if err != nil {
		return err
	}
	open := "[\n"
	err = x.rows(d, func(columns []string, values []any) error {
		line, err := json.Marshal(object(columns, values))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s%s", open, line)
		open = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	if open == "[\n" {
		_, err = io.WriteString(w, "[]\n")
		return err
	}
	_, err = io.WriteString(w, "\n]\n")
	return err
}

// object is a row for JSON: a payload is the text that Stripe sent, other bytes are in base64.
func object(columns []string, values []any) map[string]any {
	row := make(map[string]any, len(columns))
	for i, c := range columns {
		row[c] = values[i]
		if b, ok := values[i].([]byte); ok && c == "payload" {
			row[c] = string(b)
		}
	}
	return row
}

// cell is a value for a spreadsheet.
func cell(column string, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case int64:
		if isTime := strings.HasSuffix(column, "_at") || column == "at" || column == "created"; isTime {
			if v == 0 {
				return ""
			}
			return time.UnixMicro(v).UTC().Format(time.RFC3339)
		}
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case []byte:
		if column == "payload" {
			return CellText(string(v))
		}
		return base64.StdEncoding.EncodeToString(v)
	}
	return CellText(fmt.Sprint(v))
}

// CellText is a text for a cell of CSV: what a spreadsheet would take for a formula begins with an
// apostrophe.
func CellText(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) || strings.HasPrefix(s, "＝") || strings.HasPrefix(s, "＋") || strings.HasPrefix(s, "－") || strings.HasPrefix(s, "＠") {
		return "'" + s
	}
	return s
}
