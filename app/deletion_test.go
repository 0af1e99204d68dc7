package app_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"trak/app"
	"trak/billing"
)

// deleted is a world with something of everything, whose owner's workspace was deleted.
func deleted(t *testing.T) (w *world, x ids, owner app.Actor) {
	t.Helper()
	w, x = newVictim(t)
	owner = w.owner
	must(t, w.app.SetLogo(context.Background(), owner, aPNG(8, 8)))
	must(t, w.app.DeleteWorkspace(context.Background(), owner, " Northlight Studio "))
	return w, x, owner
}

func TestDeletedWorkspacesAreGone(t *testing.T) {
	t.Parallel()
	w, x := newVictim(t)
	ctx := context.Background()
	owner, inv := w.owner, w.detail(x.open).Invoice
	link := ask[string](w, "SELECT stripe_link_id FROM payment_links WHERE state = 'active' LIMIT 1")
	must(t, w.app.SetLogo(ctx, owner, aPNG(8, 8)))
	for _, typed := range []string{"", "northlight studio", "Northlight", "Northlight  Studio"} {
		var errs billing.FieldErrors
		if err := w.app.DeleteWorkspace(ctx, owner, typed); !errors.As(err, &errs) || errs["confirm"] == "" {
			t.Errorf("confirmed with %q: %v", typed, err)
		}
	}
	admin := owner
	admin.Role = app.Admin
	if err := w.app.DeleteWorkspace(ctx, admin, "Northlight Studio"); !errors.Is(err, app.ErrForbidden) {
		t.Errorf("by an admin: %v", err)
	}
	must(t, w.app.DeleteWorkspace(ctx, owner, "Northlight Studio"))

	if _, err := w.app.ActorIn(ctx, owner.UserID, owner.Workspace.Slug); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("its owner gets in: %v", err)
	}
	if all, err := w.app.WorkspacesOf(ctx, owner.UserID); err != nil || len(all) > 0 {
		t.Errorf("it is listed: %v, %v", all, err)
	}
	for name, look := range map[string]func() error{
		"page": func() error { return ignore(w.app.PublicInvoice(ctx, inv.Token)) },
		"poll": func() error { return ignore(w.app.PublicVersion(ctx, inv.Token)) },
		"logo": func() error { return ignore(w.app.PublicLogo(ctx, inv.Token)) },
		"seen": func() error { return w.app.Viewed(ctx, inv.Token) },
		"back": func() error { return w.app.Returned(ctx, inv.Token, "cs_test_1") },
	} {
		if err := look(); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("the client's %s: %v", name, err)
		}
	}
	if err := w.app.DeleteWorkspace(ctx, owner, "Northlight Studio"); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	stranger := w.stranger()
	other, err := w.app.CreateWorkspace(ctx, stranger.UserID, app.NewWorkspace{Name: "Northlight Studio", Country: "AT", Currency: "eur", TimeZone: "UTC"})
	must(t, err)
	if other.Slug == owner.Workspace.Slug {
		t.Error("another workspace takes its slug")
	}
	w.until("its links are closed", func() bool {
		return ask[int](w, "SELECT count(*) FROM payment_links WHERE state <> 'closed'") == 0
	})
	if ask[int](w, "SELECT count(*) FROM payment_links WHERE stripe_link_id = ? AND state = 'closed'", link) != 1 {
		t.Error("a link is still open")
	}
}

// Whoever was about to do something when the workspace was deleted changes nothing in it.
func TestNothingIsDoneInADeletedWorkspace(t *testing.T) {
	t.Parallel()
	w, x, owner := deleted(t)
	w.until("all is done", func() bool {
		must(t, w.app.AgePayloads(context.Background())) // also of what arrives now
		return ask[int](w, "SELECT (SELECT count(*) FROM payment_links WHERE state <> 'closed') + (SELECT count(*) FROM stripe_webhook_events WHERE masked_at = 0)") == 0
	})
	w.settled()
	before := w.dump(owner.WorkspaceID)
	for name, c := range useCases {
		_ = c.call(context.Background(), w.app, owner, x)
		if after := w.dump(owner.WorkspaceID); after != before {
			t.Errorf("%s changes a deleted workspace", name)
			before = after
		}
	}
}

