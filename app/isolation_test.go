package app_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"trak/app"
	"trak/billing"
	"trak/db"
)

// dump is every row of a workspace, as text.
func (w *world) dump(workspaceID string) string {
	w.t.Helper()
	var b strings.Builder
	tables := []string{}
	rows, err := w.file().Query(`SELECT m.name FROM sqlite_master m WHERE m.type = 'table'
		AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = 'workspace_id') ORDER BY m.name`)
	must(w.t, err)
	for rows.Next() {
		var name string
		must(w.t, rows.Scan(&name))
		tables = append(tables, name)
	}
	must(w.t, rows.Err())
	for _, table := range tables {
		rows, err := w.file().Query("SELECT * FROM "+table+" WHERE workspace_id = ? ORDER BY 1, 2", workspaceID)
		must(w.t, err)
		b.WriteString(textOf(w.t, table, rows))
	}
	if len(tables) < 12 {
		w.t.Fatalf("only %d tables of workspaces: %v", len(tables), tables)
	}
	return b.String()
}

// textOf is each row of a table as a line.
func textOf(t *testing.T, table string, rows *sql.Rows) string {
	t.Helper()
	var b strings.Builder
	columns, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		must(t, rows.Scan(into...))
		fmt.Fprintln(&b, table, values)
	}
	must(t, rows.Err())
	return b.String()
}

// useCase is a use-case called on ids that the actor may not own.
type useCase struct {
	call func(ctx context.Context, a *app.App, actor app.Actor, x ids) error
	// named says that it is called with an id: another workspace's is ErrNotFound.
	named bool
}

type ids struct {
	draft, open, client, project string
	payout, dispute              string // at Stripe
	unmatched, ignored           string // subjects of attention
	stray, recorded              string // payments: for no invoice, and outside Stripe for the open one
	event                        string // at Stripe
	colleague, invitation        string // of the team
	draftVersion                 int64
}

