package db

import (
	"database/sql"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// unscoped are the statements that no workspace can be given to, each with its reason. All
// others are bound to one, by the SQL itself.
var unscoped = map[string]string{
	"AccountByStripeID":     "a webhook names the account; this is how its workspace is found",
	"InvoiceByToken":        "the client's page: the token is the permission, for this invoice only",
	"MembershipBySlug":      "makes the actor: bound to the user who is signed in and the slug of the path",
	"MembershipOfSession":   "makes the actor of a poll: bound to the session and the slug of the path",
	"FormerMemberBySlug":    "makes no actor: bound to the user who is signed in and the slug of the path",
	"InvitationByHash":      "the token is the permission, for this invitation only",
	"WorkspacesOfUser":      "sign-in: bound to the user, before a workspace is chosen",
	"OthersSlug":            "a slug is one workspace's among all, present and former ones",
	"SlugAfter":             "bound to the user who is signed in and the slug of the path, as the actor is",
	"OldStrayPayloads":      "payloads of events whose account was never known age as well",
	"MaskPayload":           "the id is Stripe's, and was found within its workspace",
	"DueLinks":              "the workers' queue of all workspaces; each row is claimed within its own",
	"DueDisputeAnswers":     "the workers' queue of all workspaces; each row is claimed within its own",
	"DueAccounts":           "the workers' queue of all workspaces; each row is claimed within its own",
	"OtherwisePaid":         "the operator's start: whether any account is of the other mode",
	"CountInMode":           "the operator's start: how much a change between test and live hides",
	"MoveDrafts":            "the operator's change between test and live takes the drafts of all workspaces along",
	"DueRefundRequests":     "the workers' queue of all workspaces; each row is claimed within its own",
	"DueReads":              "the workers' queue of all workspaces; each row is claimed within its own",
	"DueStripeEvents":       "the workers' queue; an event's account may not be known yet",
	"StripeEvent":           "the id is Stripe's, unique over all accounts; its account may not be known yet",
	"SetStripeEventState":   "the id is Stripe's, and this is what gives the event its workspace",
	"ClaimStripeEvent":      "the id is Stripe's; its account may not be known yet",
	"HasStripeEvent":        "the id is Stripe's, unique over all accounts",
	"DueSyncs":              "the workers' queue of all workspaces; each row is claimed within its own",
	"WakeSyncs":             "a start: every account may have missed something",
	"SyncCursors":           "the operator's command and doctor look at all accounts",
	"AllFailedStripeEvents": "the operator's look at the installation: how many, never what",
	"UnmatchedStripeEvents": "the operator's look at events that belong to no workspace",
	"WakeFailedEvents":      "a start of Trak finishes what it can of all workspaces",
	"WakeUnmatchedEvents":   "events of an account that was not known until now have no workspace",
	"FactsAmiss":            "the operator's verify: looks for rows that cross workspaces or modes",
	"ClaimsAmiss":           "the operator's verify, of all workspaces",
	"PaymentsAmiss":         "the operator's verify, of all workspaces",
	"MatchesAmiss":          "the operator's verify, of all workspaces",
	"LinksAmiss":            "the operator's verify, of all workspaces",
	"LinkFactsAmiss":        "the operator's verify, of all workspaces",
	"ValuesAmiss":           "the operator's verify, of all workspaces",
	"TimesAmiss":            "the operator's verify, of all workspaces",
	"RequestsAmiss":         "the operator's verify, of all workspaces",
	"BalanceAmiss":          "the operator's verify, of all workspaces",
	"SealedValues":          "the operator's change of the secret key: all that is encrypted, of all workspaces",
	"SetMessageSecret":      "the operator's change of the secret key: the id is one that SealedValues has just given",
	"DropMessage":           "the operator gives up what a lost key encrypted: the id is one that SealedValues has just given",

	"SetAuditHash":            "the first start chains the records of all workspaces; the id is of one that has no hash",
	"AuditOfInstallation":     "bound to the records of no workspace",
	"LastAuditOfInstallation": "bound to the records of no workspace",
	"AllMemberships":          "the operator's list of users, with what they are where",
	"WorkspacesAndPeople":     "the operator's list of workspaces",
	"WorkspacesOwnedAlone":    "the operator disables somebody: what they leave without an owner, anywhere",
	"DropMessagesOfDisabled":  "bound to the person whom the operator disables",
}

func readStatements(t *testing.T) (list []statement) {
	t.Helper()
	files, err := filepath.Glob("queries/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no queries: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		statements, err := statementsOf(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		list = append(list, statements...)
	}
	return list
}

func tenantTables(t *testing.T, w *world) map[string]bool {
	t.Helper()
	tables, err := tablesOf(t.Context(), w.other)
	if err != nil {
		t.Fatal(err)
	}
	tenant := map[string]bool{}
	for _, x := range tables {
		if x.has("workspace_id") {
			tenant[x.name] = true
		}
	}
	if len(tenant) < 10 {
		t.Fatalf("only %d tables belong to workspaces: %v", len(tenant), tenant)
	}
	return tenant
}

// Attack B8.
func TestQueriesAreBoundToAWorkspace(t *testing.T) {
	t.Parallel()
	tenant := tenantTables(t, setup(t))
	left := maps.Clone(unscoped)
	for _, s := range readStatements(t) {
		findings := unbound(tenant, s.body)
		if _, ok := unscoped[s.name]; ok {
			if len(findings) > 0 {
				delete(left, s.name)
			}
			continue
		}
		for _, f := range findings {
			t.Errorf("%s: %s", s.name, f)
		}
	}
	for name := range left {
		t.Errorf("%s needs no exception (any more): take it out of the list", name)
	}
}

// The check itself is checked: each of these must be found.
func TestUnboundQueriesAreFound(t *testing.T) {
	t.Parallel()
	tenant := map[string]bool{"invoices": true, "clients": true, "counters": true, "payments": true}
	for _, tt := range []struct{ name, sql string }{
		{"no filter", "SELECT * FROM invoices"},
		{"another filter only", "SELECT * FROM invoices WHERE id = @id"},
		{"another parameter", "SELECT * FROM invoices WHERE workspace_id = @id"},
		{"another column", "SELECT * FROM invoices WHERE id = @workspace_id"},
		{"not equal", "SELECT * FROM invoices WHERE workspace_id <> @workspace_id"},
		{"no less than", "SELECT * FROM invoices WHERE workspace_id >= @workspace_id"},
		{"negated", "SELECT * FROM invoices WHERE NOT workspace_id = @workspace_id"},
		{"a negated group", "SELECT * FROM invoices WHERE NOT (workspace_id = @workspace_id AND id = @id)"},
		{"an OR beside it", "SELECT * FROM invoices WHERE workspace_id = @workspace_id OR id = @id"},
		{"an OR above it", "SELECT * FROM invoices WHERE livemode = @livemode AND (workspace_id = @workspace_id AND id = @id OR token = @token)"},
		{"an OR after AND", "SELECT * FROM invoices WHERE workspace_id = @workspace_id AND id = @id OR token = @token"},
		{"in a comment", "SELECT * FROM invoices -- WHERE workspace_id = @workspace_id\n WHERE id = @id"},
		{"in a text", "SELECT * FROM invoices WHERE number = 'workspace_id = @workspace_id'"},
		{"itself", "SELECT * FROM invoices i WHERE i.workspace_id = i.workspace_id"},
		{"a join without it", "SELECT * FROM invoices i JOIN clients c ON c.id = i.client_id WHERE i.workspace_id = @workspace_id"},
		{"a left join without it", "SELECT * FROM invoices i LEFT JOIN clients c ON c.id = i.client_id WHERE i.workspace_id = @workspace_id"},
		{"two that are bound to each other only", "SELECT * FROM invoices i JOIN clients c ON c.workspace_id = i.workspace_id WHERE i.id = @id"},
		{"a left join that is to bind what it joins to", "SELECT * FROM invoices i LEFT JOIN clients c ON i.workspace_id = @workspace_id AND c.workspace_id = i.workspace_id"},
		{"a left join bound by its right side", "SELECT * FROM invoices i LEFT JOIN clients c ON c.workspace_id = @workspace_id AND c.workspace_id = i.workspace_id"},
		{"a join with a table of no workspace", "SELECT * FROM invoices i JOIN users u ON u.workspace_id = i.workspace_id"},
		{"a comma", "SELECT * FROM invoices i, clients c WHERE i.workspace_id = @workspace_id"},
		{"the wrong alias", "SELECT * FROM invoices i JOIN invoices j ON j.id = i.id WHERE i.workspace_id = @workspace_id"},
		{"a subquery in FROM", "SELECT count(*) FROM (SELECT 1 FROM invoices LIMIT @max) AS t"},
		{"a subquery in WHERE", "SELECT * FROM clients WHERE workspace_id = @workspace_id AND EXISTS (SELECT 1 FROM invoices i WHERE i.client_id = clients.id)"},
		{"a subquery bound to nothing around it", "SELECT * FROM users u WHERE EXISTS (SELECT 1 FROM invoices i WHERE i.workspace_id = u.workspace_id)"},
		{"a subquery among the columns", "SELECT (SELECT count(*) FROM invoices) FROM clients WHERE workspace_id = @workspace_id"},
		{"a filter of the subquery only", "SELECT * FROM invoices WHERE id IN (SELECT client_id FROM invoices WHERE workspace_id = @workspace_id)"},
		{"one half of a union", "SELECT id FROM invoices WHERE workspace_id = @workspace_id UNION ALL SELECT id FROM clients"},
		{"a common table expression", "WITH x AS (SELECT * FROM invoices) SELECT * FROM x"},
		{"beside a common table expression", "WITH x AS (SELECT 1) SELECT * FROM invoices, x"},
		{"update", "UPDATE invoices SET total = 0 WHERE id = @id"},
		{"update that only sets it", "UPDATE invoices SET workspace_id = @workspace_id"},
		{"update from another", "UPDATE invoices SET total = c.version FROM clients c WHERE invoices.workspace_id = @workspace_id AND c.id = invoices.client_id"},
		{"delete", "DELETE FROM invoices WHERE id = @id RETURNING workspace_id"},
		{"delete everything", "DELETE FROM invoices"},
		{"insert of another's", "INSERT INTO invoices (id, workspace_id) VALUES (@workspace_id, @id)"},
		{"insert without it", "INSERT INTO invoices (id) VALUES (@id)"},
		{"insert from a query", "INSERT INTO invoices (id, workspace_id) SELECT id, workspace_id FROM clients"},
		{"a conflict over workspaces", "INSERT INTO payments (id, workspace_id) VALUES (@id, @workspace_id) ON CONFLICT (id) DO UPDATE SET id = excluded.id"},
		{"a conflict with an OR", "INSERT INTO payments (id, workspace_id) VALUES (@id, @workspace_id) ON CONFLICT (id) DO UPDATE SET id = excluded.id WHERE payments.workspace_id = excluded.workspace_id OR true"},
		{"a conflict compared with itself", "INSERT INTO payments (id, workspace_id) VALUES (@id, @workspace_id) ON CONFLICT (id) DO UPDATE SET id = excluded.id WHERE excluded.workspace_id = @workspace_id"},
		{"something else", "REPLACE INTO invoices (id) VALUES (@id)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			parts, err := partsOf(tt.sql)
			if err != nil {
				t.Fatal(err)
			}
			if len(unbound(tenant, parts)) == 0 {
				t.Errorf("not found: %s", tt.sql)
			}
		})
	}
}

