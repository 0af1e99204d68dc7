package auth

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Limits on guessing. Failures are counted for fifteen minutes after the last one.
const (
	forget        = 15 * time.Minute
	perPair       = 10  // of one account from one address
	perAddress    = 30  // from one address
	perAccount    = 100 // of one account from anywhere: high, since it also delays its owner
	longestWait   = 15 * time.Minute
	longestShared = time.Minute // for an account as a whole

	tokensPerMinute     = 30 // wrong tokens of public pages from one address
	signaturesPerMinute = 60 // wrong webhook signatures that are logged, then one in a hundred

	hashesAtOnce = 2      // each takes 46 MiB
	maxCounters  = 50_000 // about 100 bytes each, twice
)

// TooMany is the error of somebody who has guessed too often.
type TooMany struct{ RetryAfter time.Duration }

func (e *TooMany) Error() string {
	return fmt.Sprintf("too many tries: wait %s", e.RetryAfter.Round(time.Second))
}

// Limits counts failed sign-ins, wrong tokens and wrong signatures, in bounded memory. It
// never locks an account: who knows the password waits fifteen minutes at most, and from an
// address that has not failed, a minute at most.
type Limits struct {
	now     func() time.Time
	hashing chan struct{}

	mu         sync.Mutex
	tries      counters
	tokens     counters
	minute     int64 // of the signatures that are counted
	signatures int
}

// NewLimits returns limits that go by the clock now.
func NewLimits(now func() time.Time) *Limits {
	return &Limits{now: now, hashing: make(chan struct{}, hashesAtOnce)}
}

// Hashing waits for a turn to hash a password: two at a time, so that many sign-ins at once
// don't take all memory. The caller calls done afterwards.
func (l *Limits) Hashing(ctx context.Context) (done func(), err error) {
	select {
	case l.hashing <- struct{}{}:
		return func() { <-l.hashing }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to check a password: %w", context.Cause(ctx))
	}
}

// Allow says whether somebody at the address ip may try to sign in to the account, else
// *TooMany. The try counts as failed, so that many at once can't pass together, until
// Succeeded takes it back.
func (l *Limits) Allow(account, ip string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, net := l.now(), network(ip)
	limits := []struct {
		c       *counter
		free    int
		longest time.Duration
	}{
		{l.tries.get("pair " + account + " " + net), perPair, longestWait},
		{l.tries.get("address " + net), perAddress, longestWait},
		{l.tries.get("account " + account), perAccount, longestShared},
	}
	var wait time.Duration
	for _, limit := range limits {
		wait = max(wait, limit.c.wait(now, limit.free, limit.longest))
	}
	if wait > 0 {
		return &TooMany{RetryAfter: wait}
	}
	for _, limit := range limits {
		limit.c.n++
		limit.c.last = now
	}
	return nil
}

// Succeeded takes back the try that Allow counted. Those of the account from this address are
// forgotten; those of others stay.
func (l *Limits) Succeeded(account, ip string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	net := network(ip)
	l.tries.get("pair " + account + " " + net).n = 0
	for _, key := range []string{"address " + net, "account " + account} {
		c := l.tries.get(key)
		c.n = max(0, c.n-1)
	}
}

// AllowToken says whether the address may ask for a public page by its token, else *TooMany.
func (l *Limits) AllowToken(ip string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	c := l.tokens.get(network(ip))
	if c.n >= tokensPerMinute && now.Sub(c.last) < time.Minute {
		return &TooMany{RetryAfter: c.last.Add(time.Minute).Sub(now)}
	}
	return nil
}

// WrongToken counts a token that is nobody's, within the minute that the first one began.
func (l *Limits) WrongToken(ip string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	c := l.tokens.get(network(ip))
	if now.Sub(c.last) >= time.Minute {
		c.n, c.last = 0, now
	}
	c.n++
}

// WrongSignature counts a webhook with a wrong signature and says whether to log it: the
// first sixty of a minute, then the 64th, the 128th, and so on, each as far again: a flood
// doesn't fill the disk.
func (l *Limits) WrongSignature() (log bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := l.now().Unix() / 60; minute != l.minute {
		l.minute, l.signatures = minute, 0
	}
	l.signatures++
	return l.signatures <= signaturesPerMinute || l.signatures&(l.signatures-1) == 0
}

// network is what counts as one address: in IPv6 the /64, since one person has all of it.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		p, _ := addr.Prefix(64)
		return p.String()
	}
	return addr.String()
}

// counter is how often something failed, and when last (or first, for tokens).
type counter struct {
	n    int
	last time.Time
}

// wait is how long the next try has to wait: not at all for the first ones, then a minute, and
// twice as long after each further failure.
func (c *counter) wait(now time.Time, free int, longest time.Duration) time.Duration {
	if now.Sub(c.last) >= forget {
		c.n = 0
	}
	if c.n < free {
		return 0
	}
	delay := min(longest, time.Minute<<min(c.n-free, 10))
	return c.last.Add(delay).Sub(now)
}

// counters keeps the counters that were used last: when the young ones become too many, they
// are the old ones, and those before them are forgotten.
type counters struct{ young, old map[string]*counter }

func (k *counters) get(key string) *counter {
	if c, ok := k.young[key]; ok {
		return c
	}
	if k.young == nil || len(k.young) >= maxCounters {
		k.young, k.old = map[string]*counter{}, k.young
	}
	c, ok := k.old[key]
	if !ok {
		c = &counter{}
	}
	k.young[key] = c
	return c
}
