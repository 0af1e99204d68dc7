package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits of delivery. Stripe retries for days; here it is seconds.
const (
	atOnce          = 8                  // unless a knob says otherwise
	maxAge          = 3 * 24 * time.Hour // of an event, by the sandbox's clock: then Stripe tries no more
	deliveryTimeout = 10 * time.Second
	deliveriesKept  = 10_000
)

// backoff is how long after its nth failure a delivery is tried again; after the last one it
// is given up.
var backoff = []time.Duration{50 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second, 25 * time.Second}

// Delivery is one attempt to send an event.
type Delivery struct {
	EventID string
	Type    string
	Account string // connected account; empty for the platform's own events
	URL     string
	Attempt int    // from 1
	Status  int    // HTTP status of the answer, 0 when there was none
	Error   string // why there was none
	At      time.Time
}

// attempt is a delivery that has to be made.
type attempt struct {
	event, endpoint *record
	n               int
}

// sender holds what has to be delivered. It is guarded by the server's mutex.
type sender struct {
	due     []attempt
	timers  map[*time.Timer]struct{} // of attempts that wait to be due again
	running int
	idle    chan struct{} // closed when quiet; nil when nobody waits for that
	log     []Delivery
	closed  bool
}

// closeSender gives up what is due and what would be due later.
func (s *Server) closeSender() {
	d := &s.sender
	d.closed = true
	d.due = nil
	for timer := range d.timers {
		timer.Stop()
	}
	d.timers = nil
	s.wake()
}

// quiet reports whether nothing is being sent and nothing more will be by itself.
func (s *Server) quiet() bool {
	return s.sender.running == 0 && (len(s.sender.due) == 0 || s.knobs.Hold)
}

// wake ends the waiting of Settle when it has come to an end.
func (s *Server) wake() {
	if s.sender.idle != nil && s.quiet() {
		close(s.sender.idle)
		s.sender.idle = nil
	}
}

func newWebhookClient() *http.Client {
	return &http.Client{
		Timeout:       deliveryTimeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: maxAtOnce, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a redirect is a failure
	}
}

// queue makes an event's deliveries due, as the knobs say.
func (s *Server) queue(event *record, endpoints []*record) {
	if s.knobs.Drop || s.sender.closed {
		return
	}
	for _, endpoint := range endpoints {
		a := attempt{event, endpoint, 1}
		if s.falls(a, "lost") < s.knobs.DropPercent {
			continue
		}
		times := max(1, s.knobs.Duplicate)
		if s.falls(a, "again") < s.knobs.DuplicatePercent {
			times++
		}
		for range times {
			s.send(a)
		}
	}
	s.dispatch()
}

// send makes a delivery due.
func (s *Server) send(a attempt) {
	switch {
	case s.sender.closed:
	case s.knobs.Delay > 0:
		s.later(a, s.knobs.Delay)
	default:
		s.sender.due = append(s.sender.due, a)
	}
}

// falls is a number below 100 that follows from the seed, what an event is and where it goes, so
// that a share of deliveries is the same one whenever the same things happen.
func (s *Server) falls(a attempt, what string) int {
	h := fnv.New64a()
	_ = binary.Write(h, binary.LittleEndian, s.seed)
	_, _ = io.WriteString(h, what+a.event.id()+a.endpoint.id())
	return int(h.Sum64() >> 32 % 100)
}

// dispatch starts as many of the due deliveries as may run at once.
func (s *Server) dispatch() {
	d := &s.sender
	for !d.closed && !s.knobs.Hold && d.running < cmp.Or(s.knobs.AtOnce, atOnce) && len(d.due) > 0 {
		if s.knobs.Shuffle {
			i := s.random.IntN(len(d.due))
			d.due[0], d.due[i] = d.due[i], d.due[0]
		}
		next := d.due[0]
		d.due = d.due[1:]
		d.running++
		s.sending.Add(1)
		go s.deliver(next)
	}
	s.wake()
}

