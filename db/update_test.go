package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var errMine = errors.New("my own reason")

func TestUpdateSharesOneCommitAndAnswersEachCaller(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.disk.set(nil)
	var callers []caller
	for i := range 100 {
		callers = append(callers, caller{f: func(tx *Tx) error {
			if err := put(tx, fmt.Sprintf("k%02d", i)); err != nil {
				return err
			}
			if i%3 == 0 {
				return fmt.Errorf("caller %d: %w", i, errMine)
			}
			return nil
		}})
	}
	answers := w.batch(nil, callers...)
	keys := w.keys()
	for i, err := range answers {
		if failed := i%3 == 0; failed != (err != nil) || failed && err.Error() != fmt.Sprintf("caller %d: my own reason", i) {
			t.Errorf("caller %d was answered %v", i, err)
		}
		if got, want := slices.Contains(keys, fmt.Sprintf("k%02d", i)), err == nil; got != want {
			t.Errorf("caller %d: kept = %v, answered %v", i, got, err)
		}
	}
	if n := w.disk.count("COMMIT"); n != 2 { // one of them for the job that kept the writer busy
		t.Errorf("%d commits, want 2", n)
	}
}

// In the middle of a batch, between callers a and c, something goes wrong. They must never
// notice, and what b is answered must be what is in the file.
func TestUpdateInMidBatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		b    func(*Tx) error
		want func(error) bool // nil = no error
		kept string
	}{
		{"an own error undoes its caller only", func(tx *Tx) error {
			return errors.Join(put(tx, "b"), errMine)
		}, isMine, "a c"},
		{"a broken constraint undoes its caller only", func(tx *Tx) error {
			return errors.Join(put(tx, "b"), put(tx, "a"))
		}, isConstraint, "a c"},
		{"a broken constraint may be handled", func(tx *Tx) error {
			if err := put(tx, "a"); !isConstraint(err) {
				return fmt.Errorf("want a broken constraint, got %v", err)
			}
			return put(tx, "b")
		}, nil, "a b c"},
		{"a broken constraint may be handled where a row is read", func(tx *Tx) error {
			var key string
			row := tx.db.QueryRowContext(context.Background(), "INSERT INTO one_time_tokens (hash, kind, expires_at) VALUES ('a', '', 0) RETURNING hash")
			if err := row.Scan(&key); !isConstraint(err) {
				return fmt.Errorf("want a broken constraint, got %v", err)
			}
			return put(tx, "b")
		}, nil, "a b c"},
		{"no row is no reason to stop", func(tx *Tx) error {
			if _, err := tx.UserByID(context.Background(), "nobody"); err == nil {
				return errors.New("found a user that is not there")
			}
			return put(tx, "b")
		}, nil, "a b c"},
		{"a panic undoes its caller only", func(tx *Tx) error {
			_ = put(tx, "b")
			panic("b panics")
		}, says("b panics"), "a c"},
		{"a panic in a savepoint undoes its caller only", func(tx *Tx) error {
			return tx.Savepoint(func() error {
				_ = put(tx, "b")
				panic("b panics")
			})
		}, says("b panics"), "a c"},
		{"bad SQL undoes its caller only", func(tx *Tx) error {
			_ = put(tx, "b")
			_, err := tx.db.ExecContext(context.Background(), "INSERT INTO nowhere VALUES (1)")
			return err
		}, says("no such table"), "a c"},
		{"bad SQL can't be handled: nothing runs after it", func(tx *Tx) error {
			_, _ = tx.db.ExecContext(context.Background(), "INSERT INTO nowhere VALUES (1)")
			if put(tx, "b") == nil {
				t.Error("a statement ran after an error that may have undone more than itself")
			}
			return nil
		}, says("no such table"), "a c"},

		// A full disk makes SQLite roll back the whole transaction, a's work included.
		{"a full disk", func(tx *Tx) error {
			return errors.Join(put(tx, "b"), fill(tx))
		}, isFull, "a c"},
		{"a full disk where a row is read", func(tx *Tx) error {
			return errors.Join(put(tx, "b"), fillReturning(tx))
		}, isFull, "a c"},
		{"a full disk can't be handled", func(tx *Tx) error {
			_, _ = put(tx, "b"), fill(tx)
			return nil
		}, isFull, "a c"},
		{"a full disk can't be handled where a row is read", func(tx *Tx) error {
			_, _ = put(tx, "b"), fillReturning(tx)
			return nil
		}, isFull, "a c"},
		{"nothing commits by itself after a full disk", func(tx *Tx) error {
			_, _ = put(tx, "b"), fill(tx)
			_ = put(tx, "b")
			return errMine
		}, isMine, "a c"},
		{"nothing commits by itself after a full disk where a row is read", func(tx *Tx) error {
			_, _ = put(tx, "b"), fillReturning(tx)
			_ = put(tx, "b")
			return errMine
		}, isMine, "a c"},
		{"no savepoint commits by itself after a full disk", func(tx *Tx) error {
			_ = fillReturning(tx)
			_ = tx.Savepoint(func() error { return put(tx, "b") })
			return errMine
		}, isMine, "a c"},
		{"a full disk in a savepoint can't be handled", func(tx *Tx) error {
			_ = tx.Savepoint(func() error { return fill(tx) })
			_ = put(tx, "b")
			return nil
		}, isFull, "a c"},
		{"a full disk in a savepoint can't be handled where a row is read", func(tx *Tx) error {
			_ = tx.Savepoint(func() error { return fillReturning(tx) })
			_ = put(tx, "b")
			return nil
		}, isFull, "a c"},

		// The same, had SQLite not said so.
		{"a transaction that ended unnoticed", func(tx *Tx) error {
			return errors.Join(put(tx, "b"), end(tx))
		}, isLost, "a c"},
		{"nothing commits by itself after a transaction ended unnoticed", func(tx *Tx) error {
			_, _ = end(tx), put(tx, "b")
			return nil
		}, isLost, "a c"},
		{"no savepoint commits by itself after a transaction ended unnoticed", func(tx *Tx) error {
			_ = end(tx)
			_ = tx.Savepoint(func() error { return put(tx, "b") })
			return nil
		}, isLost, "a c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			answers := w.batch(limitDisk, jobs(puts("a"), tt.b, puts("c"))...)
			if answers[0] != nil || answers[2] != nil {
				t.Errorf("a was answered %v, c %v", answers[0], answers[2])
			}
			if tt.want == nil && answers[1] != nil || tt.want != nil && (answers[1] == nil || !tt.want(answers[1])) {
				t.Errorf("b was answered %v", answers[1])
			}
			if got := w.kept(); got != tt.kept {
				t.Errorf("in the file: %q, want %q", got, tt.kept)
			}
			// The writer goes on: the next caller notices nothing.
			if err := w.Update(t.Context(), System, puts("d")); err != nil {
				t.Errorf("the next caller was answered %v", err)
			}
		})
	}
}

