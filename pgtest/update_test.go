package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"trak/db"
)

// put writes one row, named by a key that must be new.
func put(tx *db.Tx, key string) error {
	return tx.InsertOneTimeToken(context.Background(), db.InsertOneTimeTokenParams{Hash: key, ExpiresAt: 1})
}

// putUnreadable fails as no constraint does: PostgreSQL takes no zero byte in a text.
func putUnreadable(tx *db.Tx) error { return put(tx, "\x00") }

// tokens is a database with its keys to be seen from outside.
type tokens struct {
	*db.DB
	kept func() string
}

func newTokens(t *testing.T, o db.Options) tokens {
	t.Helper()
	url := newDatabase(t)
	raw := beside(t, url)
	return tokens{open(t, url, o), func() string {
		var keys []string
		for _, r := range query(t, raw, "SELECT hash FROM one_time_tokens ORDER BY hash") {
			keys = append(keys, r[0])
		}
		return strings.Join(keys, " ")
	}}
}

// Two that each see what the other has not written yet: only in some order of the two can both
// stand. The one that comes second runs again and sees the first.
func TestAConflictIsRunAgain(t *testing.T) {
	t.Parallel()
	d := newTokens(t, options())
	ctx := t.Context()
	alone := func(tx *db.Tx, name string) error {
		users, err := tx.CountUsers(ctx)
		if err != nil || users > 0 {
			return err
		}
		return tx.InsertUser(ctx, db.InsertUserParams{ID: name, Email: name})
	}
	runs, committed := 0, 0
	err := d.Update(ctx, db.System, func(tx *db.Tx) error {
		runs++
		tx.AfterCommit(func() { committed++ })
		if _, err := tx.CountUsers(ctx); err != nil {
			return err
		}
		if runs == 1 {
			must(t, d.Update(ctx, db.System, func(tx *db.Tx) error { return alone(tx, "other") }))
		}
		if err := put(tx, fmt.Sprint("run", runs)); err != nil {
			return err
		}
		return alone(tx, "mine")
	})
	must(t, err)
	if runs != 2 || committed != 1 {
		t.Errorf("ran %d times, and what follows the commit %d times", runs, committed)
	}
	if got := d.kept(); got != "run2" {
		t.Errorf("kept %q", got)
	}
	must(t, d.View(ctx, db.System, func(q *db.Queries) error {
		users, err := q.CountUsers(ctx)
		if users != 1 {
			t.Errorf("%d users were alone", users)
		}
		return err
	}))
}

// A conflict is no error to be noted and gone on after, as that of an event's facts is.
func TestAConflictInASavepointIsRunAgain(t *testing.T) {
	t.Parallel()
	d := newTokens(t, options())
	ctx := t.Context()
	next := func(tx *db.Tx) (int64, error) {
		return tx.NextNumber(ctx, db.NextNumberParams{WorkspaceID: "w", Series: "invoice"})
	}
	must(t, d.Update(ctx, db.System, func(tx *db.Tx) error {
		if err := tx.InsertWorkspace(ctx, db.InsertWorkspaceParams{ID: "w"}); err != nil {
			return err
		}
		_, err := next(tx)
		return err
	}))
	runs, number := 0, int64(0)
	must(t, d.Update(ctx, db.System, func(tx *db.Tx) error {
		runs++
		if _, err := tx.CountersOfWorkspace(ctx, "w"); err != nil {
			return err
		}
		if runs == 1 {
			must(t, d.Update(ctx, db.System, func(tx *db.Tx) error { _, err := next(tx); return err }))
		}
		err := tx.Savepoint(func() (err error) {
			number, err = next(tx)
			return err
		})
		if err != nil {
			_ = put(tx, "failed")
			return errors.New("something") // as one says who does not look closer
		}
		return nil
	}))
	if runs != 2 || number != 3 || d.kept() != "" {
		t.Errorf("ran %d times, the number is %d, kept %q", runs, number, d.kept())
	}
}

