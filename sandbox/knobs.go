package sandbox

import (
	"net/http"
	"strconv"
	"strings"
)

// Faults that a call to the API can meet.
const (
	FailBefore  = "before" // the connection is cut, nothing happened
	FailAfter   = "after"  // the effect stands, the answer is lost: the connection is cut
	FailLimit   = "429"
	FailServer  = "500"
	FailGateway = "502" // an HTML page, as a proxy in between gives
	FailHang    = "hang"
)

// Knobs make the sandbox behave badly, as Stripe and the network sometimes do. The zero value
// behaves well.
type Knobs struct {
	Hold      bool // deliveries queue up and are sent when this ends
	Drop      bool // deliveries are lost; their events stay listed
	Shuffle   bool // deliveries that are due go out in random order
	Duplicate int  // each event is delivered this often to each endpoint; 0 is once

	Fail       string // what the next calls meet: one of the faults, or empty
	FailTimes  int    // how many calls meet it; 0 is one
	FailMethod string // only calls of this method; empty is any
	FailPath   string // only calls whose path begins so; empty is any
}

const maxDuplicate = 20

// SetKnobs replaces all knobs. Deliveries that were held back go out when Hold ends.
func (s *Server) SetKnobs(k Knobs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.Duplicate = min(k.Duplicate, maxDuplicate)
	if k.Fail != "" && k.FailTimes < 1 {
		k.FailTimes = 1
	}
	s.knobs = k
	s.dispatch()
}

// Knobs tells how they are set now. Fail is empty again once its calls have met it.
func (s *Server) Knobs() Knobs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.knobs
}

// nextFault is what a call meets, if anything, and counts it.
func (s *Server) nextFault(method, path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := &s.knobs
	if k.Fail == "" || k.FailMethod != "" && k.FailMethod != method || !strings.HasPrefix(path, k.FailPath) {
		return ""
	}
	fault := k.Fail
	if k.FailTimes--; k.FailTimes < 1 {
		k.Fail = ""
	}
	return fault
}

// fail answers a call that has had no effect with a fault.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, fault string) {
	switch fault {
	case FailLimit:
		s.write(w, failure(&apiError{status: http.StatusTooManyRequests, Type: "invalid_request_error", Code: "rate_limit", Message: "Too many requests made to the API too quickly"}))
	case FailServer:
		s.write(w, failure(&apiError{status: http.StatusInternalServerError, Type: "api_error", Message: "An unknown error occurred"}))
	case FailGateway:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		w.Write([]byte("<html><body><h1>502 Bad Gateway</h1></body></html>"))
	case FailHang:
		select {
		case <-r.Context().Done():
		case <-s.stopped.Done():
		}
		panic(http.ErrAbortHandler)
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

// postKnobs sets the knobs that a form names, by the names of their fields in lower case with
// underscores; those that it doesn't name go back to normal.
func (s *Server) postKnobs(w http.ResponseWriter, r *http.Request) {
	count := func(name string) int { n, _ := strconv.Atoi(r.PostFormValue(name)); return max(0, n) }
	on := func(name string) bool { v := r.PostFormValue(name); return v == "on" || v == "true" }
	fail := r.PostFormValue("fail")
	switch fail {
	case "", FailBefore, FailAfter, FailLimit, FailServer, FailGateway, FailHang:
	default:
		http.Error(w, "fail is one of before, after, 429, 500, 502, hang", http.StatusBadRequest)
		return
	}
	s.SetKnobs(Knobs{
		Hold: on("hold"), Drop: on("drop"), Shuffle: on("shuffle"), Duplicate: count("duplicate"),
		Fail: fail, FailTimes: count("fail_times"),
		FailMethod: r.PostFormValue("fail_method"), FailPath: r.PostFormValue("fail_path"),
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
