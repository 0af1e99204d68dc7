package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// update changes an object and tells of it, with what its keys were before.
func (s *Server) update(c *call, r *record, typ string, change func(object)) {
	before := clone(r.obj).(object)
	change(r.obj)
	s.tell(c, concerned(r), typ, r.obj, changed(before, r.obj))
}

// concerned is the account that an event about an object belongs to, empty for the platform's own.
func concerned(r *record) string {
	if r.kind == "account" {
		return r.id()
	}
	return r.account
}

// emit makes an event about an object as it stands, and queues its deliveries. The account is
// the connected one, or empty for the platform's own events. c is the call that caused it;
// nil when a person or Stripe did.
func (s *Server) emit(c *call, account, typ string, obj any) {
	s.tell(c, account, typ, obj, nil)
}

func (s *Server) tell(c *call, account, typ string, obj any, before object) {
	snapshot, err := json.Marshal(obj)
	if err != nil {
		s.log.Error("event left out: its object is no JSON", "type", typ, "error", err)
		return
	}
	data := object{"object": json.RawMessage(snapshot)}
	if before != nil {
		data["previous_attributes"] = before
	}
	event := blank("event")
	event["id"] = s.newID("evt_1", 23)
	event["type"] = typ
	event["api_version"] = cmp.Or(s.knobs.Version, s.version)
	event["livemode"] = s.knobs.FlipMode
	event["created"] = s.unix()
	event["data"] = data
	event["request"] = object{"id": nil, "idempotency_key": nil}
	if c != nil {
		event["request"] = c.request
	}
	if account != "" {
		event["account"] = account
	}
	endpoints := s.endpointsFor(account, typ)
	event["pending_webhooks"] = int64(len(endpoints))
	told := event
	if s.knobs.Padding > 0 {
		told = maps.Clone(event)
		told["padding"] = strings.Repeat("x", s.knobs.Padding)
	}
	body, err := json.Marshal(told)
	if err != nil {
		s.log.Error("event left out", "type", typ, "error", err)
		return
	}
	if at := bytes.Index(body, snapshot); at >= 0 {
		data["object"] = json.RawMessage(body[at : at+len(snapshot)]) // the same bytes: events are most of what there is
	}
	r := s.add("event", account, event)
	r.hidden["body"] = json.RawMessage(body)
	s.queue(r, endpoints)
}

// Emit makes an event of any type about any object, as Stripe might some day. The account is
// a connected one, or empty for an event of the platform.
func (s *Server) Emit(account, typ string, obj any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit(nil, account, typ, obj)
}

// Events returns the events of an account (empty: the platform's), oldest first, as delivered.
func (s *Server) Events(account string) []json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := s.lists[listKey{account, "event"}]
	bodies := make([]json.RawMessage, len(records))
	for i, r := range records {
		bodies[i] = r.hidden["body"].(json.RawMessage)
	}
	return bodies
}

// eventsKept is how long the API tells events.
const eventsKept = 30 * 24 * time.Hour

// oldestEvent is the time of the oldest events that are told, in Unix seconds.
func (s *Server) oldestEvent() int64 { return s.unix() - int64(eventsKept.Seconds()) }

func (s *Server) getEvent(c *call) (any, error) {
	r, err := s.named(c, "event")
	if err == nil && number(r.obj, "created") < s.oldestEvent() {
		err = missing(http.StatusNotFound, "id", "event", c.id)
	}
	if err != nil {
		return nil, err
	}
	return r.obj, nil
}

func (s *Server) listEvents(c *call) (any, error) {
	types, some := c.in["types"].([]any)
	if some && c.in["type"] != nil {
		return nil, invalid("", "types", "You may only specify one of these parameters: type, types.")
	}
	if len(types) > 20 {
		return nil, invalid("", "types", "You may only specify up to 20 event types.")
	}
	if typ := text(c.in, "type"); typ != "" {
		types, some = []any{typ}, true
	}
	c.in["created"] = since(c.in["created"], s.oldestEvent())
	list, err := s.list(c, "event", func(r *record) bool {
		if delivered, given := c.in["delivery_success"].(bool); given && delivered != (number(r.obj, "pending_webhooks") == 0) {
			return false
		}
		return !some || slices.ContainsFunc(types, func(pattern any) bool {
			return covers(pattern.(string), text(r.obj, "type"))
		})
	})
	if err != nil || !s.answers.EventsInRequestVersion {
		return list, err
	}
	for i, event := range children(list, "data") {
		event := clone(event).(object)
		event["api_version"] = c.version
		children(list, "data")[i] = event
	}
	return list, nil
}

// covers reports whether a pattern such as "charge.*" or "*" includes an event type.
func covers(pattern, typ string) bool {
	prefix, wild := strings.CutSuffix(pattern, "*")
	return typ == pattern || wild && strings.HasPrefix(typ, prefix)
}

// Resend delivers an event once more to the endpoints that want it.
func (s *Server) Resend(eventID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[eventID]
	if r == nil || r.kind != "event" {
		return fmt.Errorf("resend %s: no such event", eventID)
	}
	for _, endpoint := range s.endpointsFor(r.account, text(r.obj, "type")) {
		s.send(attempt{r, endpoint, 1})
	}
	s.dispatch()
	return nil
}
