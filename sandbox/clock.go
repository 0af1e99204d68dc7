package sandbox

import (
	"container/heap"
	"slices"
	"time"
)

// now is the sandbox's time: that of the clock it was given, and what Advance has added.
func (s *Server) now() time.Time { return s.clock().Add(time.Duration(s.ahead.Load())) }

// unix is now, in Unix seconds.
func (s *Server) unix() int64 { return s.now().Unix() }

// Now is the sandbox's time.
func (s *Server) Now() time.Time { return s.now() }

// Advance moves the sandbox's clock forward, and does what falls due by then: pages expire, money
// becomes available, disputes that nobody answered are lost. Idempotency keys and events grow old
// by it too.
func (s *Server) Advance(d time.Duration) {
	s.ahead.Add(int64(max(0, d)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
}

// alarm is a time at which something may happen to an object by itself.
type alarm struct {
	at     int64 // Unix seconds
	number uint64
	r      *record
}

// alarms is a heap by time; those of one time go off in the order of setting.
type alarms []alarm

func (a alarms) Len() int      { return len(a) }
func (a alarms) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a alarms) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].number < a[j].number
}
func (a *alarms) Push(x any) { *a = append(*a, x.(alarm)) }
func (a *alarms) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = alarm{}
	*a = old[:len(old)-1]
	return last
}

// dueAt is when something happens to an object by itself as it stands now, in Unix seconds, and
// 0 when nothing does.
func dueAt(r *record) int64 {
	switch {
	case r.kind == "checkout.session" && r.obj["status"] == "open":
		return number(r.obj, "expires_at")
	case r.kind == "balance_transaction" && r.obj["status"] == "pending":
		return number(r.obj, "available_on")
	case r.kind == "dispute" && isInquiry(r):
		if !isClosed(r) {
			return number(r.obj, "created") + int64(inquiryLives.Seconds())
		}
	case r.kind == "dispute" && r.obj["status"] == "needs_response":
		return number(child(r.obj, "evidence_details"), "due_by")
	}
	return 0
}

// setAlarm sees to it that catchUp looks at an object in time.
func (s *Server) setAlarm(r *record) {
	if at := dueAt(r); at > 0 {
		s.alarmsSet++
		heap.Push(&s.alarms, alarm{at, s.alarmsSet, r})
	}
}

// catchUp does what time alone brings about. Every call, page and change begins with it.
func (s *Server) catchUp() {
	now := s.unix()
	var paid []string // accounts whose money became available
	for len(s.alarms) > 0 && s.alarms[0].at <= now {
		r := heap.Pop(&s.alarms).(alarm).r
		switch at := dueAt(r); {
		case at == 0: // it ended before its time
		case at > now:
			s.setAlarm(r)
		case r.kind == "checkout.session":
			s.expire(nil, r)
		case r.kind == "balance_transaction":
			s.release(r)
			if !slices.Contains(paid, r.account) {
				paid = append(paid, r.account)
			}
		case r.kind == "dispute":
			s.closeDispute(nil, r, false)
		}
	}
	s.payRefunds()
	for _, account := range paid {
		s.emit(nil, account, "balance.available", s.balance(account))
	}
}
