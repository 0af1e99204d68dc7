package app_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"trak/app"
	"trak/auth"
	"trak/db"
)

// unlocked changes a database behind Trak's back, as somebody would who may write the file.
func (w *world) unlocked(statements string) {
	w.t.Helper()
	w.plant("DROP TRIGGER audit_log_stays; DROP TRIGGER audit_log_is_kept;" + statements)
}

// audited is a world at rest with some records in each chain, and the verdict on a copy of it.
func audited(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	ctx := app.From(context.Background(), "203.0.113.7")
	for _, name := range []string{"Kestrel Books", "Harbour Inn", "Tern Press"} {
		_, err := w.app.CreateClient(ctx, w.owner, app.ClientInput{Name: name})
		must(t, err)
	}
	w.person("Tom Ashby", "tom@example.com", "Southwark", app.Owner)
	w.stop()
	t.Cleanup(w.start)
	return w
}

// audit verifies a world with the secret key, and returns what is said of the audit log.
func (w *world) audit(key string) (lines []string, report *app.AuditReport) {
	w.t.Helper()
	d, err := db.OpenReadOnly(context.Background(), w.dir, schema)
	must(w.t, err)
	defer func() { _ = d.Close() }()
	box, err := auth.NewBox([]byte(key))
	must(w.t, err)
	r, err := app.VerifyWith(context.Background(), d, app.VerifyOptions{Secrets: box})
	must(w.t, err)
	for _, d := range r.Differences {
		if d.Kind == "audit" {
			lines = append(lines, fmt.Sprintf("%s %s %s", d.Workspace, d.ID, d.What))
		}
	}
	return lines, r.Audit
}

// Each way to change the log without the key is named, with the record that it is about.
func TestVerifyNamesWhatWasDoneToTheAuditLog(t *testing.T) {
	t.Parallel()
	w := audited(t)
	lines, report := w.audit(secretKey)
	if len(lines) > 0 || report == nil || len(report.Chains) != 3 || report.Records < 10 {
		t.Fatalf("before anything was done: %q, %+v", lines, report)
	}
	const clients = "(SELECT seq FROM audit_log WHERE after LIKE '%Harbour%')"
	id := w.owner.WorkspaceID
	n := ask[int](w, "SELECT seq FROM audit_log WHERE after LIKE '%Harbour%'")
	at := func(n int) string { return "northlight-studio " + strconv.Itoa(n) }
	for name, try := range map[string]struct {
		do   string
		want []string // how lines begin
	}{
		"a text is changed":               {"UPDATE audit_log SET after = '{}' WHERE seq = " + clients, []string{at(n) + "/"}},
		"the time is changed":             {"UPDATE audit_log SET at = at + 1 WHERE after LIKE '%Harbour%'", []string{at(n) + "/"}},
		"the person is another":           {"UPDATE audit_log SET user_id = NULL WHERE after LIKE '%Harbour%'", []string{at(n) + "/"}},
		"the address is another":          {"UPDATE audit_log SET ip = '' WHERE after LIKE '%Harbour%'", []string{at(n) + "/"}},
		"the hash is another":             {"UPDATE audit_log SET hash = 'x' WHERE after LIKE '%Harbour%'", []string{at(n) + "/", at(n+1) + "/"}},
		"one is gone":                     {"DELETE FROM audit_log WHERE after LIKE '%Harbour%'", []string{at(n) + " is missing"}},
		"one is gone, and the rest moves": {"DELETE FROM audit_log WHERE after LIKE '%Harbour%'; UPDATE audit_log SET seq = seq - 1 WHERE workspace_id = '" + id + "' AND seq > " + strconv.Itoa(n), []string{at(n) + "/", at(n+1) + " is missing at the end"}},
		"the last is gone":                {"DELETE FROM audit_log WHERE after LIKE '%Tern%'", []string{at(n+1) + " is missing at the end"}},
		"the last is gone, and the head says so": {
			"DELETE FROM audit_log WHERE after LIKE '%Tern%'; UPDATE installation SET value = (SELECT CAST(seq || ' ' || hash AS BLOB) FROM audit_log WHERE after LIKE '%Harbour%') WHERE name = 'audit/" + id + "'",
			[]string{at(n) + " is not the record that Trak wrote last"},
		},
		"all are gone":                    {"DELETE FROM audit_log WHERE workspace_id = '" + id + "'", []string{"northlight-studio 1-" + strconv.Itoa(n+1) + " "}},
		"all are gone, and the head":      {"DELETE FROM audit_log WHERE workspace_id = '" + id + "'; DELETE FROM installation WHERE name = 'audit/" + id + "'", []string{"northlight-studio 0 has no record"}},
		"the head is gone":                {"DELETE FROM installation WHERE name = 'audit/" + id + "'", []string{at(n+1) + " is the last record"}},
		"two change places":               {"UPDATE audit_log SET seq = -1 WHERE workspace_id = '" + id + "' AND seq = 2; UPDATE audit_log SET seq = 2 WHERE workspace_id = '" + id + "' AND seq = 1; UPDATE audit_log SET seq = 1 WHERE seq = -1", []string{at(1) + "/", at(2) + "/", at(3) + "/"}},
		"one is put at the end":           {"INSERT INTO audit_log (id, workspace_id, action, subject, before, after, at, seq, hash) VALUES ('new', '" + id + "', 'invoice.voided', 'x', '', '', 1, " + strconv.Itoa(n+2) + ", 'x')", []string{at(n+2) + "/new", at(n+2) + " is not the record"}},
		"one is put in, without a number": {"INSERT INTO audit_log (id, workspace_id, action, subject, before, after, at) VALUES ('new', '" + id + "', 'invoice.voided', 'x', '', '', 1)", []string{"northlight-studio 0/new is not from Trak"}},
		"one is put in beside another":    {"DROP INDEX audit_log_chain; INSERT INTO audit_log (id, workspace_id, action, subject, before, after, at, seq, hash) SELECT 'zzz', workspace_id, action, subject, before, after, at, seq, hash FROM audit_log WHERE after LIKE '%Harbour%'", []string{at(n) + "/zzz is not from Trak"}},
		"one moves to another workspace":  {"UPDATE audit_log SET workspace_id = (SELECT id FROM workspaces WHERE slug = 'southwark'), seq = 3 WHERE after LIKE '%Harbour%'", []string{at(n) + " is missing", "southwark 3/"}},
		"one of the installation is gone": {"DELETE FROM audit_log WHERE workspace_id IS NULL AND seq = 1", []string{" 1 is missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			planted := w.copied()
			planted.t = t
			planted.unlocked(try.do)
			lines, _ := planted.audit(secretKey)
			for _, want := range try.want {
				found := false
				for _, line := range lines {
					found = found || strings.HasPrefix(line, want)
				}
				if !found {
					t.Errorf("%q is not said: %q", want, lines)
				}
			}
		})
	}
}

