package connect

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	p := newPace(10)
	p.now = func() time.Time { return now }
	for i := range 11 { // a second's worth, and the one that is under way
		if wait, _ := p.take(true); wait != 0 {
			t.Fatalf("call %d waits %s", i, wait)
		}
	}
	if wait, _ := p.take(true); wait != 100*time.Millisecond {
		t.Errorf("the twelfth waits %s", wait)
	}
	if wait, _ := p.take(false); wait != 0 {
		t.Errorf("a call that somebody waits for is held back %s", wait)
	}
	if wait, _ := p.take(true); wait != 300*time.Millisecond {
		t.Errorf("and does not count: %s", wait)
	}
	now = now.Add(time.Minute)
	if wait, _ := p.take(true); wait != 0 {
		t.Errorf("waits %s after a minute of rest", wait)
	}
	p.rest(5 * time.Second)
	now = now.Add(2 * time.Second)
	if _, limited := p.take(true); limited != 3*time.Second {
		t.Errorf("limited for %s more", limited)
	}
	if wait, limited := p.take(false); wait != 0 || limited != 0 {
		t.Errorf("a call that somebody waits for is held back %s, limited %s", wait, limited)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "0.5": 500 * time.Millisecond, "-3": 0, "NaN": 0, "soon": 0, "1e300": maxRetryAfter, "86400": maxRetryAfter,
	} {
		if got := retryAfter(http.Header{"Retry-After": {header}}); got != want {
			t.Errorf("%q is %s, want %s", header, got, want)
		}
	}
}

func TestBackgroundRestsAfterLimit(t *testing.T) {
	t.Parallel()
	calls := 0
	c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/balance": func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","code":"rate_limit"}}`)
			return
		}
		_, _ = io.WriteString(w, `{"object":"balance","available":[],"pending":[]}`)
	}})
	background := Background(t.Context())
	_, err := c.Balance(background, testAccount)
	if RetryAfter(err) != time.Minute {
		t.Errorf("asks for a rest of %s: %v", RetryAfter(err), err)
	}
	_, err = c.Balance(background, testAccount)
	var e *Error
	if calls != 1 || !errors.As(err, &e) || !e.Temporary() || e.KeySpent() || e.RetryAfter < 50*time.Second {
		t.Errorf("%d calls, then %+v", calls, e)
	}
	if _, err := c.Balance(t.Context(), testAccount); err != nil || calls != 2 {
		t.Errorf("what somebody waits for: %v, %d calls", err, calls)
	}
}
