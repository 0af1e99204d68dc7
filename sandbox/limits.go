package sandbox

import (
	"net/http"
	"time"
)

// Calls are how often the API was called, since the sandbox began or ResetCalls. Seconds are those
// of the real clock, because a rate is.
type Calls struct {
	All     int // calls, refused ones included
	Limited int // of them, answered with 429 because of Knobs.CallsPerSecond
	Most    int // in any one second
}

// rate counts the calls of the last second.
type rate struct{ times []time.Time }

func (r *rate) count(now time.Time) int {
	for len(r.times) > 0 && now.Sub(r.times[0]) >= time.Second {
		r.times = r.times[1:]
	}
	return len(r.times)
}

func (r *rate) add(now time.Time) { r.times = append(r.times, now) }

// tooMany counts a call, and answers it when there were as many in the last second as may be.
func (s *Server) tooMany(w http.ResponseWriter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.called.add(now)
	s.calls.All++
	s.calls.Most = max(s.calls.Most, s.called.count(now))
	if limit := s.knobs.CallsPerSecond; limit == 0 || s.taken.count(now) < limit {
		s.taken.add(now)
		return false
	}
	s.calls.Limited++
	w.Header().Set("Retry-After", "1")
	s.write(w, failure(rateLimited))
	return true
}

// Calls tells how often the API was called.
func (s *Server) Calls() Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// ResetCalls counts from 0 again.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = Calls{}
}