func (s *Server) deliver(a attempt) {
	defer s.sending.Done()
	s.mu.Lock()
	url, secret := text(a.endpoint.obj, "url"), text(a.endpoint.hidden, "secret")
	body := a.event.hidden["body"].(json.RawMessage)
	made := Delivery{EventID: a.event.id(), Type: text(a.event.obj, "type"), Account: a.event.account, URL: url, Attempt: a.n, At: s.now()}
	skew, rolled, pretend := s.knobs.Skew, s.knobs.Rolled, a.n <= s.knobs.FailFirst
	s.mu.Unlock()

	var err error
	if pretend {
		err = errors.New("a knob made it fail")
	} else {
		made.Status, err = s.post(url, secret, body, s.clock().Add(skew), rolled) // receivers go by the time of day, whatever Advance has added
	}
	if err != nil {
		made.Error = err.Error()
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	d := &s.sender
	d.running--
	if d.closed {
		s.wake()
		return
	}
	if len(d.log) >= deliveriesKept {
		d.log = append(d.log[:0], d.log[deliveriesKept/2:]...)
	}
	d.log = append(d.log, made)
	switch {
	case made.Status >= 200 && made.Status < 300:
		if waiting := number(a.event.obj, "pending_webhooks"); waiting > 0 {
			a.event.obj["pending_webhooks"] = waiting - 1
		}
		delete(a.endpoint.hidden, "failing_since")
	case a.n <= len(backoff) && s.unix()-number(a.event.obj, "created") <= int64(maxAge.Seconds()):
		s.log.Debug("webhook delivery failed", "event", made.EventID, "type", made.Type, "status", made.Status, "error", made.Error)
		s.disableFailing(a.endpoint)
		s.later(attempt{a.event, a.endpoint, a.n + 1}, backoff[a.n-1]*time.Duration(max(1, s.knobs.RetryFactor)))
	default:
		s.disableFailing(a.endpoint)
		s.log.Warn("webhook delivery given up", "event", made.EventID, "type", made.Type, "status", made.Status, "error", made.Error)
	}
	s.dispatch()
}

// disableFailing disables an endpoint that has taken nothing for as long as a knob says.
func (s *Server) disableFailing(endpoint *record) {
	since, failing := endpoint.hidden["failing_since"].(int64)
	if !failing {
		endpoint.hidden["failing_since"] = s.unix()
		return
	}
	if after := s.knobs.DisableAfter; after > 0 && s.unix()-since >= int64(after.Seconds()) {
		endpoint.obj["status"] = "disabled"
	}
}

// later makes a delivery due again after a while.
func (s *Server) later(a attempt, wait time.Duration) {
	if s.sender.timers == nil {
		s.sender.timers = map[*time.Timer]struct{}{}
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.sender.closed {
			return
		}
		delete(s.sender.timers, timer)
		s.sender.due = append(s.sender.due, a)
		s.dispatch()
	})
	s.sender.timers[timer] = struct{}{}
}

func (s *Server) post(url, secret string, body []byte, at time.Time, rolled bool) (int, error) {
	r, err := http.NewRequestWithContext(s.stopped, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	header := signature(secret, body, at)
	if rolled {
		_, older, _ := strings.Cut(signature("whsec_older", body, at), ",")
		header += "," + older
	}
	r.Header.Set("Stripe-Signature", header)
	answer, err := s.webhooks.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	return answer.StatusCode, nil
}

// signature signs a delivery as Stripe does: HMAC-SHA256 of "<time>.<body>" with the
// endpoint's secret (docs.stripe.com/webhooks/signature).
func signature(secret string, body []byte, at time.Time) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Settle waits until every delivery that is due has been tried. Those that failed and wait
// for their next try are not due, nor are those that a knob holds back.
func (s *Server) Settle(ctx context.Context) error {
	for {
		s.mu.Lock()
		d := &s.sender
		if s.quiet() {
			s.mu.Unlock()
			return nil
		}
		if d.idle == nil {
			d.idle = make(chan struct{})
		}
		idle := d.idle
		s.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("wait for webhook deliveries: %w", ctx.Err())
		}
	}
}

// Deliveries returns the latest attempts to send events, oldest first.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.sender.log...)
}