// useCases is every exported use-case that takes an actor; a test below finds those missing.
var useCases = map[string]useCase{
	"Connection": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return ignore(a.Connection(ctx, by)) }},
	"StartOnboarding": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.StartOnboarding(ctx, by, "DE"))
	}},
	"ContinueOnboarding": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.ContinueOnboarding(ctx, by))
	}},
	"StripeDashboard": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.StripeDashboard(ctx, by))
	}},
	"CheckAccount":     {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return a.CheckAccount(ctx, by) }},
	"ReturnFromStripe": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return a.ReturnFromStripe(ctx, by) }},
	"Disconnect":       {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return a.Disconnect(ctx, by) }},
	"AuditLog": {call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		p, err := a.AuditLog(ctx, by, app.AuditFilter{}, 0)
		for _, e := range p.Entries {
			err = errors.Join(err, x.notTheirs(e.Subject))
		}
		return err
	}},
	"ExportAudit": {call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.ExportAudit(ctx, by, app.AuditFilter{}, func(part []app.AuditEntry) (err error) {
			for _, e := range part {
				err = errors.Join(err, x.notTheirs(e.Subject))
			}
			return err
		})
	}},
	"Disputes": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		list, _, err := a.Disputes(ctx, by, app.Cursor{})
		return errors.Join(err, nothing(len(list)))
	}},
	"Refundable": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.Refundable(ctx, by, x.stray))
	}},
	"RefundablePayment": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.RefundablePayment(ctx, by, x.stray))
	}},
	"RefundPayment": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.RefundPayment(ctx, by, x.stray, app.RefundInput{FormKey: uuid.NewString(), Amount: "1"}))
	}},
	"RetryRefunds": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.RetryRefunds(ctx, by, x.stray)
	}},
	"Dispute": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.Dispute(ctx, by, x.dispute))
	}},
	"SaveEvidence": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.SaveEvidence(ctx, by, x.dispute, evidence(0))
	}},
	"SubmitEvidence": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.SubmitEvidence(ctx, by, x.dispute, 0)
	}},
	"AcceptDispute": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.AcceptDispute(ctx, by, x.dispute)
	}},
	"Settings": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return ignore(a.Settings(ctx, by)) }},
	"UpdateSettings": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.UpdateSettings(ctx, by, app.SettingsInput{
			Name: "Elsewhere", Slug: "elsewhere", Currency: "eur", Locale: "en", TimeZone: "UTC", Terms: "7", Version: 1,
		}))
	}},
	"Logo": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return ignore(a.Logo(ctx, by)) }},
	"SetLogo": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return a.SetLogo(ctx, by, aPNG(8, 8))
	}},
	"RemoveLogo": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return a.RemoveLogo(ctx, by) }},
	"ExportWorkspace": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.ExportWorkspace(ctx, by))
	}},
	"Deletion": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return ignore(a.Deletion(ctx, by)) }},
	"DeleteWorkspace": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return a.DeleteWorkspace(ctx, by, "Another name")
	}},
	"ExportClient": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.ExportClient(ctx, by, x.client))
	}},
	"AnonymiseClient": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.AnonymiseClient(ctx, by, x.client)
	}},
	"Clients": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		_, _, _, err := a.Clients(ctx, by, app.NameCursor{})
		return err
	}},
	"ArchivedClients": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.ArchivedClients(ctx, by))
	}},
	"SuggestClients": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.SuggestClients(ctx, by, "a"))
	}},
	"Client": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.Client(ctx, by, x.client))
	}},
	"CreateClient": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.CreateClient(ctx, by, app.ClientInput{Name: "New"}))
	}},
	"UpdateClient": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.UpdateClient(ctx, by, x.client, app.ClientInput{Name: "Taken", Version: 1})
	}},
	"ArchiveClient": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.ArchiveClient(ctx, by, x.client, true)
	}},
	"Projects": {call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		rows, _, err := a.Projects(ctx, by, app.NameCursor{})
		for _, r := range rows {
			err = errors.Join(err, x.notTheirs(r.ID))
		}
		return err
	}},
	"ArchivedProjects": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.ArchivedProjects(ctx, by))
	}},
	"ProjectChoices": {call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		list, err := a.ProjectChoices(ctx, by, x.project)
		for _, p := range list {
			err = errors.Join(err, x.notTheirs(p.ID))
		}
		return err
	}},
	"Project": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.Project(ctx, by, x.project))
	}},
	"ProjectDetail": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.ProjectDetail(ctx, by, x.project, app.Cursor{}))
	}},
	"ProjectSums": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.ProjectSums(ctx, by, x.project))
	}},
	"CreateProject": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.CreateProject(ctx, by, app.ProjectInput{Name: "New"}))
	}},
	"UpdateProject": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.UpdateProject(ctx, by, x.project, app.ProjectInput{Name: "Taken", Version: 1})
	}},
	"ArchiveProject": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.ArchiveProject(ctx, by, x.project, true)
	}},
	"InvoiceDetail": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.InvoiceDetail(ctx, by, x.open))
	}},
	"Proof": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.Proof(ctx, by, x.open))
	}},
	"Payouts": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		rows, _, err := a.Payouts(ctx, by, app.Cursor{})
		return errors.Join(err, nothing(len(rows)))
	}},
	"Payout": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.Payout(ctx, by, x.payout))
	}},
	"InvoiceVersion": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.InvoiceVersion(ctx, by, x.open))
	}},
	"PriceInvoice": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.PriceInvoice(ctx, by, app.InvoiceInput{Summary: "Work", Amount: "10"}))
	}},
	"CreateInvoice": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.CreateInvoice(ctx, by, app.InvoiceInput{ID: x.draft, ClientName: "Taken", Summary: "Work", Amount: "10"}, false))
	}},
	"UpdateDraft": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.UpdateDraft(ctx, by, app.InvoiceInput{ID: x.draft, ClientName: "Taken", Summary: "Work", Amount: "10", Version: x.draftVersion}, false))
	}},
	"FinalizeInvoice": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.FinalizeInvoice(ctx, by, x.draft, x.draftVersion))
	}},
	"VoidInvoice": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.VoidInvoice(ctx, by, x.open)
	}},
	"MarkUncollectible": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.MarkUncollectible(ctx, by, x.open)
	}},
	"ReopenInvoice": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.ReopenInvoice(ctx, by, x.open)
	}},
	"DuplicateInvoice": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.DuplicateInvoice(ctx, by, x.open, "0192b5a0-0000-7000-8000-000000000000"))
	}},
	"LastEditor": {call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		name, err := a.LastEditor(ctx, by, db.Invoice{ID: x.draft})
		return errors.Join(err, nothing(len(name)))
	}},
	"DeleteDraft": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.DeleteDraft(ctx, by, x.draft, x.draftVersion)
	}},
	"MarkSent":   {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error { return a.MarkSent(ctx, by, x.open) }},
	"RevokeLink": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error { return a.RevokeLink(ctx, by, x.open) }},
	"RetryLink":  {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error { return a.RetryLink(ctx, by, x.open) }},
	"OverdueCount": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.OverdueCount(ctx, by))
	}},
	"Overview": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return ignore(a.Overview(ctx, by)) }},
	"InvoiceCounts": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.InvoiceCounts(ctx, by))
	}},
	"Invoices": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		rows, _, err := a.Invoices(ctx, by, "", app.Cursor{})
		return errors.Join(err, nothing(len(rows)))
	}},
	"InvoiceRows": {call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		rows, err := a.InvoiceRows(ctx, by, []string{x.draft, x.open})
		return errors.Join(err, nothing(len(rows)))
	}},
	"Payments": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		rows, _, err := a.Payments(ctx, by, app.Cursor{})
		return errors.Join(err, nothing(len(rows)))
	}},
	"Attention": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		list, err := a.Attention(ctx, by, false)
		return errors.Join(err, nothing(len(list)))
	}},
	"AttentionCount": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		n, err := a.AttentionCount(ctx, by)
		return errors.Join(err, nothing(int(n)))
	}},
	"IgnoreAttention": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.IgnoreAttention(ctx, by, app.AttentionUnmatched, []string{x.unmatched}, "It is theirs")
	}},
	"MindAttention": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.MindAttention(ctx, by, app.AttentionUnmatched, x.ignored)
	}},
	"RecordPayment": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.RecordPayment(ctx, by, x.open, app.HandInput{Amount: "1", Method: "cash", ReceivedOn: "2026-01-05"})
	}},
	"TakeBackPayment": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.TakeBackPayment(ctx, by, x.open, x.recorded, app.TakeBackInput{Amount: "1", Note: "It is theirs"})
	}},
	"UnmatchedPayment": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.UnmatchedPayment(ctx, by, x.stray))
	}},
	"AssignPayment": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.AssignPayment(ctx, by, x.stray, x.open)
	}},
	"UnassignPayment": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.UnassignPayment(ctx, by, x.open, x.stray)
	}},
	"Events": {call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		about, _, err := a.Events(ctx, by, app.EventFilter{Find: x.event}, app.Cursor{})
		rows, _, err2 := a.Events(ctx, by, app.EventFilter{}, app.Cursor{})
		for _, r := range rows { // they may have some of their own
			if r.EventID == x.event {
				err = errors.Join(err, errSeen)
			}
		}
		return errors.Join(err, err2, nothing(len(about)))
	}},
	"Event": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.Event(ctx, by, x.event))
	}},
	"ProcessEvent": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.ProcessEvent(ctx, by, x.event))
	}},
	"Health": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		r, err := a.Health(ctx, by, true)
		if r.Operator || len(r.Installation) > 0 { // what is of a workspace is counted by queries that are bound to it
			err = errors.Join(err, errSeen)
		}
		return err
	}},
	"HealthProblems": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		n, err := a.HealthProblems(ctx, by)
		return errors.Join(err, nothing(n))
	}},
	"EnsureWebhookFor": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		if _, err := a.EnsureWebhookFor(ctx, by); err != nil {
			return err
		}
		return errSeen // it serves all workspaces, and none of theirs is the operator's
	}},
	"Team": {call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		team, err := a.Team(ctx, by)
		for _, m := range team.Members {
			if m.UserID == x.colleague {
				err = errors.Join(err, errSeen)
			}
		}
		for _, i := range team.Invitations {
			if i.ID == x.invitation {
				err = errors.Join(err, errSeen)
			}
		}
		return err
	}},
	"Member": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.Member(ctx, by, x.colleague))
	}},
	"MayLeave": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return a.MayLeave(ctx, by) }},
	"Leave":    {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error { return a.Leave(ctx, by) }},
	"ChangeRole": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.ChangeRole(ctx, by, x.colleague, app.Admin)
	}},
	"RemoveMember": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.RemoveMember(ctx, by, x.colleague)
	}},
	"HandOver": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.HandOver(ctx, by, x.colleague)
	}},
	"Invite": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return ignore(a.Invite(ctx, by, app.InvitationInput{Email: "kim@example.com", Role: app.Member}))
	}},
	"ResendInvitation": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return ignore(a.ResendInvitation(ctx, by, x.invitation))
	}},
	"RevokeInvitation": {named: true, call: func(ctx context.Context, a *app.App, by app.Actor, x ids) error {
		return a.RevokeInvitation(ctx, by, x.invitation)
	}},
	"Need": {call: func(ctx context.Context, a *app.App, by app.Actor, _ ids) error {
		return a.Need(ctx, by, app.EditInvoices)
	}},
}

