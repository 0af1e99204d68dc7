package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"trak/connect"
	"trak/db"
	"trak/jobs"
)

// Webhooks get lost: the server was away, Stripe disabled the endpoint, a proxy swallowed them. So
// Trak reads each account's events at Stripe as well, from where it read last, and puts those that
// are not here yet through the same way as delivered ones.

const (
	// syncEvery is how often an account's events are read while webhooks come; pollEvery when there
	// are none to come.
	syncEvery = 10 * time.Minute
	pollEvery = 20 * time.Second
	// Events are read again from this long before the last time: Stripe lists some late, and clocks
	// differ. Between two whole syncs a little is enough.
	syncOverlap = 2 * time.Hour
	pollOverlap = 5 * time.Minute
	// eventsKept is how long events can be had; Stripe keeps them for 30 days. What is older is
	// found by listing the objects themselves.
	eventsKept = 29 * 24 * time.Hour
	// missedAfter is how late an event is that no webhook will bring any more in good time.
	missedAfter = 5 * time.Minute
	// signPause is how long after a sign of loss the webhook may still come.
	signPause = 30 * time.Second
	// syncAtOnce is how many accounts are read side by side.
	syncAtOnce = 2
	// someEvents are stored in one transaction.
	someEvents = 50
)

// SyncReport is what a sync of one account has read and found so far.
type SyncReport struct {
	Account   string `json:"account"` // acct_…
	Workspace string `json:"workspace"`
	Events    int    `json:"events"` // read
	Found     int    `json:"found"`  // of these, those that were not here yet
	Objects   int    `json:"objects"`
	Done      bool   `json:"done"`
	Error     string `json:"error,omitempty"` // why it is not whole; what was stored stands
	Lacks     string `json:"lacks,omitempty"` // what the key may not read, in Stripe's words
}

// ErrNoSuchAccount means that no account that can be read answers to the given name.
var ErrNoSuchAccount = errors.New("no connected account is named so")

// SyncRequest says what to read by hand.
type SyncRequest struct {
	Account   string    // acct_…, empty = all
	Workspace string    // slug, empty = all
	Since     time.Time // zero = from where the last sync ended
}

// Sync reads accounts at Stripe now, one after the other, for the operator. report is called with
// every step. It returns ErrNoSuchAccount when there is none to read; what went wrong with one
// account stands in its last report.
func (a *App) Sync(ctx context.Context, r SyncRequest, report func(SyncReport)) error {
	ctx = connect.Background(ctx)
	states, err := a.SyncStates(ctx)
	if err != nil {
		return err
	}
	read := 0
	for _, s := range states {
		if r.Account != "" && r.Account != s.Account || r.Workspace != "" && r.Workspace != s.Workspace {
			continue
		}
		read++
		run := &syncRun{a: a, whole: true, report: report, sum: SyncReport{Account: s.Account, Workspace: s.Workspace}}
		if !r.Since.IsZero() {
			run.since = r.Since.UnixMicro()
		}
		if err := a.syncByHand(ctx, s, run); err != nil {
			return err
		}
	}
	if read == 0 && (r.Account != "" || r.Workspace != "") {
		return ErrNoSuchAccount
	}
	return nil
}