func TestADeletedWorkspaceKeepsMoneyAndNobody(t *testing.T) {
	t.Parallel()
	w, x := newVictim(t)
	ctx := context.Background()
	must(t, w.set(func(in *app.SettingsInput) { in.Address, in.TaxNumber = "Quay 7, Graz", "ATU999" }))
	must(t, w.app.UpdateClient(ctx, w.owner, x.client, app.ClientInput{Name: "Petra Novak", Email: "petra@novak.example", Address: "Ring 1", Version: 1}))
	const money = `SELECT (SELECT count(*) FROM payments) || ' ' || (SELECT count(*) FROM charges) || ' ' || (SELECT count(*) FROM hand_entries)
		|| ' ' || (SELECT count(*) FROM invoices WHERE number IS NOT NULL) || ' ' || (SELECT sum(total) FROM invoices WHERE number IS NOT NULL)`
	before := ask[string](w, money)
	must(t, w.app.DeleteWorkspace(ctx, w.owner, "Northlight Studio"))
	w.until("payloads are masked", func() bool {
		must(t, w.app.AgePayloads(ctx)) // also of what arrives now
		return ask[int](w, "SELECT count(*) FROM stripe_webhook_events WHERE masked_at = 0") == 0
	})
	if after := ask[string](w, money); after != before {
		t.Errorf("money rows were %s and are %s", before, after)
	}
	for line := range strings.Lines(w.dump(w.owner.WorkspaceID)) {
		table, _, _ := strings.Cut(line, " ")
		if table == "audit_log" {
			continue
		}
		for _, personal := range []string{"petra", "Petra", "Ring 1", "Quay 7", "ATU999", "@example.com", "@client.example"} {
			if strings.Contains(line, personal) {
				t.Errorf("%s is left in %s", personal, line)
			}
		}
	}
	for table, want := range map[string]int{"memberships": 0, "invitations": 0, "messages": 0, "workspace_logos": 0, "dispute_files": 0} {
		if n := ask[int](w, "SELECT count(*) FROM "+table); n != want {
			t.Errorf("%d %s", n, table)
		}
	}
	if n := ask[int](w, "SELECT count(*) FROM invoices WHERE decided = 'draft'"); n != 0 {
		t.Errorf("%d drafts", n)
	}
	report, err := app.Verify(ctx, w.db)
	must(t, err)
	if len(report.Differences) > 0 {
		t.Errorf("verify: %+v", report.Differences)
	}
}