var errSeen = errors.New("another workspace's rows were seen")

func (x ids) notTheirs(project string) error {
	if project == x.project {
		return errSeen
	}
	return nil
}

func nothing(n int) error {
	if n > 0 {
		return errSeen
	}
	return nil
}

func TestEveryUseCaseIsListed(t *testing.T) {
	t.Parallel()
	var have []string
	typ := reflect.TypeFor[*app.App]()
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		if m.Type.NumIn() > 2 && m.Type.In(1) == reflect.TypeFor[context.Context]() && m.Type.In(2) == reflect.TypeFor[app.Actor]() {
			have = append(have, m.Name)
		}
	}
	var listed []string
	for name := range useCases {
		listed = append(listed, name)
	}
	slices.Sort(listed)
	if !slices.Equal(have, listed) {
		t.Errorf("these use-cases take an actor:\n%v\nthese are tried:\n%v", have, listed)
	}
}

// newVictim is a world with something of everything in the owner's workspace.
func newVictim(t *testing.T) (*world, ids) {
	w := newWorld(t)
	account := w.connect()
	paid := w.invoice("20")
	w.pay(paid.ID, "4000000000000077")
	w.until("it is paid", func() bool { return w.detail(paid.ID).Standing.Status == billing.Paid })
	payouts, err := w.sandbox.PayOut(account)
	must(t, err)
	x := ids{open: w.invoice("10").ID, payout: payouts[0]}
	_, disputed := w.disputed(disputedCard)
	x.dispute = disputed.ID
	d := draft(w, "5")
	p, err := w.app.CreateProject(context.Background(), w.owner, app.ProjectInput{Name: "Rebrand"})
	must(t, err)
	x.project = p.ID
	x.draft, x.draftVersion, x.client = d.ID, d.Version, *d.ClientID
	w.record(x.open, w.byTransfer("4"))
	x.recorded, x.stray = w.detail(x.open).Payments[0].ID, w.stray(account, "eur", 300).PaymentID
	x.unmatched, x.ignored = w.stray(account, "eur", 700).Subject, w.stray(account, "eur", 900).Subject
	must(t, w.app.IgnoreAttention(context.Background(), w.owner, app.AttentionUnmatched, []string{x.ignored}, "Sold at the fair"))
	x.colleague, x.invitation = w.member.UserID, w.invite("kim@example.com", app.Admin)
	x.event = ask[string](w, "SELECT event_id FROM stripe_webhook_events WHERE type = 'charge.succeeded'")
	w.settled()
	w.clock.advance(1e10) // what waits for a while is done now
	w.app.Wake()
	w.until("nothing is left to do", func() bool {
		now := w.clock.now().UnixMicro()
		return ask[int](w, "SELECT (SELECT count(*) FROM stripe_reads WHERE next_attempt_at > 0) + (SELECT count(*) FROM payment_links WHERE next_attempt_at > 0)"+
			" + (SELECT count(*) FROM sync_cursors WHERE next_attempt_at <= ? OR claimed_until > ?)", now, now) == 0
	})
	return w, x
}