func TestBoundQueriesAreLeftAlone(t *testing.T) {
	t.Parallel()
	tenant := map[string]bool{"invoices": true, "clients": true, "counters": true, "payments": true}
	for _, sql := range []string{
		"SELECT * FROM users WHERE id = @id",
		"SELECT 1",
		"select * from invoices where workspace_id = @workspace_id",
		"SELECT * FROM invoices WHERE @workspace_id = invoices.workspace_id AND (id = @id OR token = @token)",
		"SELECT * FROM invoices i LEFT JOIN clients c ON c.workspace_id = i.workspace_id AND c.id = i.client_id WHERE i.workspace_id = sqlc.arg(workspace_id)",
		"SELECT * FROM invoices i JOIN clients c ON c.workspace_id = @workspace_id AND c.workspace_id = i.workspace_id",
		"SELECT * FROM clients c WHERE (c.workspace_id = @workspace_id AND true) AND EXISTS (SELECT 1 FROM invoices i WHERE i.workspace_id = c.workspace_id)",
		"WITH x AS (SELECT * FROM invoices WHERE workspace_id = @workspace_id) SELECT * FROM x",
		"UPDATE invoices SET total = CASE WHEN total = 0 OR false THEN 1 ELSE 2 END WHERE workspace_id = @workspace_id AND id = @id RETURNING *",
		"INSERT INTO counters (workspace_id, last) VALUES (@workspace_id, 1) ON CONFLICT (workspace_id) DO UPDATE SET last = counters.last + 1 RETURNING last",
		"INSERT INTO payments (id, workspace_id) VALUES (@id, @workspace_id) ON CONFLICT (id) DO UPDATE SET id = excluded.id WHERE payments.workspace_id = excluded.workspace_id",
		"INSERT INTO payments (id, workspace_id) VALUES (@id, @workspace_id) ON CONFLICT (id) DO NOTHING",
	} {
		parts, err := partsOf(sql)
		if err != nil {
			t.Fatal(err)
		}
		if findings := unbound(tenant, parts); len(findings) > 0 {
			t.Errorf("%s: %v", sql, findings)
		}
	}
}