func TestTriesHaveAnEnd(t *testing.T) {
	t.Parallel()
	d := newTokens(t, options())
	runs := 0
	err := d.Update(t.Context(), db.System, func(tx *db.Tx) error {
		runs++
		if err := put(tx, "a"); err != nil {
			return err
		}
		return fmt.Errorf("again: %w", inTheWay)
	})
	if !errors.Is(err, inTheWay) || runs != 20 || d.kept() != "" {
		t.Errorf("ran %d times, answered %v, kept %q", runs, err, d.kept())
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("mine")
	runs = 0
	err = d.Update(ctx, db.System, func(*db.Tx) error {
		runs++
		cancel(mine)
		return inTheWay
	})
	if !errors.Is(err, mine) || runs != 1 {
		t.Errorf("ran %d times although nobody waits any more: %v", runs, err)
	}
}

// state is an error with PostgreSQL's code.
type state string

func (s state) Error() string    { return "an error of the server, " + string(s) }
func (s state) SQLState() string { return string(s) }

// inTheWay is what PostgreSQL says of a conflict.
const inTheWay state = "40001"

func TestUpdateIsAllOrNothing(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	for _, tt := range []struct {
		name  string
		f     func(tx *db.Tx) error
		kept  string
		fails bool
	}{
		{"all", func(tx *db.Tx) error { return errors.Join(put(tx, "a"), put(tx, "b")) }, "a b", false},
		{"an error", func(tx *db.Tx) error { return errors.Join(put(tx, "a"), mine) }, "", true},
		{"a panic", func(tx *db.Tx) error { _ = put(tx, "a"); panic("oh") }, "", true},
		{"a refused row in a savepoint", func(tx *db.Tx) error {
			_ = put(tx, "a")
			if err := tx.Savepoint(func() error { return errors.Join(put(tx, "b"), put(tx, "a")) }); !isConstraint(err) {
				return fmt.Errorf("the row was not refused: %w", err)
			}
			return put(tx, "c")
		}, "a c", false},
		{"an error of one's own in a savepoint", func(tx *db.Tx) error {
			_ = put(tx, "a")
			if err := tx.Savepoint(func() error { return errors.Join(put(tx, "b"), mine) }); !errors.Is(err, mine) {
				return fmt.Errorf("the savepoint hides its error: %w", err)
			}
			return nil
		}, "a", false},
		{"savepoints in savepoints", func(tx *db.Tx) error {
			return tx.Savepoint(func() error {
				_ = tx.Savepoint(func() error { return errors.Join(put(tx, "a"), mine) })
				return tx.Savepoint(func() error { return put(tx, "b") })
			})
		}, "b", false},
		{"a refused row outside of one, ignored", func(tx *db.Tx) error {
			_ = put(tx, "a")
			_ = put(tx, "a")
			return nil
		}, "", true},
		{"a refused row ignored in a savepoint", func(tx *db.Tx) error {
			_ = put(tx, "a")
			_ = tx.Savepoint(func() error { _ = put(tx, "a"); return nil })
			return nil
		}, "", true},
		{"a worse error, ignored", func(tx *db.Tx) error {
			_ = put(tx, "a")
			_ = putUnreadable(tx)
			if err := put(tx, "b"); err == nil || strings.Contains(err.Error(), "aborted") {
				t.Errorf("the next statement was not refused by Tx itself: %v", err)
			}
			return nil
		}, "", true},
		{"a worse error in a savepoint, ignored", func(tx *db.Tx) error {
			_ = put(tx, "a")
			_ = tx.Savepoint(func() error { return putUnreadable(tx) })
			if err := tx.Savepoint(func() error { t.Error("a savepoint after it runs"); return nil }); err == nil {
				t.Error("a savepoint after it goes well")
			}
			return nil
		}, "", true},
		{"a worse error that only the job's code has seen, ignored", func(tx *db.Tx) error {
			_ = tx.Savepoint(func() error { return fmt.Errorf("read the second row: %w", state("57014")) })
			return put(tx, "a")
		}, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newTokens(t, options())
			followed := false
			err := d.Update(t.Context(), db.System, func(tx *db.Tx) error {
				tx.AfterCommit(func() { followed = true })
				return tt.f(tx)
			})
			if (err != nil) != tt.fails || d.kept() != tt.kept || followed == tt.fails {
				t.Errorf("answered %v, kept %q, want %q; followed: %v", err, d.kept(), tt.kept, followed)
			}
			must(t, d.Update(t.Context(), db.System, func(tx *db.Tx) error { return put(tx, "after") }))
		})
	}
}