// Attack B8.
func TestWorkspacesAreIsolated(t *testing.T) {
	t.Parallel()
	w, x := newVictim(t)
	ctx := context.Background()
	stranger := w.stranger()
	before := w.dump(w.owner.WorkspaceID)
	for name, c := range useCases {
		err := c.call(ctx, w.app, stranger, x)
		if c.named && !errors.Is(err, app.ErrNotFound) {
			t.Errorf("%s with another workspace's id: %v", name, err)
		}
		if errors.Is(err, errSeen) {
			t.Errorf("%s: %v", name, err)
		}
		if after := w.dump(w.owner.WorkspaceID); after != before {
			t.Fatalf("%s changed another workspace", name)
		}
	}
	// A client is named inside a form, and counts as none.
	_, err := w.app.CreateInvoice(ctx, stranger, app.InvoiceInput{ClientID: x.client, Summary: "Work", Amount: "10"}, true)
	var wrong billing.FieldErrors
	if !errors.As(err, &wrong) || wrong["client"] == "" {
		t.Errorf("an invoice for another workspace's client: %v", err)
	}
	// A project is named inside a form as well.
	_, err = w.app.CreateInvoice(ctx, stranger, app.InvoiceInput{ClientName: "Theirs", Summary: "Work", Amount: "10", ProjectID: x.project}, false)
	if wrong = nil; !errors.As(err, &wrong) || wrong["project"] == "" {
		t.Errorf("an invoice in another workspace's project: %v", err)
	}
	// Neither half of what is to be put together may be another workspace's.
	theirs, err := w.app.CreateInvoice(ctx, stranger, app.InvoiceInput{ClientName: "Theirs", Summary: "Work", Amount: "10"}, true)
	must(t, err)
	if err := w.app.AssignPayment(ctx, stranger, x.stray, theirs.ID); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("another workspace's payment for one's own invoice: %v", err)
	}
	if err := w.app.AssignPayment(ctx, w.owner, x.stray, theirs.ID); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("one's own payment for another workspace's invoice: %v", err)
	}
	if err := w.app.TakeBackPayment(ctx, stranger, theirs.ID, x.recorded, app.TakeBackInput{Amount: "1", Note: "It is theirs"}); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("another workspace's payment of one's own invoice: %v", err)
	}
	// Somebody without a workspace is nobody.
	for name, c := range useCases {
		if err := c.call(ctx, w.app, app.Actor{UserID: stranger.UserID, Role: app.Owner}, x); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("%s by an owner of nothing: %v", name, err)
		}
	}
	if after := w.dump(w.owner.WorkspaceID); after != before {
		t.Error("another workspace changed")
	}
}

