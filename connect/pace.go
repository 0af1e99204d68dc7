package connect

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Stripe takes 100 calls a second of a live key and 25 of a test key. What goes on in the
// background stays well below, so that there is always room for what somebody waits for.
const (
	backgroundRate = 20               // calls a second
	backgroundRest = time.Second      // so much of it may be used at once
	maxRetryAfter  = 10 * time.Minute // longer is not believed
	defaultLimited = time.Second      // the rest after a 429 that names none
)

type backgroundKey struct{}

// Background marks what is done with ctx as work that nobody waits for: its calls are made at a
// bounded rate, all of them together, and not at all while Stripe asks for fewer. Other calls are
// made at once, and count.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

// pace is when the next background call may be made.
type pace struct {
	every time.Duration
	now   func() time.Time

	mu    sync.Mutex
	next  time.Time // by then everything that was let through is used up
	until time.Time // Stripe asked for a rest
}

func newPace(rate int) *pace {
	if rate <= 0 {
		rate = backgroundRate
	}
	return &pace{every: time.Second / time.Duration(rate), now: time.Now}
}

// take counts a call. A background one is told how long to wait for its turn, and limited when
// Stripe wants none for now.
func (p *pace) take(background bool) (wait, limited time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if background && p.until.After(now) {
		return 0, p.until.Sub(now)
	}
	if p.next.Before(now) {
		p.next = now
	}
	if background {
		wait = max(0, p.next.Sub(now)-backgroundRest)
	}
	p.next = p.next.Add(p.every)
	return wait, 0
}

// rest lets no background call through for a while.
func (p *pace) rest(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.now().Add(d); until.After(p.until) {
		p.until = until
	}
}

// wait holds a call back until it may be made.
func (p *pace) wait(ctx context.Context) error {
	background := ctx.Value(backgroundKey{}) != nil
	wait, limited := p.take(background)
	if limited > 0 {
		return &Error{Status: http.StatusTooManyRequests, Code: codePaused, Message: "Stripe asked for fewer calls", RetryAfter: limited}
	}
	if wait == 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter is what an answer says about when to ask again, 0 = nothing.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseFloat(h.Get("Retry-After"), 64)
	if err != nil || !(seconds > 0) {
		return 0
	}
	return min(time.Duration(min(seconds, maxRetryAfter.Seconds())*float64(time.Second)), maxRetryAfter)
}
