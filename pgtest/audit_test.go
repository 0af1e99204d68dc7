package pgtest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"trak/app"
)

// Records that are made at once follow one another in their chain, without a gap or a fork, and
// nobody changes one.
func TestAuditChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, options())
	const many = 16
	for _, err := range atOnce(many, func(i int) error {
		_, err := w.app.CreateClient(context.Background(), w.owner, app.ClientInput{Name: fmt.Sprintf("Client %d", i)})
		return err
	}) {
		must(t, err)
	}
	if n := w.count("SELECT count(*) FROM audit_log WHERE action = 'client.create'"); n != many {
		t.Errorf("%d records of %d", n, many)
	}
	report, err := app.Verify(context.Background(), w.db)
	must(t, err)
	if len(report.Differences) > 0 || report.Audit == nil || report.Audit.Records < many {
		t.Errorf("verify says %+v of %+v", report.Differences, report.Audit)
	}
	page, err := w.app.AuditLog(context.Background(), w.owner, app.AuditFilter{Kind: app.AuditClients, Person: w.owner.UserID}, 0)
	must(t, err)
	if len(page.Entries) != many || len(page.People) != 1 || !strings.HasPrefix(page.Entries[0].Told, "added the client Client ") {
		t.Errorf("the page shows %d records, by %v", len(page.Entries), page.People)
	}
	for _, statement := range []string{"UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log"} {
		if _, err := w.raw.Exec(statement); err == nil || !strings.Contains(err.Error(), "the audit log is only added to") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if _, err := w.raw.Exec("ALTER TABLE audit_log DISABLE TRIGGER USER; UPDATE audit_log SET after = '{}' WHERE seq = 3"); err != nil {
		t.Fatal(err)
	}
	report, err = app.Verify(context.Background(), w.db)
	must(t, err)
	if len(report.Differences) == 0 {
		t.Error("a change is not seen")
	}
}
