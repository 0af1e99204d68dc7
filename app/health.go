package app

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"trak/db"
	"trak/jobs"
)

// Level is how well one thing is.
type Level string

// Levels. With a warning Trak works for now; a failure needs a person.
const (
	Well    Level = "ok"
	Warning Level = "warn"
	Failure Level = "fail"
)

// Check is one line of the doctor's: what was looked at, how it is, and what to do.
type Check struct {
	Key       string `json:"key"`
	Name      string `json:"name"`
	Workspace string `json:"workspace,omitempty"` // slug; empty for the whole installation
	Level     Level  `json:"level"`
	Text      string `json:"text"`
	Fix       string `json:"fix,omitempty"` // one sentence; empty when all is well
}

// failed is a check that needs a person; warned is one that will.
func (c Check) failed(text, fix string) Check {
	c.Level, c.Text, c.Fix = Failure, text, fix
	return c
}

func (c Check) warned(text, fix string) Check {
	c.Level, c.Text, c.Fix = Warning, text, fix
	return c
}

func (c Check) well(text string) Check {
	c.Level, c.Text, c.Fix = Well, text, ""
	return c
}

// Failures is how many of the checks need a person.
func Failures(checks []Check) (n int) {
	for _, c := range checks {
		if c.Level == Failure {
			n++
		}
	}
	return n
}

const (
	// checkTime is the limit for looking at what is not on this machine.
	checkTime = 10 * time.Second
	// checkKept is how long a page may show the last result instead of looking anew.
	checkKept  = 10 * time.Second
	checkEvery = time.Hour
	// checkFirst is how long after its start Trak looks for the first time: by then it serves.
	checkFirst = time.Minute
	// maxTroubled bounds the doctor's lines about workspaces.
	maxTroubled = 100
)

// health is what was seen last of the installation, so that showing a page asks nobody.
type health struct {
	serving atomic.Bool
	since   atomic.Int64 // when it began to serve, Unix microseconds
	next    atomic.Int64 // when the job looks, Unix microseconds
	looking sync.Mutex   // one look at a time

	mu       sync.Mutex
	at       time.Time // of the last look, zero before the first
	checks   []Check
	database Check // of the last look at the whole database, which takes long
}

func (h *health) begin(now int64) {
	h.since.Store(now)
	h.next.Store(now + checkFirst.Microseconds())
	h.serving.Store(true)
}

func (h *health) last() (checks []Check, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.checks, h.at
}

func (h *health) keep(checks []Check, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks, h.at = checks, at
}

// outdate makes the next page look anew.
func (h *health) outdate() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = time.Time{}
}

// DoctorReport is all that the operator is told.
type DoctorReport struct {
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	Checks  []Check   `json:"checks"`
}

// Doctor looks at the whole installation, its database included, and at all workspaces, of which
// those that are well are only counted. For the operator.
func (a *App) Doctor(ctx context.Context) (DoctorReport, error) {
	checks, at, err := a.lookAtInstallation(ctx, true, 0)
	if err != nil {
		return DoctorReport{}, err
	}
	states, err := a.SyncStates(ctx)
	if err != nil {
		return DoctorReport{}, err
	}
	all, troubled := 0, []Check{}
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		workspaces, err := q.AllWorkspaces(ctx)
		if err != nil {
			return fmt.Errorf("list workspaces: %w", err)
		}
		workspaces = slices.DeleteFunc(workspaces, func(w db.Workspace) bool { return w.DeletedAt > 0 })
		all = len(workspaces)
		for _, w := range workspaces {
			lines, err := a.checkWorkspace(ctx, q, w.ID, states)
			if err != nil {
				return err
			}
			for _, c := range lines {
				if c.Level != Well && len(troubled) < maxTroubled {
					c.Workspace = w.Slug
					troubled = append(troubled, c)
				}
			}
		}
		return nil
	})
	if err != nil {
		return DoctorReport{}, err
	}
	summary := Check{Key: "workspaces", Name: "Workspaces"}.well(fmt.Sprintf("%d, and nothing to say about any.", all))
	if len(troubled) > 0 {
		summary.Text = fmt.Sprintf("%d, some of which are named below.", all)
	}
	return DoctorReport{Version: a.version, At: at, Checks: slices.Concat(checks, []Check{summary}, troubled)}, nil
}

// HealthReport is what owners see of their workspace, and whoever operates Trak of it all.
type HealthReport struct {
	Workspace []Check
	// Operator says that the actor owns the oldest workspace, which is the operator's: see operates.
	Operator     bool
	Installation []Check   // for the operator
	At           time.Time // when the installation was looked at
}

