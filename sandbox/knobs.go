package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Knobs make the sandbox behave badly, as Stripe and the network sometimes do. The zero value
// behaves well.
type Knobs struct {
	// Deliveries of events.
	Hold             bool          // they queue up and are sent when this ends
	Drop             bool          // they are lost; their events stay listed
	DropPercent      int           // this many of a hundred are lost, the same ones for one seed
	Shuffle          bool          // those that are due go out in random order
	Duplicate        int           // each event is delivered this often to each endpoint; 0 is once
	DuplicatePercent int           // this many of a hundred are delivered once more, the same ones for one seed
	Delay            time.Duration // they become due this much later
	FailFirst        int           // this many tries of each fail, as if nobody answered
	Version          string        // API version that events say they are in; empty is the sandbox's
	FlipMode         bool          // events say the other mode, test or live
	Skew             time.Duration // added to the time of signatures
	Padding          int           // this many bytes more in each event
	AtOnce           int           // this many run at the same time; 0 is 8
	RetryFactor      int           // waits between tries are this many times as long; 0 is once
	DisableAfter     time.Duration // an endpoint that has taken nothing for so long is disabled; 0 is never
	Rolled           bool          // signatures are made with an older secret as well, as while one is replaced

	// Calls to the API.
	Fail       string        // what the next calls meet: one of the faults, or empty
	FailTimes  int           // how many calls meet it; 0 is one
	FailMethod string        // only calls of this method; empty is any
	FailPath   string        // only calls whose path begins so; empty is any
	Latency    time.Duration // every call takes this much longer

	CallsPerSecond int   // more calls than so many in a second meet 429 with Retry-After; 0 is no limit
	AwayUntil      int64 // every call meets 503 until the sandbox's clock has come to this, Unix seconds
	AwayCut        bool  // then its connection is cut instead

	RefundsWait bool // refunds that the available balance doesn't cover are pending until it does
}

// Limits of knobs, so that a slip of the hand stops nothing for ever.
const (
	maxDuplicate = 20
	maxPadding   = 1 << 20
	maxAtOnce    = 64
	maxFactor    = 1000
	maxWait      = time.Minute
)

// SetKnobs replaces all knobs. Deliveries that were held back go out when Hold ends.
func (s *Server) SetKnobs(k Knobs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.Duplicate = min(max(k.Duplicate, 0), maxDuplicate)
	k.DropPercent, k.DuplicatePercent = min(max(k.DropPercent, 0), 100), min(max(k.DuplicatePercent, 0), 100)
	k.CallsPerSecond = max(k.CallsPerSecond, 0)
	k.AtOnce, k.RetryFactor = min(max(k.AtOnce, 0), maxAtOnce), min(max(k.RetryFactor, 0), maxFactor)
	k.Padding = min(max(k.Padding, 0), maxPadding)
	k.Delay, k.Latency = min(max(k.Delay, 0), maxWait), min(max(k.Latency, 0), maxWait)
	if k.Fail != "" && k.FailTimes < 1 {
		k.FailTimes = 1
	}
	s.knobs = k
	s.dispatch()
}

// GoAway has the API answer nothing for a while by the sandbox's clock: 503, or a cut connection.
func (s *Server) GoAway(d time.Duration, cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.knobs.AwayUntil, s.knobs.AwayCut = s.unix()+int64(d.Seconds()), cut
}

// Knobs tells how they are set now. Fail is empty again once its calls have met it.
func (s *Server) Knobs() Knobs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.knobs
}

// postKnobs sets the knobs that a form names, by the names of their fields in lower case with
// underscores; those that it doesn't name go back to normal.
func (s *Server) postKnobs(w http.ResponseWriter, r *http.Request) {
	count := func(name string) int { n, _ := strconv.Atoi(r.PostFormValue(name)); return max(0, n) }
	millis := func(name string) time.Duration { return time.Duration(count(name)) * time.Millisecond }
	on := func(name string) bool { v := r.PostFormValue(name); return v == "on" || v == "true" }
	fail := r.PostFormValue("fail")
	if fail != "" && !slices.Contains(Faults, fail) {
		s.message(w, http.StatusBadRequest, "That did not work", "There is no such fault.")
		return
	}
	var away int64
	if hours := count("away_hours"); hours > 0 {
		away = s.now().Add(time.Duration(min(hours, maxHours)) * time.Hour).Unix()
	}
	skew, _ := strconv.Atoi(r.PostFormValue("skew_seconds"))
	s.SetKnobs(Knobs{
		Hold: on("hold"), Drop: on("drop"), DropPercent: count("drop_percent"), Shuffle: on("shuffle"), Duplicate: count("duplicate"), DuplicatePercent: count("duplicate_percent"),
		Delay: millis("delay_ms"), FailFirst: count("fail_first"), Version: r.PostFormValue("version"), FlipMode: on("flip_mode"),
		Skew: time.Duration(skew) * time.Second, Padding: count("padding"), Rolled: on("rolled"),
		AtOnce: count("at_once"), RetryFactor: count("retry_factor"), DisableAfter: time.Duration(count("disable_hours")) * time.Hour,
		Fail: fail, FailTimes: count("fail_times"), FailMethod: r.PostFormValue("fail_method"), FailPath: r.PostFormValue("fail_path"),
		Latency: millis("latency_ms"), CallsPerSecond: count("calls_per_second"), AwayUntil: away, AwayCut: on("away_cut"),
		RefundsWait: on("refunds_wait"),
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// postAnswers sets the answers that a form ticks.
func (s *Server) postAnswers(w http.ResponseWriter, r *http.Request) {
	list := ""
	for _, name := range AnswerNames() {
		if r.PostFormValue(name) != "" {
			list += name + ","
		}
	}
	a, _ := ParseAnswers(list) // of known names
	s.SetAnswers(a)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// postClock moves the clock by as many hours as a form says.
func (s *Server) postClock(w http.ResponseWriter, r *http.Request) {
	hours, err := strconv.ParseFloat(r.PostFormValue("hours"), 64)
	if err != nil || !(hours > 0 && hours <= maxHours) {
		s.message(w, http.StatusBadRequest, "That did not work", "Write a number of hours, at most ten years.")
		return
	}
	s.Advance(time.Duration(hours * float64(time.Hour)))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

const maxHours = 10 * 366 * 24