func isMine(err error) bool { return errors.Is(err, errMine) }

func isLost(err error) bool { return errors.Is(err, errRolledBack) }

func end(tx *Tx) error {
	_, err := tx.db.ExecContext(context.Background(), "ROLLBACK")
	return err
}

func says(text string) func(error) bool {
	return func(err error) bool { return strings.Contains(err.Error(), text) }
}

func TestUpdateAndItsContext(t *testing.T) {
	t.Parallel()

	t.Run("one that has ended is answered, and nothing runs", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errMine)
		if err := w.Update(ctx, System, puts("b")); !isMine(err) {
			t.Errorf("answered %v", err)
		}
		if got := w.kept(); got != "" {
			t.Errorf("in the file: %q", got)
		}
	})

	t.Run("one that ends while waiting is answered, and the others go on", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		answers := w.batch(func(*Tx) error { cancel(errMine); return nil },
			caller{f: puts("a")}, caller{ctx, puts("b")}, caller{f: puts("c")})
		if answers[0] != nil || !isMine(answers[1]) || answers[2] != nil {
			t.Errorf("answered %v", answers)
		}
		if got := w.kept(); got != "a c" {
			t.Errorf("in the file: %q", got)
		}
	})

	t.Run("one that ends before a statement changes nothing any more", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		answers := w.batch(nil, caller{f: puts("a")}, caller{ctx, func(tx *Tx) error {
			cancel()
			return tx.InsertOneTimeToken(ctx, InsertOneTimeTokenParams{Hash: "b"})
		}}, caller{f: puts("c")})
		if answers[0] != nil || answers[1] != nil || answers[2] != nil {
			t.Errorf("answered %v", answers)
		}
		if got := w.kept(); got != "a b c" {
			t.Errorf("in the file: %q", got)
		}
	})

	t.Run("one that ends in the middle of a statement changes nothing any more", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		answers := w.batch(nil, caller{f: puts("a")}, caller{ctx, func(tx *Tx) error {
			timer := time.AfterFunc(5*time.Millisecond, cancel)
			defer timer.Stop()
			for ctx.Err() == nil { // until it has ended while a statement was running
				_, err := tx.db.ExecContext(ctx, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
					INSERT INTO installation (name, value) SELECT i, '' FROM n WHERE true ON CONFLICT (name) DO NOTHING`)
				if err != nil {
					return err
				}
			}
			return put(tx, "b")
		}}, caller{f: puts("c")})
		if answers[0] != nil || answers[1] != nil || answers[2] != nil {
			t.Errorf("answered %v", answers)
		}
		if got := w.kept(); got != "a b c" {
			t.Errorf("in the file: %q", got)
		}
	})
}

// Attack G16.
func TestUpdateOnADiskThatFails(t *testing.T) {
	t.Parallel()
	ok := func(err error) bool { return err == nil }
	failed := func(err error) bool { return err != nil }
	ioError := func(err error) bool { return errors.Is(err, errDisk) }
	for _, tt := range []struct {
		name    string
		fail    func(string) error
		a, b, c func(error) bool // b writes and returns an error of its own
		kept    string
	}{
		{"once, at the beginning", once("BEGIN"), ok, isMine, ok, "a c"},
		{"once, at a savepoint", once("SAVEPOINT job"), ok, isMine, ok, "a c"},
		{"once, at a statement", once("-- name: InsertOneTimeToken"), ok, isMine, ok, "a c"},
		{"once, at undoing", once("ROLLBACK TO job"), ok, isMine, ok, "a c"},
		{"once, at a release", once("RELEASE job"), ok, isMine, ok, "a c"},
		{"once, at the commit", once("COMMIT"), ok, isMine, ok, "a c"},
		{"for good, at the beginning", on("BEGIN"), ioError, ioError, ioError, ""},
		{"for good, at a savepoint", on("SAVEPOINT job"), ioError, ioError, ioError, ""},
		{"for good, at a statement", on("-- name: InsertOneTimeToken"), ioError, ioError, ioError, ""},
		{"for good, at undoing", on("ROLLBACK"), failed, failed, failed, ""},
		{"for good, at a release", on("RELEASE job"), ioError, ioError, ioError, ""},
		{"for good, at the commit", on("COMMIT"), ioError, isMine, ioError, ""},
		{"for good, at the commit and at undoing it", either(on("COMMIT"), on("ROLLBACK")), failed, failed, failed, ""},
		{"for good, at everything", on(""), ioError, ioError, ioError, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			// The first job has passed its own BEGIN and SAVEPOINT when the disk starts to fail,
			// and is spared: it fails after its COMMIT.
			armed := false
			w.disk.set(func(query string) error {
				if armed {
					return tt.fail(query)
				}
				armed = query == "COMMIT"
				return nil
			})
			answers := w.batch(nil, jobs(puts("a"), func(tx *Tx) error { return errors.Join(put(tx, "b"), errMine) }, puts("c"))...)
			if !tt.a(answers[0]) || !tt.b(answers[1]) || !tt.c(answers[2]) {
				t.Errorf("answered %v", answers)
			}
			if got := w.kept(); got != tt.kept {
				t.Errorf("in the file: %q, want %q", got, tt.kept)
			}
			w.disk.set(nil)
			if err := w.Update(t.Context(), System, puts("d")); err != nil {
				t.Errorf("after the disk was mended: %v", err)
			}
			if got, want := w.kept(), strings.TrimSpace(tt.kept+" d"); got != want {
				t.Errorf("after the disk was mended: %q in the file, want %q", got, want)
			}
		})
	}
}

func either(a, b func(string) error) func(string) error {
	return func(query string) error { return errors.Join(a(query), b(query)) }
}

// What a job is told of a statement that failed, or was refused, is the reason, and never a row.
func TestARefusedStatementNeverAnswersWithARow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.disk.set(on("-- name: InsertOneTimeToken"))
	for range 50 {
		err := w.Update(t.Context(), System, func(tx *Tx) error {
			_ = put(tx, "a")
			if n, err := tx.CountUsers(t.Context()); !errors.Is(err, errDisk) {
				t.Errorf("counted %d users, %v", n, err)
			}
			if _, err := tx.AllWorkspaces(t.Context()); !errors.Is(err, errDisk) {
				t.Errorf("listed workspaces: %v", err)
			}
			if err := tx.Savepoint(func() error { return nil }); !errors.Is(err, errDisk) {
				t.Errorf("savepoint: %v", err)
			}
			return nil
		})
		if !errors.Is(err, errDisk) {
			t.Fatalf("answered %v", err)
		}
	}
}

func TestSavepoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		f    func(*Tx) error
		kept string
	}{
		{"keeps what succeeds", func(tx *Tx) error { return tx.Savepoint(puts2(tx, "a")) }, "a"},
		{"undoes itself only", func(tx *Tx) error {
			return errors.Join(put(tx, "a"), want(tx.Savepoint(failing(tx, "b"))), put(tx, "c"))
		}, "a c"},
		{"undoes those within", func(tx *Tx) error {
			return errors.Join(put(tx, "a"), want(tx.Savepoint(func() error {
				return errors.Join(tx.Savepoint(puts2(tx, "b")), errMine)
			})), put(tx, "c"))
		}, "a c"},
		{"one within undoes itself only", func(tx *Tx) error {
			return tx.Savepoint(func() error {
				return errors.Join(put(tx, "a"), want(tx.Savepoint(failing(tx, "b"))), put(tx, "c"))
			})
		}, "a c"},
		{"three deep", func(tx *Tx) error {
			return tx.Savepoint(func() error {
				return errors.Join(put(tx, "a"), want(tx.Savepoint(func() error {
					return errors.Join(put(tx, "b"), tx.Savepoint(puts2(tx, "c")), want(tx.Savepoint(failing(tx, "d"))), errMine)
				})), put(tx, "e"))
			})
		}, "a e"},
		{"one after the other", func(tx *Tx) error {
			return errors.Join(tx.Savepoint(puts2(tx, "a")), want(tx.Savepoint(failing(tx, "b"))), tx.Savepoint(puts2(tx, "c")))
		}, "a c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			if err := w.Update(t.Context(), System, tt.f); err != nil {
				t.Errorf("answered %v", err)
			}
			if got := w.kept(); got != tt.kept {
				t.Errorf("in the file: %q, want %q", got, tt.kept)
			}
		})
	}
}

func puts2(tx *Tx, key string) func() error { return func() error { return put(tx, key) } }

func failing(tx *Tx, key string) func() error {
	return func() error { return errors.Join(put(tx, key), errMine) }
}

// want handles the error that was expected, and only that.
func want(err error) error {
	if isMine(err) {
		return nil
	}
	return fmt.Errorf("want an own error, got %w", err)
}

func TestSavepointOnADiskThatFails(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"SAVEPOINT s1", "ROLLBACK TO s1", "RELEASE s1"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.disk.set(on(query))
			answers := w.batch(nil, jobs(puts("a"), func(tx *Tx) error {
				_ = put(tx, "b")
				_ = tx.Savepoint(failing(tx, "bb"))
				return nil // the failure can't be handled
			}, puts("c"))...)
			if answers[0] != nil || !errors.Is(answers[1], errDisk) || answers[2] != nil {
				t.Errorf("answered %v", answers)
			}
			if got := w.kept(); got != "a c" {
				t.Errorf("in the file: %q", got)
			}
		})
	}
}

func TestAfterCommitRunsOnceAndOnlyForWhatIsDurable(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var mu sync.Mutex
	var ran []string
	says := func(tx *Tx, what string) {
		tx.AfterCommit(func() {
			mu.Lock()
			defer mu.Unlock()
			if what == "a" && w.kept() != "a c" {
				t.Errorf("%q is in the file when a is told that it is durable", w.kept())
			}
			ran = append(ran, what)
		})
	}
	runs := 0
	callers := jobs(
		func(tx *Tx) error { runs++; says(tx, "a"); return put(tx, "a") },
		func(tx *Tx) error { says(tx, "b"); return errors.Join(put(tx, "b"), errMine) },
		func(tx *Tx) error {
			_ = tx.Savepoint(func() error { says(tx, "undone"); return errMine })
			return errors.Join(tx.Savepoint(func() error { says(tx, "c1"); return nil }), put(tx, "c"), func() error { says(tx, "c2"); return nil }())
		},
		func(tx *Tx) error { says(tx, "d"); return fill(tx) }, // takes the whole batch with it: all run again
	)
	// Where the jobs run one by one, a is told before c has run: so without d first.
	answers := w.batch(nil, callers[:3]...)
	if answers[0] != nil || !isMine(answers[1]) || answers[2] != nil {
		t.Errorf("answered %v", answers)
	}
	if got := strings.Join(ran, " "); got != "a c1 c2" || runs != 1 {
		t.Errorf("ran %q after %d runs of a", got, runs)
	}

	ran, runs = nil, 0
	callers[0] = caller{f: func(tx *Tx) error { runs++; says(tx, "a2"); return put(tx, "a2") }}
	callers[2] = caller{f: func(tx *Tx) error { says(tx, "c2"); return put(tx, "c2") }}
	answers = w.batch(limitDisk, callers...)
	if answers[0] != nil || !isMine(answers[1]) || answers[2] != nil || !isFull(answers[3]) {
		t.Errorf("answered %v", answers)
	}
	if got := strings.Join(ran, " "); got != "a2 c2" || runs != 2 {
		t.Errorf("ran %q after %d runs of a2, want 2 runs", got, runs)
	}

	// Nothing is durable when the commit fails.
	ran = nil
	w.disk.set(on("COMMIT"))
	if err := w.Update(t.Context(), System, func(tx *Tx) error { says(tx, "e"); return put(tx, "e") }); !errors.Is(err, errDisk) {
		t.Errorf("answered %v", err)
	}
	if len(ran) > 0 {
		t.Errorf("ran %q although the commit failed", ran)
	}
}

func TestUpdateLosesNoneOfManyAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const callers, each = 16, 25
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				err := w.Update(t.Context(), System, func(tx *Tx) error {
					count := 0
					if value, err := tx.InstallationValue(t.Context(), "count"); err == nil {
						count, _ = strconv.Atoi(string(value))
					}
					return tx.SetInstallationValue(t.Context(), SetInstallationValueParams{Name: "count", Value: fmt.Append(nil, count+1)})
				})
				if err != nil {
					t.Errorf("update: %v", err)
				}
				if err := w.View(t.Context(), System, func(q *Queries) error { _, err := q.InstallationValue(t.Context(), "count"); return err }); err != nil {
					t.Errorf("view: %v", err)
				}
			}
		})
	}
	wg.Wait()
	var got int
	if err := w.other.QueryRow("SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM installation WHERE name = 'count'").Scan(&got); err != nil || got != callers*each {
		t.Errorf("counted %d, %v; want %d", got, err, callers*each)
	}
}

func TestCloseAnswersWhatWasAccepted(t *testing.T) {
	t.Parallel()
	for range 8 { // the writer sees Close or the next job first, as it happens
		closeWithJobsWaiting(t)
	}
}

func closeWithJobsWaiting(t *testing.T) {
	t.Helper()
	d, err := Open(t.Context(), t.TempDir(), withDefaults(Options{}))
	if err != nil {
		t.Fatal(err)
	}
	started, goOn := make(chan struct{}), make(chan struct{})
	accepted := make([]*job, 20)
	for i := range accepted {
		accepted[i] = &job{ctx: t.Context(), done: make(chan error, 1), f: puts(strconv.Itoa(i))}
		if i == 0 {
			accepted[i].f = func(tx *Tx) error { close(started); <-goOn; return put(tx, "0") }
		}
		if err := d.file().writer.submit(accepted[i]); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			<-started // the others wait for a batch of their own
		}
	}
	closed := make(chan error)
	go func() { closed <- d.Close() }()
	<-d.file().writer.quit // Close has begun
	close(goOn)
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	for i, j := range accepted {
		select {
		case err := <-j.done:
			if err != nil {
				t.Errorf("job %d was answered %v", i, err)
			}
		default:
			t.Errorf("job %d was never answered", i)
		}
	}
	if err := d.Update(t.Context(), System, puts("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("Update after Close: %v", err)
	}
	if err := d.View(t.Context(), System, func(*Queries) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("View after Close: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	var n int
	if err := openOther(t, d.Path()).QueryRow("SELECT count(*) FROM one_time_tokens").Scan(&n); err != nil || n != len(accepted) {
		t.Errorf("%d rows in the file, %v; want %d", n, err, len(accepted))
	}
}

// The moment between, made to last: the writer has ended when the job arrives.
func TestUpdateIsAnsweredWhenTheWriterEndsMeanwhile(t *testing.T) {
	t.Parallel()
	ended := &writer{jobs: make(chan *job, 1), quit: make(chan struct{}), done: make(chan struct{})}
	close(ended.done)
	d := &DB{engine: &sqlite{writer: ended}}
	if err := d.Update(t.Context(), System, func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("answered %v", err)
	}
}

// A caller that comes at the very moment of Close is answered, one way or the other.
func TestCloseLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 20 {
		d, err := Open(t.Context(), dir, withDefaults(Options{}))
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		kept := map[string]bool{}
		for i := range 16 {
			wg.Go(func() {
				for n := 0; ; n++ {
					key := fmt.Sprintf("%d/%d/%d", round, i, n)
					err := d.Update(context.Background(), System, puts(key))
					mu.Lock()
					kept[key] = err == nil
					mu.Unlock()
					if err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Errorf("answered %v", err)
						}
						return
					}
				}
			})
		}
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		wg.Wait()
		other := openOther(t, d.Path())
		for key, want := range kept {
			var n int
			if err := other.QueryRow("SELECT count(*) FROM one_time_tokens WHERE hash = ?", key).Scan(&n); err != nil || (n == 1) != want {
				t.Errorf("%s: %d rows, %v; answered nil = %v", key, n, err, want)
			}
		}
		_ = other.Close()
	}
}