// Health looks at the actor's workspace, and for the operator at the installation; whole includes
// its database, which takes long. What was seen a moment ago is not looked at again, unless whole.
// Owners may.
func (a *App) Health(ctx context.Context, actor Actor, whole bool) (r HealthReport, err error) {
	if err := a.need(ctx, actor, ViewHealth); err != nil {
		return r, err
	}
	states, err := a.SyncStates(ctx)
	if err != nil {
		return r, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		if r.Workspace, err = a.checkWorkspace(ctx, q, actor.WorkspaceID, states); err != nil {
			return err
		}
		r.Operator, err = operates(ctx, q, actor)
		return err
	})
	if err != nil || !r.Operator {
		return r, err
	}
	kept := checkKept
	if whole {
		kept = 0
	}
	r.Installation, r.At, err = a.lookAtInstallation(ctx, whole, kept)
	return r, err
}

// operates says whether the actor may see and mend what is not of one workspace alone. There is
// no role for that: whoever set Trak up made the oldest workspace, and its owners are taken to
// run it. In connect mode other owners are strangers to the installation.
func operates(ctx context.Context, q *db.Queries, actor Actor) (bool, error) {
	oldest, err := q.OldestWorkspace(ctx)
	if err != nil {
		return false, fmt.Errorf("find the oldest workspace: %w", err)
	}
	return oldest == actor.WorkspaceID, nil
}

// HealthProblems is how many things of the installation needed a person when they were last
// looked at, and looks at nothing itself. It is 0 for all but the operator. Owners may ask.
func (a *App) HealthProblems(ctx context.Context, actor Actor) (n int, err error) {
	if err := a.need(ctx, actor, ViewHealth); err != nil {
		return 0, err
	}
	checks, _ := a.health.last()
	if n = Failures(checks); n == 0 {
		return 0, nil
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		operator, err := operates(ctx, q, actor)
		if !operator {
			n = 0
		}
		return err
	})
	return n, err
}

// EnsureWebhookFor is EnsureWebhook from the health page. Only the operator may: the endpoint
// serves all workspaces. Returns ErrForbidden for the owners of others.
func (a *App) EnsureWebhookFor(ctx context.Context, actor Actor) (string, error) {
	if err := a.need(ctx, actor, ViewHealth); err != nil {
		return "", err
	}
	operator := false
	err := a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) (err error) {
		operator, err = operates(ctx, q, actor)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case !operator:
		return "", fmt.Errorf("%w: the endpoint serves all workspaces", ErrForbidden)
	}
	return a.ensureWebhook(ctx, actor)
}

// dueHealth looks once an hour, so that the sidebar tells of what nobody came to see.
func (a *App) dueHealth(context.Context, int64) ([]jobs.Task, error) {
	return []jobs.Task{{Key: "health", At: a.health.next.Load(), Run: func(ctx context.Context) (bool, error) {
		a.health.next.Store(a.nowMicro() + checkEvery.Microseconds())
		_, _, err := a.lookAtInstallation(ctx, false, checkKept)
		return true, err
	}}}, nil
}

// lookAtInstallation looks at everything that is not of one workspace, unless the last look is
// younger than kept. It looks at the whole database only when asked to.
func (a *App) lookAtInstallation(ctx context.Context, whole bool, kept time.Duration) ([]Check, time.Time, error) {
	a.health.looking.Lock()
	defer a.health.looking.Unlock()
	if checks, at := a.health.last(); !at.IsZero() && a.now().Sub(at).Abs() < kept { // a clock may be set back
		return checks, at, nil
	}
	far, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	address := make(chan Check, 1)
	go func() { address <- a.checkAddress(far) }()
	checks := a.checkStripe(far)
	checks = append([]Check{<-address}, checks...)
	events, err := a.checkAllEvents(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	if whole || a.health.database.Key == "" {
		a.health.database = a.checkDatabase(ctx, whole)
	}
	checks = slices.Concat(checks, events, []Check{a.health.database}, a.checkMachine(), []Check{a.checkKey(ctx)})
	checks = append(checks, Check{Key: "mail", Name: "Mail"}.well("Trak sends none yet: whoever issues an invoice sends its link."))
	checks = append(checks, Check{Key: "version", Name: "Version"}.well("Trak "+a.version+"."))
	at := a.now()
	a.health.keep(checks, at)
	return checks, at, nil
}
