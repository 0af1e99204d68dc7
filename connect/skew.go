package connect

import (
	"net/http"
	"sync/atomic"
	"time"
)

// slowAnswer is how long a call may take whose answer still says what time it is at Stripe.
const slowAnswer = 10 * time.Second

// skew notes what time it is at Stripe, from the Date of its answers.
type skew struct {
	now  func() time.Time
	last atomic.Pointer[Skew]
}

// Skew is how far this machine's clock is ahead of Stripe's (negative: behind), to the second,
// when last it was noted.
type Skew struct {
	Ahead time.Duration
	At    time.Time
}

// note compares the Date of an answer with the middle of the call.
func (s *skew) note(answer *http.Response, began time.Time) {
	ended := s.now()
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if took := ended.Sub(began); err != nil || took < 0 || took > slowAnswer {
		return
	}
	middle := began.Add(ended.Sub(began) / 2)
	s.last.Store(&Skew{Ahead: middle.Sub(date).Truncate(time.Second), At: ended})
}

// Skew is how the clocks differed at the last call; false when there was none yet.
func (c *Client) Skew() (Skew, bool) {
	if s := c.skew.last.Load(); s != nil {
		return *s, true
	}
	return Skew{}, false
}