// Of all that delete at once, and write at the same time, nobody writes after the deletion.
func TestDeletionRaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	var group sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range 4 {
		group.Go(func() {
			err := w.app.DeleteWorkspace(ctx, w.owner, "Northlight Studio")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done++
			} else if !errors.Is(err, app.ErrNotFound) {
				t.Error(err)
			}
		})
		group.Go(func() {
			for range 20 {
				_, err := w.app.CreateInvoice(ctx, w.owner, app.InvoiceInput{ClientName: "Late Books", Summary: "Work", Amount: "10"}, false)
				if err != nil && !errors.Is(err, app.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if drafts := ask[int](w, "SELECT count(*) FROM invoices WHERE decided = 'draft'"); done != 1 || drafts != 0 {
		t.Errorf("deleted %d times, %d drafts are left", done, drafts)
	}
	if n := ask[int](w, "SELECT count(*) FROM clients WHERE name <> 'Anonymous client'"); n != 0 {
		t.Errorf("%d clients were made afterwards", n)
	}
}

func TestARefundUnderWayIsWaitedFor(t *testing.T) {
	t.Parallel()
	w, x := newVictim(t)
	w.exec(`UPDATE dispute_answers SET state = 'submitting'`)
	_ = x
	w.exec(`INSERT INTO refund_requests (id, workspace_id, payment_id, stripe_account_id, livemode, charge_id, amount, currency, reason, note, still_owed, state, idempotency_key, form_key, created_by, created_at)
		SELECT 'r', workspace_id, id, stripe_account_id, livemode, charge_id, 1, currency, '', '', FALSE, 'asking', 'k', 'f', (SELECT id FROM users LIMIT 1), 1 FROM payments WHERE charge_id <> '' LIMIT 1`)
	var errs billing.FieldErrors
	if err := w.app.DeleteWorkspace(context.Background(), w.owner, "Northlight Studio"); !errors.As(err, &errs) || errs["confirm"] == "" {
		t.Errorf("deleted: %v", err)
	}
}

func TestOwnModeKeepsItsWorkspace(t *testing.T) {
	t.Parallel()
	w := newWorldIn(t, true)
	var errs billing.FieldErrors
	if err := w.app.DeleteWorkspace(context.Background(), w.owner, "Northlight Studio"); !errors.As(err, &errs) {
		t.Errorf("deleted: %v", err)
	}
}

func TestExportHasEverything(t *testing.T) {
	t.Parallel()
	w, _ := newVictim(t)
	ctx := context.Background()
	must(t, w.app.SetLogo(ctx, w.owner, aPNG(8, 8)))
	_, err := w.app.CreateClient(ctx, w.owner, app.ClientInput{Name: `=HYPERLINK("http://evil.example")`, Address: "+43 1"})
	must(t, err)
	stranger := w.stranger()
	_, err = w.app.CreateClient(ctx, stranger, app.ClientInput{Name: "Somebody Else's"})
	must(t, err)
	write, err := w.app.ExportWorkspace(ctx, w.owner)
	must(t, err)
	var file bytes.Buffer
	must(t, write(&file))
	archive, err := zip.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	must(t, err)
	texts := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		must(t, err)
		b, err := io.ReadAll(r)
		must(t, err)
		texts[f.Name] = string(b)
		if strings.Contains(string(b), "Somebody Else's") {
			t.Errorf("%s tells of another workspace", f.Name)
		}
	}
	// Every table of a workspace is there, with every row.
	left := []string{"workspace_logos", "stripe_reads", "sync_cursors"}
	rows, err := w.file().Query(`SELECT m.name FROM sqlite_master m WHERE m.type = 'table'
		AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = 'workspace_id')`)
	must(t, err)
	var tables []string
	for rows.Next() {
		var table string
		must(t, rows.Scan(&table))
		if !slices.Contains(left, table) {
			tables = append(tables, table)
		}
	}
	must(t, rows.Err())
	for _, table := range tables {
		var list []map[string]any
		if err := json.Unmarshal([]byte(texts[table+".json"]), &list); err != nil {
			t.Errorf("%s.json: %v", table, err)
		}
		lines, err := csv.NewReader(strings.NewReader(texts[table+".csv"])).ReadAll()
		must(t, err)
		if n := ask[int](w, "SELECT count(*) FROM "+table+" WHERE workspace_id = ?", w.owner.WorkspaceID); len(list) != n || len(lines) != n+min(n, 1) {
			t.Errorf("%d of %s in JSON and %d in CSV; there are %d", len(list), table, len(lines)-1, n)
		}
	}
	for _, name := range []string{"README.txt", "logo.png", "people.csv", "workspaces.json"} {
		if texts[name] == "" {
			t.Errorf("no %s", name)
		}
	}
	if csv := texts["clients.csv"]; !strings.Contains(csv, `"'=HYPERLINK(`) || !strings.Contains(csv, "'+43 1") { // F11
		t.Errorf("a formula: %s", csv)
	}
	for _, secret := range []string{w.detail(ask[string](w, "SELECT id FROM invoices WHERE number IS NOT NULL LIMIT 1")).Invoice.Token, "idempotency_key"} {
		if strings.Contains(texts["invoices.json"]+texts["payment_links.json"], secret) {
			t.Errorf("%s is exported", secret)
		}
	}
	if !strings.Contains(texts["people.csv"], "mira@example.com") {
		t.Error("the people are not there")
	}
	if err := ignore(w.app.ExportWorkspace(ctx, w.member)); !errors.Is(err, app.ErrForbidden) {
		t.Errorf("by a member: %v", err)
	}
}
