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

// Whatever the jobs of a batch do, and whichever statements the disk fails: what a caller was
// told is what is in the file.
func TestWhatUpdateAnswersIsWhatIsInTheFile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	checks := 0
	rapid.Check(t, func(t *rapid.T) {
		checks++
		var plans []*plan
		var fs []func(*Tx) error
		for i := range rapid.IntRange(1, 6).Draw(t, "callers") {
			p := &plan{prefix: fmt.Sprintf("%d/%d/", checks, i), steps: drawSteps(t, 2)}
			plans = append(plans, p)
			fs = append(fs, p.run)
		}
		bad := rapid.SliceOfNDistinct(rapid.IntRange(0, 60), 0, 4, rapid.ID).Draw(t, "statements that fail")
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
		answers := w.batch(limitDisk, jobs(fs...)...)
		w.disk.set(nil)
		if err := w.Update(w.t.Context(), System, freeDisk); err != nil {
			t.Fatalf("after the batch: %v", err)
		}

		keys := w.keys()
		for i, p := range plans {
			var got []string
			for _, key := range keys {
				if strings.HasPrefix(key, p.prefix) {
					got = append(got, key)
				}
			}
			var want []string
			if answers[i] == nil {
				want = p.kept
			}
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("caller %d was answered %v: %q in the file, want %q", i, answers[i], got, want)
			}
			wantTold := 0
			if answers[i] == nil {
				wantTold = 1
			}
			if p.told != wantTold {
				t.Fatalf("caller %d was answered %v, and told %d times that it is durable", i, answers[i], p.told)
			}
		}
	})
}

// plan is what a job does.
type plan struct {
	prefix string
	steps  []step
	next   int
	kept   []string // what its last run should have left, if it was answered without an error
	told   int
}

type step struct {
	do     string
	within []step // of a savepoint
}

func drawSteps(t *rapid.T, depth int) (steps []step) {
	kinds := []string{"put", "put", "put", "put twice", "read", "fail", "fill", "fill returning", "bad SQL", "panic"}
	if depth > 0 {
		kinds = append(kinds, "savepoint", "savepoint", "handled savepoint", "handled savepoint")
	}
	for range rapid.IntRange(0, 4).Draw(t, "steps") {
		s := step{do: rapid.SampledFrom(kinds).Draw(t, "step")}
		if strings.HasSuffix(s.do, "savepoint") {
			s.within = drawSteps(t, depth-1)
		}
		steps = append(steps, s)
	}
	return steps
}

func (p *plan) run(tx *Tx) error {
	p.kept, p.next = nil, 0
	tx.AfterCommit(func() { p.told++ })
	return p.do(tx, p.steps)
}

func (p *plan) do(tx *Tx, steps []step) error {
	for _, s := range steps {
		switch s.do {
		case "put", "put twice":
			p.next++
			key := fmt.Sprint(p.prefix, p.next)
			if err := put(tx, key); err != nil {
				return err
			}
			p.kept = append(p.kept, key)
			if s.do == "put twice" && put(tx, key) == nil {
				return errors.New("put the same key twice")
			}
		case "read":
			_, _ = tx.CountUsers(context.Background()) // whatever it says
		case "fail":
			return errMine
		case "fill":
			_ = fill(tx) // goes on, which it must not be able to
		case "fill returning":
			_ = fillReturning(tx)
		case "bad SQL":
			_, _ = tx.db.ExecContext(context.Background(), "nonsense")
		case "panic":
			panic("a job panics")
		case "savepoint", "handled savepoint":
			n := len(p.kept)
			err := tx.Savepoint(func() error { return p.do(tx, s.within) })
			if err != nil {
				p.kept = p.kept[:n]
			}
			if err != nil && s.do == "savepoint" {
				return err
			}
		}
	}
	return nil
}