// syncByHand waits for a sync of the account that is under way.
func (a *App) syncByHand(ctx context.Context, s SyncState, run *syncRun) error {
	for {
		claimed, err := a.claimSync(ctx, s.workspaceID, s.Account, math.MaxInt64, run)
		if err != nil {
			return err
		}
		if claimed {
			return run.do(ctx)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// SyncState is how far Trak has read an account.
type SyncState struct {
	Account     string // acct_…
	Workspace   string // slug
	LastStarted int64  // Unix microseconds, 0 = never
	LastDone    int64  // the last that was whole
	Next        int64
	Error       string // of the last try, or what the key may not read; for people
	Missed      int64  // events that no webhook brought in time, since ever

	workspaceID string
}

// SyncStates tells of every account that can be read with the configured key. For the operator.
func (a *App) SyncStates(ctx context.Context) (states []SyncState, err error) {
	var rows []db.SyncCursorsRow
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		rows, err = q.SyncCursors(ctx, db.SyncCursorsParams{Livemode: a.live, Own: a.ownID()})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read how far accounts were read: %w", err)
	}
	for _, r := range rows {
		states = append(states, SyncState{
			Account: r.StripeAccountID, Workspace: r.Slug, LastStarted: r.LastStartedAt, LastDone: r.LastDoneAt,
			Next: r.NextAttemptAt, Error: r.LastError, Missed: r.Missed, workspaceID: r.WorkspaceID,
		})
	}
	return states, nil
}

// SyncPeriod is how often accounts are read, and so how late Trak may be where no webhook comes.
func (a *App) SyncPeriod() time.Duration {
	if a.webhook.off {
		return pollEvery
	}
	return syncEvery
}

// ownID is the account of own mode, empty in connect mode or while Stripe has not named it.
func (a *App) ownID() string {
	if a.own == nil {
		return ""
	}
	return a.own.accountID()
}

func (a *App) dueSyncs(ctx context.Context, limit int64) (tasks []jobs.Task, err error) {
	if a.own != nil && a.ownID() == "" {
		return nil, nil
	}
	free := syncAtOnce - len(a.syncing)
	if free <= 0 {
		return nil, nil // the end of one wakes the engine
	}
	var rows []db.DueSyncsRow
	err = a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		rows, err = q.DueSyncs(ctx, db.DueSyncsParams{Livemode: a.live, Own: a.ownID(), Max: min(limit, int64(free))})
		return err
	})
	for _, r := range rows {
		tasks = append(tasks, jobs.Task{Key: r.StripeAccountID, At: r.NextAttemptAt, Run: func(ctx context.Context) (bool, error) {
			return a.workSync(ctx, r)
		}})
	}
	return tasks, err
}

func (a *App) workSync(ctx context.Context, due db.DueSyncsRow) (bool, error) {
	select {
	case a.syncing <- struct{}{}:
		defer func() { <-a.syncing }()
	default:
		return false, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.ending, cancel)() // it may have long to go, and goes on at the next start
	run := &syncRun{a: a}
	claimed, err := a.claimSync(ctx, due.WorkspaceID, due.StripeAccountID, a.nowMicro(), run)
	if err != nil || !claimed {
		return false, err
	}
	return true, run.do(ctx)
}

// claimSync gives the run its cursor, unless another run has it or it is not due by that time.
func (a *App) claimSync(ctx context.Context, workspaceID, account string, dueBy int64, run *syncRun) (claimed bool, err error) {
	err = a.db.Update(ctx, db.Scope(workspaceID), func(tx *db.Tx) error {
		claimed = false
		c, err := tx.ClaimSync(ctx, db.ClaimSyncParams{
			WorkspaceID: workspaceID, StripeAccountID: account, DueBy: dueBy, Now: tx.Now(), ClaimedUntil: tx.Now() + jobs.ClaimFor.Microseconds(),
		})
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("claim sync of %s: %w", account, err)
		}
		row, err := tx.AccountByStripeID(ctx, &account)
		if err != nil {
			return fmt.Errorf("read account %s: %w", account, err)
		}
		run.cursor, run.account, claimed = c, row, true
		return nil
	})
	return claimed, err
}

// askSync has an account read after a pause: something was seen that a lost webhook would explain.
func (a *App) askSync(ctx context.Context, tx *db.Tx, account db.Account, pause time.Duration) error {
	_, err := tx.AskSync(ctx, db.AskSyncParams{
		WorkspaceID: account.WorkspaceID, StripeAccountID: *account.StripeAccountID, NextAttemptAt: tx.Now() + pause.Microseconds(),
	})
	if err != nil {
		return fmt.Errorf("ask for a sync of %s: %w", *account.StripeAccountID, err)
	}
	tx.AfterCommit(a.jobs.Wake)
	return nil
}

// beginSync makes the cursor of an account that Stripe has named just now.
func (a *App) beginSync(ctx context.Context, tx *db.Tx, workspaceID, account string) error {
	err := tx.InsertSyncCursor(ctx, db.InsertSyncCursorParams{
		StripeAccountID: account, WorkspaceID: workspaceID, EventsUntil: tx.Now(), NextAttemptAt: tx.Now() + a.nextSync().Microseconds(),
	})
	if err != nil {
		return fmt.Errorf("begin sync of %s: %w", account, err)
	}
	return nil
}