// Work goes on where somebody took the head away or wrote another; the next record does not hide it.
func TestTheNextRecordHidesNothing(t *testing.T) {
	t.Parallel()
	w := audited(t)
	id := w.owner.WorkspaceID
	for name, do := range map[string]string{
		"the head is gone":  "DELETE FROM installation WHERE name = 'audit/" + id + "'",
		"the head is none":  "UPDATE installation SET value = 'x' WHERE name = 'audit/" + id + "'",
		"the last are gone": "DELETE FROM audit_log WHERE after LIKE '%Tern%'; UPDATE installation SET value = (SELECT CAST(seq || ' ' || hash AS BLOB) FROM audit_log WHERE after LIKE '%Harbour%') WHERE name = 'audit/" + id + "'",
	} {
		planted := w.copied()
		planted.unlocked(do)
		d := planted.openDB()
		box, err := auth.NewBox([]byte(secretKey))
		must(t, err)
		alone, err := app.Alone(context.Background(), d, box, "", w.clock.now, logger(t))
		must(t, err)
		must(t, alone.OperatorMakeOwner(context.Background(), "jon@example.com", "northlight-studio"))
		must(t, d.Close())
		if lines, _ := planted.audit(secretKey); len(lines) == 0 {
			t.Errorf("%s: nothing is said after the next record", name)
		}
	}
}

// Records of before are chained by the first start that can, once, and both are said.
func TestRecordsOfBeforeAreChained(t *testing.T) {
	t.Parallel()
	w := audited(t)
	w.unlocked(`UPDATE audit_log SET hash = ''; DELETE FROM audit_log WHERE action = 'audit.begin'; UPDATE audit_log SET seq = seq - 1 WHERE workspace_id IS NULL;
		DELETE FROM installation WHERE name LIKE 'audit%'`)
	was := ask[int](w, "SELECT count(*) FROM audit_log")
	var said strings.Builder
	begin := func() {
		d := w.openDB()
		box, err := auth.NewBox([]byte(secretKey))
		must(t, err)
		must(t, app.OpenAudit(context.Background(), d, box, slog.New(slog.NewTextHandler(&said, nil))))
		must(t, d.Close())
	}
	begin()
	if want := fmt.Sprintf("records=%d", was); strings.Count(said.String(), want) != 1 {
		t.Errorf("the log says %q, not %s", said.String(), want)
	}
	if got := ask[string](w, "SELECT after FROM audit_log WHERE action = 'audit.begin'"); got != fmt.Sprintf(`{"earlier_records":%d}`, was) {
		t.Errorf("the audit log says %s", got)
	}
	if lines, report := w.audit(secretKey); len(lines) > 0 || report.Records != was+1 {
		t.Errorf("then it is %q, %+v", lines, report)
	}
	begin()
	if n := ask[int](w, "SELECT count(*) FROM audit_log WHERE action = 'audit.begin'"); n != 1 {
		t.Errorf("it began %d times", n)
	}
}