// What was begun goes on, whatever becomes of the caller.
func TestCallersThatGo(t *testing.T) {
	t.Parallel()
	d := newTokens(t, options())
	mine := errors.New("mine")
	ctx, cancel := context.WithCancelCause(t.Context())
	must(t, d.Update(ctx, db.System, func(tx *db.Tx) error {
		cancel(mine)
		return put(tx, "a")
	}))
	if err := d.Update(ctx, db.System, func(tx *db.Tx) error { return put(tx, "b") }); !errors.Is(err, mine) {
		t.Errorf("begun for a caller that has gone: %v", err)
	}
	if err := d.View(ctx, db.System, func(*db.Queries) error { return nil }); !errors.Is(err, mine) {
		t.Errorf("read for a caller that has gone: %v", err)
	}
	if got := d.kept(); got != "a" {
		t.Errorf("kept %q", got)
	}
}

func TestPlantedErrors(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"-- name: InsertOneTimeToken", "SAVEPOINT", "RELEASE", "COMMIT"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			broken, full := true, errors.New("no space left on device")
			o := options()
			o.Fault = func(query string) error {
				if broken && strings.HasPrefix(query, at) {
					return full
				}
				return nil
			}
			d := newTokens(t, o)
			write := func(tx *db.Tx) error { return tx.Savepoint(func() error { return put(tx, "a") }) }
			if err := d.Update(t.Context(), db.System, write); !errors.Is(err, full) || d.kept() != "" {
				t.Errorf("answered %v, kept %q", err, d.kept())
			}
			broken = false
			must(t, d.Update(t.Context(), db.System, write))
			if got := d.kept(); got != "a" {
				t.Errorf("kept %q", got)
			}
		})
	}
}

func TestViewIsASnapshotThatCanNotWrite(t *testing.T) {
	t.Parallel()
	d := newTokens(t, options())
	ctx := t.Context()
	valid := func(q *db.Queries) int64 {
		n, err := q.OneTimeTokenValid(ctx, db.OneTimeTokenValidParams{Hash: "a"})
		must(t, err)
		return n
	}
	must(t, d.View(ctx, db.System, func(q *db.Queries) error {
		before := valid(q)
		must(t, d.Update(ctx, db.System, func(tx *db.Tx) error { return put(tx, "a") }))
		if before != 0 || valid(q) != 0 {
			t.Error("what was written meanwhile is seen")
		}
		return nil
	}))
	must(t, d.View(ctx, db.System, func(q *db.Queries) error {
		if valid(q) != 1 {
			t.Error("what was written before is not seen")
		}
		if err := q.DeleteOneTimeTokens(ctx, ""); err == nil {
			t.Error("a View could write")
		}
		return nil
	}))
}

func TestClose(t *testing.T) {
	t.Parallel()
	d := newTokens(t, options())
	started, goOn, answer, closed := make(chan struct{}), make(chan struct{}), make(chan error, 1), make(chan error, 1)
	go func() {
		answer <- d.Update(context.Background(), db.System, func(tx *db.Tx) error {
			close(started)
			<-goOn
			return put(tx, "a")
		})
	}()
	<-started
	go func() { closed <- d.Close() }()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if errors.Is(d.Ping(t.Context()), db.ErrClosed) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("never closed")
		}
	}
	select {
	case err := <-closed:
		close(goOn)
		t.Fatalf("closed before what was accepted is done: %v", err)
	default:
	}
	close(goOn)
	must(t, <-answer)
	must(t, <-closed)
	must(t, d.Close())
	if got := d.kept(); got != "a" {
		t.Errorf("kept %q", got)
	}
	if err := d.Update(t.Context(), db.System, func(*db.Tx) error { return nil }); !errors.Is(err, db.ErrClosed) {
		t.Errorf("Update after Close: %v", err)
	}
}