// Every generated query runs on SQLite, and none that is bound to a workspace sees or changes
// a row of another one: there the same keys exist.
// Attack B8.
func TestEveryQueryRunsAndStaysInItsWorkspace(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var names []string
	for _, s := range readStatements(t) {
		names = append(names, s.name)
	}
	slices.Sort(names)
	queries := reflect.TypeFor[*Queries]()
	var methods []string
	for i := range queries.NumMethod() {
		if name := queries.Method(i).Name; name != "WithTx" {
			methods = append(methods, name)
		}
	}
	if !slices.Equal(methods, names) {
		t.Fatalf("the generated code is stale: it has %v, the queries are %v", methods, names)
	}

	// Two databases: in one there is another workspace, with rows in every table, in the other
	// there is not. One's own workspace must not feel the difference.
	tx, alone := begin(t, w), begin(t, setup(t))
	tables, err := tablesOf(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tables {
		if err := newRow(t.Context(), tx, x, theirs, nil); err != nil {
			t.Fatal(err)
		}
		if x.name == "workspaces" {
			if err := errors.Join(newRow(t.Context(), tx, x, mine, nil), newRow(t.Context(), alone, x, mine, nil)); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := contents(t, tx, tables)
	for _, name := range methods {
		query := reflect.ValueOf(New(tx)).MethodByName(name)
		if _, err := invoke(t, tx, query, theirs, 1, nil); err != nil && !errors.Is(err, sql.ErrNoRows) && !isConstraint(err) {
			t.Errorf("%s: %v", name, err)
		}
		if _, exempt := unscoped[name]; exempt || !scoped(query) {
			continue
		}
		for _, number := range []int64{1, 2} { // the one that their rows have, and one that would change them
			got, err := invoke(t, tx, query, mine, number, func() {
				if contents(t, tx, tables) != before {
					t.Errorf("%s changes another workspace's rows", name)
				}
			})
			want, wantErr := invoke(t, alone, reflect.ValueOf(New(alone)).MethodByName(name), mine, number, nil)
			// Keys that are unique over all workspaces may collide; nothing is seen by that.
			if !isConstraint(err) && !isConstraint(wantErr) && ((err == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want)) {
				t.Errorf("%s sees another workspace's rows: %+v, %v; without them %+v, %v", name, got, err, want, wantErr)
			}
		}
	}
}

func begin(t *testing.T, w *world) *sql.Tx {
	t.Helper()
	tx, err := w.other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

const mine, theirs = "mine", "theirs"

// scoped says that a query takes a workspace.
func scoped(method reflect.Value) bool {
	for i := 1; i < method.Type().NumIn(); i++ {
		if in := method.Type().In(i); in.Kind() == reflect.Struct {
			if _, ok := in.FieldByName("WorkspaceID"); ok {
				return true
			}
		}
	}
	return method.Type().NumIn() == 2 && method.Type().In(1).Kind() == reflect.String
}

// invoke calls a query for a workspace, with all other keys those of the other workspace,
// looks at what it did, and undoes it.
func invoke(t *testing.T, tx *sql.Tx, query reflect.Value, workspace string, number int64, look func()) (result any, err error) {
	t.Helper()
	if _, err := tx.ExecContext(t.Context(), "SAVEPOINT one"); err != nil {
		t.Fatal(err)
	}
	args := []reflect.Value{reflect.ValueOf(t.Context())}
	for i := 1; i < query.Type().NumIn(); i++ {
		v := reflect.New(query.Type().In(i)).Elem()
		plant(v, "", theirs, number)
		if f := v; v.Kind() == reflect.Struct {
			if f = v.FieldByName("WorkspaceID"); f.IsValid() {
				reflect.Indirect(f).SetString(workspace) // a pointer where it may be NULL
			}
		} else if v.Kind() == reflect.String {
			v.SetString(workspace)
		}
		args = append(args, v)
	}
	out := query.Call(args)
	if look != nil {
		look()
	}
	if _, err := tx.ExecContext(t.Context(), "ROLLBACK TO one"); err != nil {
		t.Fatal(err)
	}
	err, _ = out[len(out)-1].Interface().(error)
	if len(out) > 1 {
		result = out[0].Interface()
	}
	return result, err
}

// plant fills a value with what newRow puts into columns, or, where its name says that it is a
// bound, with one that leaves nothing out.
func plant(v reflect.Value, name, text string, number int64) {
	switch {
	case strings.HasPrefix(name, "After"), name == "Since":
		return
	case strings.HasPrefix(name, "Before"), name == "Until", name == "Today", name == "Max":
		text, number = "~", 1000
	case name == "Pattern":
		text = "%"
	case allowed[strings.ToLower(name)] != "":
		text = allowed[strings.ToLower(name)]
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int64, reflect.Int32:
		v.SetInt(number)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.SetBytes([]byte(text))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		plant(v.Elem(), name, text, number)
	case reflect.Struct:
		for i := range v.NumField() {
			plant(v.Field(i), v.Type().Field(i).Name, text, number)
		}
	default:
		panic("don't know how to fill " + v.Type().String())
	}
}

// contents is all that belongs to the other workspace, as one text.
func contents(t *testing.T, q DBTX, tables []table) string {
	t.Helper()
	var all []string
	for _, x := range tables {
		if !x.has("workspace_id") {
			continue
		}
		var columns []string
		for _, c := range x.columns {
			columns = append(columns, "quote("+c.name+")")
		}
		rows, err := texts(t.Context(), q, "SELECT "+strings.Join(columns, " || ',' || ")+" FROM "+x.name+" WHERE workspace_id = ? ORDER BY 1", theirs)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			t.Fatalf("%s has no row of the other workspace", x.name)
		}
		all = append(all, x.name+": "+strings.Join(rows, "\n"))
	}
	return strings.Join(all, "\n")
}