// With another key nothing is written; and where the kept one is lost, the log goes on, and says
// from where on it can be checked.
func TestAnotherKey(t *testing.T) {
	t.Parallel()
	w := audited(t).copied()
	other, err := auth.NewBox([]byte("ffffffffffffffffffffffffffffffff"))
	must(t, err)
	d := w.openDB()
	err = app.OpenAudit(context.Background(), d, other, logger(t))
	must(t, d.Close())
	if err == nil || !strings.Contains(err.Error(), "TRAK_SECRET_KEY") {
		t.Errorf("another key: %v", err)
	}
	was := ask[int](w, "SELECT count(*) FROM audit_log")
	w.plant("DELETE FROM installation WHERE name = 'audit_key'")
	d = w.openDB()
	var said strings.Builder
	must(t, app.OpenAudit(context.Background(), d, other, slog.New(slog.NewTextHandler(&said, nil))))
	must(t, d.Close())
	lines, report := w.audit("ffffffffffffffffffffffffffffffff")
	if len(lines) > 0 || report.Records != was+1 || report.Chains[0].Unchecked == 0 || !strings.Contains(said.String(), "can't be checked any more") {
		t.Errorf("after the key was lost: %q, %+v, %q", lines, report, said.String())
	}
}

// Every call of record names an action of the list, so that people can read what was done.
func TestEachActionIsNamed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	must(t, err)
	set, calls := token.NewFileSet(), 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(set, file, nil, 0)
		must(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 7 {
				return true
			}
			if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "record" {
				return true
			}
			calls++
			action, ok := call.Args[3].(*ast.BasicLit)
			if !ok {
				return true // computed: those that the tests cause are looked at in the database
			}
			if name, err := strconv.Unquote(action.Value); err != nil || !app.KnownAction(name) {
				t.Errorf("%s: %s is not in auditActions", set.Position(action.Pos()), action.Value)
			}
			return true
		})
	}
	if calls < 30 {
		t.Errorf("found only %d calls of record", calls)
	}
}

// Members neither read the log nor take it with them.
func TestMembersDoNotReadTheAuditLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.app.AuditLog(context.Background(), w.member, app.AuditFilter{}, 0); !errors.Is(err, app.ErrForbidden) {
		t.Errorf("reads it: %v", err)
	}
	err := w.app.ExportAudit(context.Background(), w.member, app.AuditFilter{}, func([]app.AuditEntry) error {
		t.Error("gets a part of it")
		return nil
	})
	if !errors.Is(err, app.ErrForbidden) {
		t.Errorf("exports it: %v", err)
	}
}

// What people do to get in leaves nothing in the log by which somebody else could.
func TestRecordsHoldNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	const password, another = "correct horse battery staple", "another horse battery staple"
	user, err := w.app.CreateUser(ctx, app.NewUser{Name: "Kim", Email: "kim@example.com", Password: password})
	must(t, err)
	_, err = w.app.SignIn(ctx, "kim@example.com", password, "203.0.113.7")
	must(t, err)
	_, err = w.app.SignIn(ctx, "kim@example.com", "wrong horse battery staple", "203.0.113.7")
	if !errors.Is(err, app.ErrWrongSignIn) {
		t.Fatal(err)
	}
	token := session(t, w, user.ID)
	_, err = w.app.OperatorResetPassword(byCommand(), "kim@example.com", another)
	must(t, err)
	link, err := w.app.OperatorResetPassword(byCommand(), "kim@example.com", "")
	must(t, err)
	newcomers, err := w.app.OperatorCreateUser(byCommand(), app.OperatorNewUser{Name: "Lou", Email: "lou@example.com"})
	must(t, err)
	must(t, w.app.EndSessionsOf(ctx, user.ID))
	log := strings.Join(w.sql("SELECT action || subject || before || after FROM audit_log"), "\n")
	secrets := append([]string{password, another, "wrong horse", "$argon2", token}, w.sql("SELECT hash FROM one_time_tokens")...)
	for _, l := range []string{link, newcomers} {
		_, secret, _ := strings.Cut(l, "token=")
		secrets = append(secrets, secret)
	}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	for _, action := range []string{"create user", "sign in", "fail to sign in", "operator.reset_password", "operator.reset_link", "operator.create_user", "end sessions"} {
		if !strings.Contains(log, action) {
			t.Errorf("there is no record of %s", action)
		}
	}
}
