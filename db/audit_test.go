package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var testKey = &AuditKey{Secret: []byte("0123456789abcdef0123456789abcdef")}

// chained is a world with a workspace, whose log has its key.
func chained(t *testing.T) *world {
	t.Helper()
	w := setup(t)
	w.UseAuditKey(testKey)
	for _, id := range []string{"w1", "w2"} {
		_, err := w.other.Exec("INSERT INTO workspaces (id, slug, name, country, currency, created_at) VALUES (?, ?, 'Acme', 'DE', 'eur', 1)", id, id)
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// checkChain fails unless a chain is whole and its head is that of its last record.
func (w *world) checkChain(t interface{ Fatalf(string, ...any) }, workspace string) (actions []string) {
	err := w.View(context.Background(), System, func(q *Queries) error {
		list, err := q.AuditOfInstallation(context.Background(), AuditOfInstallationParams{AfterSeq: -1, Max: 1 << 40})
		if workspace != "" {
			list, err = q.AuditOfWorkspace(context.Background(), AuditOfWorkspaceParams{WorkspaceID: &workspace, AfterSeq: -1, Max: 1 << 40})
		}
		if err != nil {
			return err
		}
		seal := ""
		for i, r := range list {
			if r.Seq != int64(i+1) || r.Hash != testKey.Hash(seal, r) {
				return fmt.Errorf("record %d of %q is %+v", i+1, workspace, r)
			}
			seal = testKey.SealOf(r.Hash)
			actions = append(actions, r.Action)
		}
		head, found, err := HeadOfAudit(context.Background(), q, workspace)
		if err != nil || found != (len(list) > 0) || head.Seq != int64(len(list)) || head.Seal != seal {
			return fmt.Errorf("the head of %q is %+v after %d records: %w", workspace, head, len(list), err)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return actions
}

func entry(workspace, action string) AuditLog {
	r := AuditLog{ID: action, Action: action, Subject: "x"}
	if workspace != "" {
		r.WorkspaceID = &workspace
	}
	return r
}

// Whatever the jobs of a batch undo, and whichever statements the disk fails: each chain has
// exactly the records of what was kept, without a gap and without a fork.
func TestChainHasWhatWasKept(t *testing.T) {
	t.Parallel()
	w := chained(t)
	want, checks := map[string][]string{}, 0
	rapid.Check(t, func(t *rapid.T) {
		checks++
		var fs []func(*Tx) error
		var kept []func() map[string][]string
		for i := range rapid.IntRange(1, 5).Draw(t, "jobs") {
			f, k := drawRecords(t, fmt.Sprintf("%d/%d", checks, i), 2)
			fs = append(fs, func(tx *Tx) error {
				tx.UseAuditKey(testKey)
				return f(tx)
			})
			kept = append(kept, k)
		}
		bad := rapid.SliceOfNDistinct(rapid.IntRange(0, 60), 0, 3, rapid.ID).Draw(t, "statements that fail")
		n := 0
		w.disk.set(func(query string) error {
			if query == "COMMIT" && n == 0 {
				n = 1 // of the job that kept the writer busy
				return nil
			}
			if n > 0 {
				n++
			}
			if slices.Contains(bad, n-2) {
				return errDisk
			}
			return nil
		})
		answers := w.batch(nil, jobs(fs...)...)
		w.disk.set(nil)
		for i, err := range answers {
			if err == nil {
				for chain, actions := range kept[i]() {
					want[chain] = append(want[chain], actions...)
				}
			}
		}
		for _, chain := range []string{"", "w1", "w2"} {
			got := w.checkChain(t, chain)
			if !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want[chain]))) {
				t.Fatalf("chain %q has %v, and %v were kept", chain, got, want[chain])
			}
		}
	})
}

var errUndo = errors.New("undo")

// drawRecords is a job that leaves records, within savepoints too, some of which it undoes. kept
// says what is left of the last time that it ran.
func drawRecords(t *rapid.T, name string, depth int) (f func(*Tx) error, kept func() map[string][]string) {
	type step struct {
		chain string
		inner func(*Tx) error
		kept  func() map[string][]string
	}
	var steps []step
	for i := range rapid.IntRange(1, 3).Draw(t, "steps") {
		if depth > 0 && rapid.Bool().Draw(t, "savepoint") {
			inner, k := drawRecords(t, fmt.Sprintf("%s/%d", name, i), depth-1)
			steps = append(steps, step{inner: inner, kept: k})
			continue
		}
		steps = append(steps, step{chain: rapid.SampledFrom([]string{"", "w1", "w2"}).Draw(t, "chain")})
	}
	undo := rapid.IntRange(0, 3).Draw(t, "undo") == 0
	var left map[string][]string
	f = func(tx *Tx) error {
		left = map[string][]string{}
		for i, s := range steps {
			if s.inner == nil {
				action := fmt.Sprintf("%s.%d", name, i)
				if err := tx.Record(context.Background(), entry(s.chain, action)); err != nil {
					return err
				}
				left[s.chain] = append(left[s.chain], action)
				continue
			}
			switch err := tx.Savepoint(func() error { return s.inner(tx) }); {
			case err == nil:
				for chain, actions := range s.kept() {
					left[chain] = append(left[chain], actions...)
				}
			case !errors.Is(err, errUndo):
				return err
			}
		}
		if undo {
			return errUndo
		}
		return nil
	}
	return f, func() map[string][]string { return left }
}

// A record stays as it is and where it is.
func TestAuditLogIsOnlyAddedTo(t *testing.T) {
	t.Parallel()
	w := chained(t)
	err := w.Update(t.Context(), System, func(tx *Tx) error { return tx.Record(t.Context(), entry("w1", "a")) })
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE audit_log SET action = 'b'", "UPDATE audit_log SET hash = ''", "UPDATE audit_log SET seq = 7", "DELETE FROM audit_log",
		"UPDATE audit_log SET workspace_id = 'w2'", "DELETE FROM audit_log WHERE id = 'a'",
	} {
		if _, err := w.other.Exec(statement); err == nil || !strings.Contains(err.Error(), "the audit log is only added to") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	w.checkChain(t, "w1")
}

// Without a key nothing is recorded, and so nothing that has to be is done.
func TestNoRecordWithoutAKey(t *testing.T) {
	t.Parallel()
	w := setup(t)
	err := w.Update(t.Context(), System, func(tx *Tx) error { return tx.Record(t.Context(), entry("", "a")) })
	if !errors.Is(err, ErrNoAuditKey) {
		t.Errorf("recorded without a key: %v", err)
	}
}

// Each field counts, and where one ends and the next begins.
func TestHashCoversEachField(t *testing.T) {
	t.Parallel()
	a, b := "a", "b"
	base := AuditLog{ID: "1", WorkspaceID: &a, UserID: &a, Action: "x", Subject: "y", Before: "z", After: "q", At: 1, Ip: "r", Seq: 2}
	seen := map[string]string{testKey.Hash("s", base): "base"}
	for name, change := range map[string]func(*AuditLog){
		"id": func(r *AuditLog) { r.ID = "2" }, "workspace": func(r *AuditLog) { r.WorkspaceID = &b }, "no workspace": func(r *AuditLog) { r.WorkspaceID = nil },
		"user": func(r *AuditLog) { r.UserID = &b }, "no user": func(r *AuditLog) { r.UserID = nil }, "action": func(r *AuditLog) { r.Action = "xy" },
		"subject": func(r *AuditLog) { r.Subject = "" }, "before": func(r *AuditLog) { r.Before = "" }, "after": func(r *AuditLog) { r.After = "" },
		"at": func(r *AuditLog) { r.At = 2 }, "ip": func(r *AuditLog) { r.Ip = "" }, "seq": func(r *AuditLog) { r.Seq = 3 },
		"where a field ends": func(r *AuditLog) { r.Action, r.Subject = "xy", "" },
	} {
		r := base
		change(&r)
		hash := testKey.Hash("s", r)
		if was, there := seen[hash]; there {
			t.Errorf("%s has the hash of %s", name, was)
		}
		seen[hash] = name
	}
	if _, there := seen[testKey.Hash("another", base)]; there {
		t.Error("the record before does not count")
	}
	if _, there := seen[(&AuditKey{Secret: []byte("another")}).Hash("s", base)]; there {
		t.Error("the key does not count")
	}
}
