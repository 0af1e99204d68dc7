package connect

import (
	"net/http"
	"testing"
	"time"
)

func TestSkew(t *testing.T) {
	t.Parallel()
	const list = "GET /v1/webhook_endpoints"
	for _, ahead := range []time.Duration{0, 90 * time.Second, -5 * time.Minute} {
		c, _ := script(t, map[string]http.HandlerFunc{list: sayList("")})
		if s, ok := c.Skew(); ok {
			t.Errorf("before any call: %+v", s)
		}
		c.skew.now = func() time.Time { return time.Now().Add(ahead) }
		if _, err := c.CheckWebhook(t.Context(), "https://trak.example/hook"); err != nil {
			t.Fatal(err)
		}
		s, ok := c.Skew()
		if off := s.Ahead - ahead; !ok || off < -2*time.Second || off > 2*time.Second {
			t.Errorf("%s ahead: %+v, %v", ahead, s, ok)
		}
	}
}

// An answer that took long, or tells no time, says nothing about the clock.
func TestSkewIsNotGuessed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := &skew{now: func() time.Time { return now }}
	answer := func(date string) *http.Response { return &http.Response{Header: http.Header{"Date": {date}}} }
	s.note(answer(""), now)
	s.note(answer("yesterday"), now)
	s.note(answer(now.Format(http.TimeFormat)), now.Add(-time.Minute))
	if got := s.last.Load(); got != nil {
		t.Errorf("noted %+v", *got)
	}
	s.note(answer(now.Add(-time.Minute).Format(http.TimeFormat)), now)
	if got := s.last.Load(); got == nil || got.Ahead != time.Minute {
		t.Errorf("noted %+v", got)
	}
}