// syncAtStart has every account read: what happened while Trak was away was missed.
func (a *App) syncAtStart(ctx context.Context) error {
	return a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		_, err := tx.WakeSyncs(ctx, tx.Now())
		return err
	})
}

// nextSync is the pause until an account is read again. Without webhooks it is exact, because pages
// promise it; else accounts are spread.
func (a *App) nextSync() time.Duration {
	if a.webhook.off {
		return pollEvery
	}
	return syncEvery - rand.N(syncEvery/10)
}

// syncRun is one sync of one account, under its claim.
type syncRun struct {
	a       *App
	cursor  db.SyncCursor // as claimed
	account db.Account
	whole   bool  // with all of the overlap, the balance, and what is overdue
	since   int64 // by hand: from then on, 0 = from where the last one ended
	report  func(SyncReport)
	sum     SyncReport
}

func (s *syncRun) acct() string { return s.cursor.StripeAccountID }

// do runs the sync and stores how it ended. Its error is only of the database.
func (s *syncRun) do(ctx context.Context) error {
	failure := s.all(ctx)
	if failure != nil {
		s.sum.Error = connect.UserMessage(failure)
		s.a.log.Warn("account not read to its end", "account", s.acct(), "attempt", s.cursor.Attempts, "error", failure)
	}
	ctx = context.WithoutCancel(ctx)
	err := s.a.db.Update(ctx, db.Scope(s.cursor.WorkspaceID), func(tx *db.Tx) error {
		tx.AfterCommit(s.a.jobs.Wake)
		if failure != nil {
			if connect.IsAccountGone(failure) {
				if err := s.a.askAccountRead(ctx, tx, s.cursor.WorkspaceID, s.acct()); err != nil {
					return err
				}
			}
			_, err := tx.SetSyncRetry(ctx, db.SetSyncRetryParams{
				WorkspaceID: s.cursor.WorkspaceID, StripeAccountID: s.acct(), Started: s.cursor.LastStartedAt,
				NextAttemptAt: tx.Now() + pauseAfter(failure, s.cursor.Attempts).Microseconds(), LastError: clip(connect.UserMessage(failure)),
			})
			return err
		}
		done := db.SetSyncDoneParams{
			WorkspaceID: s.cursor.WorkspaceID, StripeAccountID: s.acct(), Started: s.cursor.LastStartedAt, Asked: s.cursor.Asked,
			DoneAt: tx.Now(), LastError: clip(s.sum.Lacks), NextAttemptAt: tx.Now() + s.a.nextSync().Microseconds(),
		}
		if s.whole {
			done.WholeAt = s.cursor.LastStartedAt
		}
		_, err := tx.SetSyncDone(ctx, done)
		return err
	})
	if err != nil {
		return fmt.Errorf("store the sync of %s: %w", s.acct(), err)
	}
	s.sum.Done = failure == nil
	s.tell()
	return nil
}

func (s *syncRun) all(ctx context.Context) error {
	started := s.cursor.LastStartedAt
	s.whole = s.whole || started-s.cursor.LastWholeAt >= (syncEvery-syncEvery/10).Microseconds()
	overlap := pollOverlap
	if s.whole {
		overlap = syncOverlap
	}
	from := s.cursor.EventsUntil
	if s.since > 0 {
		from = min(from, s.since)
	}
	if kept := started - eventsKept.Microseconds(); from < kept {
		if err := s.reconcile(ctx, from, started); err != nil {
			return err
		}
		from = kept
	}
	if err := s.events(ctx, from-overlap.Microseconds(), started); err != nil {
		return err
	}
	if !s.whole {
		return nil
	}
	if err := s.allowed(s.balance(ctx, started)); err != nil {
		return err
	}
	if s.a.webhook.off {
		// Whether every change of an account is an event in its own list is Stripe's to say.
		if err := s.a.askAccount(ctx, s.account); err != nil {
			return err
		}
	}
	return s.readOverdue(ctx, started)
}

