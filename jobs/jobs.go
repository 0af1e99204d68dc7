// Package jobs does what is due. It knows no table: the state is the queue, and each Kind says
// which of its rows are due and how one is worked on.
//
// The engine wakes when told to (after a commit that left something to do), at the next due
// time, and once a minute in any case. A row is claimed by its worker in the database, so that
// a crash leaves a claim that runs out, and two processes never do the same work.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// atOnce is how many tasks run side by side.
	atOnce = 4
	// look is how many due rows of a kind are asked for at a time.
	look = 64
	// atLeastEvery bounds how long a lost wake-up can go unnoticed.
	atLeastEvery = time.Minute
	// busyPause is how long a row that somebody else has claimed is left alone.
	busyPause = time.Second
)

// ClaimFor is how long a claim holds: a worker that died leaves its row free again after that.
const ClaimFor = 2 * time.Minute

// Kind is one sort of work.
type Kind struct {
	Name string
	// Due lists rows by the time at which they are due (Unix microseconds), earliest first.
	Due func(ctx context.Context, limit int64) ([]Task, error)
}

// Task is one row to be worked on.
type Task struct {
	Key string // unique within the kind
	At  int64
	// Run claims the row and does the work. It reports false when the row was not to be had:
	// claimed by somebody else, or done meanwhile.
	Run func(ctx context.Context) (bool, error)
}

// Engine runs the kinds. Start and Stop are called once each.
type Engine struct {
	kinds []Kind
	now   func() time.Time
	log   *slog.Logger

	wake   chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	work   sync.WaitGroup
	slots  chan struct{}

	mu      sync.Mutex
	running map[string]bool
	pause   map[string]time.Time // real time: a pause, not a due date
}

// New makes an engine; nothing runs before Start.
func New(kinds []Kind, now func() time.Time, log *slog.Logger) *Engine {
	ctx, cancel := context.WithCancel(context.Background())
	return &Engine{
		kinds: kinds, now: now, log: log,
		wake: make(chan struct{}, 1), ctx: ctx, cancel: cancel, done: make(chan struct{}),
		slots: make(chan struct{}, atOnce), running: map[string]bool{}, pause: map[string]time.Time{},
	}
}

// Start begins to look for work.
func (e *Engine) Start() { go e.loop() }

// Stop ends the search and waits for the tasks that are under way.
func (e *Engine) Stop() {
	e.cancel()
	<-e.done
	e.work.Wait()
}

// Wake says that there may be something to do. It never blocks.
func (e *Engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *Engine) loop() {
	defer close(e.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-e.wake:
		case <-timer.C:
		}
		timer.Reset(e.pass())
	}
}

// pass starts what is due and says how long to wait for the next.
func (e *Engine) pass() time.Duration {
	wait := atLeastEvery
	now := e.now()
	for _, k := range e.kinds {
		tasks, err := k.Due(e.ctx, look)
		if err != nil {
			if e.ctx.Err() == nil {
				e.log.Error("look for work", "kind", k.Name, "error", err)
			}
			continue
		}
		for _, t := range tasks {
			if until := time.UnixMicro(t.At).Sub(now); until > 0 {
				wait = min(wait, until)
				break
			}
			if rest := e.start(k, t); rest > 0 {
				wait = min(wait, rest)
			}
		}
	}
	return wait
}

// start runs the task unless it runs already. It returns how long to leave it alone, if so.
func (e *Engine) start(k Kind, t Task) time.Duration {
	key := k.Name + " " + t.Key
	e.mu.Lock()
	if e.running[key] {
		e.mu.Unlock()
		return 0 // its end wakes the engine
	}
	if rest := time.Until(e.pause[key]); rest > 0 {
		e.mu.Unlock()
		return rest
	}
	delete(e.pause, key)
	e.running[key] = true
	e.mu.Unlock()

	select {
	case e.slots <- struct{}{}:
	case <-e.ctx.Done():
		e.finish(key, true)
		return 0
	}
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		worked, err := run(e.ctx, t)
		if err != nil {
			e.log.Error("background work failed", "kind", k.Name, "key", t.Key, "error", err)
		}
		<-e.slots
		e.finish(key, worked && err == nil)
		e.Wake()
	}()
	return 0
}

func (e *Engine) finish(key string, worked bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.running, key)
	if !worked {
		e.pause[key] = time.Now().Add(busyPause)
	}
}

func run(ctx context.Context, t Task) (worked bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	// What was begun is finished also while stopping: its calls have limits of their own.
	return t.Run(context.WithoutCancel(ctx))
}

// Backoff is the pause before try number attempt+1: 1 s, 4 s, 16 s, 1 min 4 s, 4 min 16 s,
// 15 min, and an hour from then on, each with up to a quarter more at random.
func Backoff(attempt int64) time.Duration {
	steps := []time.Duration{time.Second, 4 * time.Second, 16 * time.Second, 64 * time.Second, 256 * time.Second, 15 * time.Minute, time.Hour}
	d := steps[min(max(attempt, 1)-1, int64(len(steps)-1))]
	return d + rand.N(d/4)
}