// Attack C7.
func TestRoles(t *testing.T) {
	t.Parallel()
	w, x := newVictim(t)
	ctx := context.Background()
	before := w.dump(w.owner.WorkspaceID)
	nobody := w.owner
	nobody.Role = "accountant of another age"
	for name, c := range useCases {
		if err := c.call(ctx, w.app, nobody, x); !errors.Is(err, app.ErrForbidden) {
			t.Errorf("%s by a role without any permission: %v", name, err)
		}
	}
	for _, name := range []string{"StartOnboarding", "ContinueOnboarding", "StripeDashboard", "CheckAccount", "ReturnFromStripe", "Disconnect",
		"IgnoreAttention", "MindAttention", "RecordPayment", "TakeBackPayment", "UnmatchedPayment", "AssignPayment", "UnassignPayment",
		"ChangeRole", "RemoveMember", "HandOver", "Invite", "ResendInvitation", "RevokeInvitation"} {
		if err := useCases[name].call(ctx, w.app, w.member, x); !errors.Is(err, app.ErrForbidden) {
			t.Errorf("%s by a member: %v", name, err)
		}
	}
	if after := w.dump(w.owner.WorkspaceID); after != before {
		t.Error("something changed")
	}
	accountant := w.join("Noor Haddad", "noor@example.com", app.Accountant)
	before = w.dump(w.owner.WorkspaceID)
	for name, c := range useCases {
		if name == "Leave" {
			continue
		}
		if name == "Logo" {
			continue // there is none, for nobody
		}
		if err := c.call(ctx, w.app, accountant, x); err != nil && !errors.Is(err, app.ErrForbidden) && !errors.Is(err, errSeen) {
			t.Errorf("%s by an accountant: %v", name, err)
		}
		if after := w.dump(w.owner.WorkspaceID); after != before {
			t.Fatalf("%s by an accountant changed something", name)
		}
	}
}

// The database itself refuses a row that points into another workspace, even if code is wrong.
// Attack B11.
func TestRowsCantPointIntoAnotherWorkspace(t *testing.T) {
	t.Parallel()
	w, x := newVictim(t)
	stranger := w.stranger()
	theirs, err := w.app.CreateInvoice(context.Background(), stranger, app.InvoiceInput{ClientName: "Theirs", Summary: "Work", Amount: "10"}, true)
	must(t, err)
	for _, query := range []string{
		"UPDATE invoices SET client_id = '" + x.client + "' WHERE id = '" + theirs.ID + "'",
		"UPDATE invoices SET project_id = '" + x.project + "' WHERE id = '" + theirs.ID + "'",
		"UPDATE invoice_lines SET invoice_id = '" + x.open + "' WHERE invoice_id = '" + theirs.ID + "'",
		"UPDATE payments SET invoice_id = '" + theirs.ID + "'",
		"UPDATE payment_links SET invoice_id = '" + theirs.ID + "' WHERE invoice_id = '" + x.open + "'",
		"UPDATE hand_entries SET payment_id = (SELECT id FROM payments WHERE workspace_id <> '" + stranger.WorkspaceID + "' LIMIT 1), workspace_id = '" + stranger.WorkspaceID + "'",
		"UPDATE invoice_events SET invoice_id = '" + x.open + "' WHERE invoice_id = '" + theirs.ID + "'",
	} {
		_, err := w.file().Exec("PRAGMA foreign_keys = ON; " + query)
		if err == nil || !strings.Contains(err.Error(), "FOREIGN KEY") {
			t.Errorf("%s: %v", query, err)
		}
	}
}