// allowed lets a sync go on where a restricted key may not read a list that payments don't need.
func (s *syncRun) allowed(failure error) error {
	if !connect.IsForbidden(failure) {
		return failure
	}
	s.sum.Lacks = connect.UserMessage(failure)
	return nil
}

// events reads what was created from since on and stores it, oldest first. Too much for one list is
// read in halves, the earlier first, so that the cursor never passes what is not stored.
func (s *syncRun) events(ctx context.Context, since, until int64) error {
	end := until
	if until == s.cursor.LastStartedAt {
		end = 0 // Stripe's clock may be ahead of ours
	}
	var list []connect.ListedEvent
	var failure error
	for e, err := range s.a.stripe.Events(ctx, s.acct(), since, end, connect.WantedEvents()...) {
		if failure = err; err != nil {
			break
		}
		list = append(list, e)
	}
	if middle, ok := halve(failure, since, until); ok {
		if err := s.events(ctx, since, middle); err != nil {
			return err
		}
		return s.events(ctx, middle, until)
	}
	if failure != nil {
		return failure
	}
	s.sum.Events += len(list)
	slices.Reverse(list) // what has the same second keeps its order
	slices.SortStableFunc(list, func(a, b connect.ListedEvent) int { return int(a.Created/1e6 - b.Created/1e6) })
	list, err := s.unknown(ctx, list)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(list, someEvents) {
		if err := s.store(ctx, some); err != nil {
			return err
		}
	}
	return s.advance(ctx, db.AdvanceSyncParams{EventsUntil: until})
}

// halve splits a time of which a list is too long.
func halve(failure error, since, until int64) (middle int64, ok bool) {
	const least = int64(2e6)
	if !connect.IsTooLong(failure) || until-since < least {
		return 0, false
	}
	middle = since + (until-since)/2
	return middle - middle%1e6, true // Stripe counts seconds
}

// unknown leaves out the events that are here already.
func (s *syncRun) unknown(ctx context.Context, list []connect.ListedEvent) (left []connect.ListedEvent, err error) {
	err = s.a.db.View(ctx, db.System, func(q *db.Queries) error {
		left = left[:0]
		for _, e := range list {
			n, err := q.HasStripeEvent(ctx, e.ID)
			if err != nil {
				return fmt.Errorf("look for event %s: %w", e.ID, err)
			}
			if n == 0 {
				left = append(left, e)
			}
		}
		return nil
	})
	return left, err
}

func (s *syncRun) store(ctx context.Context, list []connect.ListedEvent) error {
	found, missed := 0, int64(0)
	err := s.a.db.Update(ctx, db.System, func(tx *db.Tx) error {
		found, missed = 0, 0
		for _, e := range list {
			facts, reads, parseErr := s.a.factsOf(e.Event)
			isNew, err := s.a.storeEvent(ctx, tx, e.Event, e.Payload, sourceSync, facts, reads, parseErr)
			if err != nil {
				return fmt.Errorf("store event %s: %w", e.ID, err)
			}
			if !isNew {
				continue
			}
			found++
			if !s.a.webhook.off && tx.Now()-e.Created >= missedAfter.Microseconds() {
				missed++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.sum.Found += found
	return s.advance(ctx, db.AdvanceSyncParams{Missed: missed})
}

// errClaimLost means that the sync took so long that another one has taken over.
var errClaimLost = errors.New("another sync of the account has taken over")

// advance notes what was reached, and keeps the claim.
func (s *syncRun) advance(ctx context.Context, p db.AdvanceSyncParams) error {
	p.WorkspaceID, p.StripeAccountID, p.Started, p.Asked = s.cursor.WorkspaceID, s.acct(), s.cursor.LastStartedAt, s.cursor.Asked
	err := s.a.db.Update(ctx, db.Scope(s.cursor.WorkspaceID), func(tx *db.Tx) error {
		p.ClaimedUntil = tx.Now() + jobs.ClaimFor.Microseconds()
		n, err := tx.AdvanceSync(ctx, p)
		if err == nil && n == 0 {
			err = errClaimLost
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("note how far %s was read: %w", s.acct(), err)
	}
	s.tell()
	return nil
}

func (s *syncRun) tell() {
	if s.report != nil {
		s.report(s.sum)
	}
}
