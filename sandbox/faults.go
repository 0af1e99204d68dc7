package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Faults that a call to the API can meet.
const (
	FailBefore       = "before" // the connection is cut, nothing happened
	FailAfter        = "after"  // the effect stands, the answer is lost: the connection is cut
	FailConflict     = "409"    // another request has the idempotency key
	FailLimit        = "429"
	FailLock         = "lock"      // a 429 because the object is locked
	FailServer       = "500"       // nothing happened, and the key gets this answer again: see Answers
	FailServerAfter  = "500_after" // the same, but the effect stands
	FailGateway      = "502"       // an HTML page, as a proxy in between gives
	FailGatewayAfter = "502_after" // the same, but the effect stands
	FailDown         = "503"
	FailHang         = "hang"       // nothing happens, and no answer comes
	FailHangAfter    = "hang_after" // the effect stands, and no answer comes
	FailTruncated    = "truncated"  // the effect stands, and half of the answer comes
	FailEmpty        = "empty"      // the effect stands, and the answer is an object that says nothing
)

// Faults are all of them.
var Faults = []string{
	FailBefore, FailAfter, FailConflict, FailLimit, FailLock, FailServer, FailServerAfter, FailGateway, FailGatewayAfter,
	FailDown, FailHang, FailHangAfter, FailTruncated, FailEmpty,
}

// hasEffect says that a call does its work although its answer goes wrong.
func hasEffect(fault string) bool {
	return slices.Contains([]string{FailAfter, FailServerAfter, FailGatewayAfter, FailHangAfter, FailTruncated, FailEmpty}, fault)
}

var brokenDown = &apiError{status: http.StatusInternalServerError, Type: "api_error", Message: "An unknown error occurred"}

var rateLimited = &apiError{status: http.StatusTooManyRequests, Type: "invalid_request_error", Code: "rate_limit",
	Message: "Too many requests made to the API too quickly"}

var locked = &apiError{status: http.StatusTooManyRequests, Type: "invalid_request_error", Code: "lock_timeout",
	Message: "This object cannot be accessed right now because another API request or Stripe process is currently accessing it."}

// isKept says that Stripe gives this failure again to whoever asks with the same key.
func (s *Server) isKept(fault string) bool {
	return (fault == FailServer || fault == FailServerAfter) && !s.answers.FailuresAreForgotten
}

// nextFault is what a call meets, if anything, and counts it. kept says that its key gets it again.
func (s *Server) nextFault(method, path string) (fault string, kept bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := &s.knobs
	switch {
	case s.unix() >= k.AwayUntil:
	case k.AwayCut:
		return FailBefore, false
	default:
		return FailDown, false
	}
	if k.Fail == "" || k.FailMethod != "" && k.FailMethod != method || !strings.HasPrefix(path, k.FailPath) {
		return "", false
	}
	fault = k.Fail
	if k.FailTimes--; k.FailTimes < 1 {
		k.Fail = ""
	}
	return fault, s.isKept(fault)
}

// fail answers a call with a fault, in the place of the answer that it had or would have had.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, fault string, had answer) {
	switch fault {
	case FailConflict:
		s.write(w, failure(keyInUse))
	case FailLimit:
		s.write(w, failure(rateLimited))
	case FailLock:
		s.write(w, failure(locked))
	case FailServer, FailServerAfter:
		s.write(w, failure(brokenDown))
	case FailDown:
		s.write(w, failure(&apiError{status: http.StatusServiceUnavailable, Type: "api_error", Message: "Stripe is unavailable"}))
	case FailGateway, FailGatewayAfter:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		w.Write([]byte("<html><body><h1>502 Bad Gateway</h1></body></html>"))
	case FailHang, FailHangAfter:
		select {
		case <-r.Context().Done():
		case <-s.stopped.Done():
		}
		panic(http.ErrAbortHandler)
	case FailTruncated:
		s.write(w, answer{status: had.status, body: had.body[:len(had.body)/2]})
	case FailEmpty:
		s.write(w, answer{status: http.StatusOK, body: []byte("{}")})
	default:
		cut(w)
	}
}

// cut ends the connection in the middle of an answer. Without its beginning, Go's client
// would send a request that has an idempotency key once more by itself and hide the fault.
func cut(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // what can't be flushed is cut anyway
	panic(http.ErrAbortHandler)
}

// latency holds every call up for as long as the knob says.
func (s *Server) latency(r *http.Request) {
	s.mu.Lock()
	wait := s.knobs.Latency
	s.mu.Unlock()
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.stopped.Done():
	}
}
