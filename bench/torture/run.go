package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"trak/bench/rig"
)

const (
	workers = 16
	// askers are those that ask for refunds at the same time.
	askers = 4
	// retryPause is how long a worker waits before it delivers again what was not acknowledged.
	retryPause = 2 * time.Millisecond
	// giveUp is when a server that never acknowledges counts as broken.
	giveUp = time.Minute
	// A lock that is still held lockTime after the kill is a failure.
	lockTime, lockPause = 2 * time.Second, 20 * time.Millisecond
	// Between two kills pass 20 to 200 ms of service.
	shortest, longest = 20 * time.Millisecond, 200 * time.Millisecond
)

// run is one load and what came of it.
type run struct {
	world  *rig.World
	random *rand.Rand // of the kills; each worker has its own
	seed   uint64
	start  func(addr string) (*rig.Server, error)

	addr    string
	stop    atomic.Bool // take no new payment
	next    atomic.Int64
	posts   atomic.Int64
	mu      sync.Mutex
	acked   map[string]bool // events, by id
	asks    bool            // whether somebody asks for refunds as well
	asked   []string        // refunds that were answered, by the key of their form
	told    []rig.Told      // stories all of whose events were acknowledged
	restart time.Duration   // the slowest
}

// judged runs the load, kills the server so many times, and counts.
func (r *run) judged(ctx context.Context, trak string, kills int) (count, error) {
	began := time.Now()
	if err := r.load(ctx, kills); err != nil {
		return count{}, err
	}
	c, err := r.judge(ctx, trak)
	c.kills, c.took = kills, time.Since(began)
	return c, err
}

func (r *run) load(ctx context.Context, kills int) (err error) {
	if r.addr, err = rig.FreeAddr(); err != nil {
		return err
	}
	server, err := r.start(r.addr)
	if err != nil {
		return err
	}
	errs := make(chan error, workers+askers)
	running := workers
	if r.asks {
		a, err := r.signIn(ctx)
		if err != nil {
			return err
		}
		running += askers
		for n := range askers {
			go func() { errs <- r.ask(ctx, a, rand.New(rand.NewPCG(r.seed, uint64(workers+n+1)))) }()
		}
	}
	for w := range workers {
		go func() { errs <- r.deliver(rand.New(rand.NewPCG(r.seed, uint64(w+1)))) }()
	}
	for range kills {
		life := shortest + time.Duration(r.random.Int64N(int64(longest-shortest)))
		select {
		case <-time.After(life):
		case <-ctx.Done():
			server.Kill()
			return context.Cause(ctx)
		}
		server.Kill()
		began := time.Now()
		if server, err = r.again(ctx, began); err != nil {
			return fmt.Errorf("start again: %w", err)
		}
		r.restart = max(r.restart, time.Since(began))
	}
	r.stop.Store(true)
	for range running {
		if werr := <-errs; err == nil {
			err = werr
		}
	}
	server.Kill()
	return err
}

// again starts the server as a service manager does: on a busy machine the kernel may let go of
// the lock of the one that was killed a moment after its end was reported.
func (r *run) again(ctx context.Context, began time.Time) (*rig.Server, error) {
	for {
		server, err := r.start(r.addr)
		if !errors.Is(err, rig.ErrLocked) || ctx.Err() != nil || time.Since(began) > lockTime {
			return server, err
		}
		time.Sleep(lockPause)
	}
}

// deliver is a worker: it tells one story after another (payments, refunds, disputes, payouts and
// what else Stripe tells) and delivers the events as Stripe does, until each is acknowledged, in any
// order and one in ten a second time.
func (r *run) deliver(random *rand.Rand) error {
	var conn *rig.Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	for !r.stop.Load() {
		n := int(r.next.Add(1))
		story := r.world.Tell(r.world.Invoices[n%len(r.world.Invoices)], n)
		events := append([]rig.Event(nil), story.Events...)
		for _, e := range story.Events {
			if random.IntN(10) == 0 {
				events = append(events, e)
			}
		}
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		for _, e := range events {
			var err error
			if conn, err = r.untilAcked(conn, e); err != nil {
				return err
			}
			r.mu.Lock()
			r.acked[e.ID] = true
			r.mu.Unlock()
		}
		r.mu.Lock()
		r.told = append(r.told, story)
		r.mu.Unlock()
	}
	return nil
}

func (r *run) untilAcked(conn *rig.Conn, e rig.Event) (*rig.Conn, error) {
	request := rig.Delivery(r.addr, e)
	began := time.Now()
	for {
		status, err := 0, error(nil)
		if conn == nil {
			conn, err = rig.Dial(r.addr)
		}
		if err == nil {
			r.posts.Add(1)
			status, err = conn.Do(request)
		}
		if err == nil && status/100 == 2 {
			return conn, nil
		}
		if err == nil && status/100 == 4 {
			return conn, fmt.Errorf("event %s was refused: %d", e.ID, status)
		}
		if err != nil && conn != nil {
			conn.Close()
			conn = nil
		}
		if time.Since(began) > giveUp {
			return conn, fmt.Errorf("event %s was never acknowledged: status %d, %v", e.ID, status, err)
		}
		time.Sleep(retryPause)
	}
}
