package auth

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// Kind is something that people may not do too often. Each kind has counters of its own, so
// that whoever fills one is in nobody's way at another.
type Kind string

// Kinds, and what the account is that is counted beside the network. Of a guess only the failed
// ones count (see Succeeded); whoever asks for mail counts each time.
const (
	SignIn       Kind = "sign in"       // the email as it was typed, whether somebody has it or not
	SecondFactor Kind = "second factor" // the user's id
	Confirm      Kind = "confirm"       // the user's id, of who is signed in and shows it once more
	ResetMail    Kind = "reset mail"    // the email as it was typed
	SignUp       Kind = "sign up"       // the email as it was typed
	Invite       Kind = "invite"        // the workspace's id
)

// policy is how often a kind may be tried.
type policy struct {
	pair    rate // for one account from one network
	network rate // from one network, whatever the account
	account rate // for one account from anywhere
	// once is how many tries each network keeps when the account's are used up; 0 = all wait.
	once int
}

var policies = map[Kind]policy{
	// Somebody who guesses from many networks must not lock the owner out, who comes from another.
	SignIn:  {pair: rate{10, 15 * time.Minute}, network: rate{30, 15 * time.Minute}, account: rate{100, 15 * time.Minute}, once: 3},
	Confirm: {pair: rate{10, 15 * time.Minute}, network: rate{30, 15 * time.Minute}, account: rate{30, 15 * time.Minute}, once: 3},
	// Who gets here has the password, and a code has six digits: here the account is worth more
	// than that its owner never waits.
	SecondFactor: {pair: rate{10, 15 * time.Minute}, network: rate{30, 15 * time.Minute}, account: rate{30, 15 * time.Minute}},
	// Whoever uses these up has sent the links to their owner.
	ResetMail: {pair: rate{5, time.Hour}, network: rate{20, time.Hour}, account: rate{5, time.Hour}},
	SignUp:    {pair: rate{5, time.Hour}, network: rate{20, time.Hour}, account: rate{5, time.Hour}},
	Invite:    {pair: rate{50, 24 * time.Hour}, network: rate{100, 24 * time.Hour}, account: rate{50, 24 * time.Hour}},
}

// wrongTokens are those of public pages and of links in mail, from one network.
var wrongTokens = rate{30, time.Minute}

const (
	signaturesPerMinute = 60 // wrong webhook signatures that are logged, before they are thinned out

	hashesAtOnce = 2 // each takes 46 MiB
)

// TooMany is the error of somebody who has tried too often.
type TooMany struct{ RetryAfter time.Duration }

func (e *TooMany) Error() string {
	return fmt.Sprintf("too many tries: wait %s", e.RetryAfter.Round(time.Second))
}

// Limits counts what is tried, in bounded memory and until the program ends. Nobody is locked
// out: whoever waits for what TooMany says has another try.
type Limits struct {
	now     func() time.Time
	hashing chan struct{}

	mu         sync.Mutex
	seed       maphash.Seed
	buckets    buckets
	minute     int64 // of the signatures that are counted
	signatures int
}

// NewLimits returns limits that go by the clock now.
func NewLimits(now func() time.Time) *Limits {
	return &Limits{now: now, hashing: make(chan struct{}, hashesAtOnce), seed: maphash.MakeSeed()}
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

// Allow says whether somebody at the address ip may try what kind is, for the account, else
// *TooMany. The try counts, so that many at once can't pass together. A guess that was right is
// taken back by Succeeded. What is refused leaves nothing behind.
func (l *Limits) Allow(kind Kind, account, ip string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, now := policies[kind], l.now()
	pair, whole := l.pair(kind, account, ip), l.whole(kind, account)
	crowded := l.buckets.get(whole).wait(now, p.account)
	free := p.pair.n
	if crowded > 0 && p.once > 0 {
		crowded, free = 0, p.once
	}
	wait := max(crowded, l.buckets.get(pair).waitBeyond(now, p.pair, free))
	for _, n := range l.networks(kind, ip, p.network) {
		wait = max(wait, l.buckets.get(n.key).wait(now, n.rate))
	}
	if wait > 0 {
		return &TooMany{RetryAfter: wait}
	}
	l.take(pair, now, p.pair)
	l.take(whole, now, p.account)
	for _, n := range l.networks(kind, ip, p.network) {
		l.take(n.key, now, n.rate)
	}
	return nil
}

// Succeeded takes back the try that Allow counted. Those for the account from this network are
// forgotten; those of others stay.
func (l *Limits) Succeeded(kind Kind, account, ip string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := policies[kind]
	l.buckets.set(l.pair(kind, account, ip), 0)
	l.giveBack(l.whole(kind, account), p.account)
	for _, n := range l.networks(kind, ip, p.network) {
		l.giveBack(n.key, n.rate)
	}
}

// AllowToken says whether the address may ask for what is found by a token that only its
// receiver knows, else *TooMany. Only wrong ones count: see WrongToken.
func (l *Limits) AllowToken(ip string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for _, n := range l.networks("token", ip, wrongTokens) {
		if wait := l.buckets.get(n.key).wait(now, n.rate); wait > 0 {
			return &TooMany{RetryAfter: wait}
		}
	}
	return nil
}

// WrongToken counts a token that is nobody's.
func (l *Limits) WrongToken(ip string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for _, n := range l.networks("token", ip, wrongTokens) {
		l.take(n.key, now, n.rate)
	}
}

// WrongSignature counts a webhook with a wrong signature and says whether to log it: the
// first sixty of a minute, then the 64th, the 128th, and so on, each as far again: a flood
// doesn't fill the disk. None is made to wait: Stripe's own may come from the same place, and
// to refuse one costs no more than to count it.
func (l *Limits) WrongSignature() (log bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := l.now().Unix() / 60; minute != l.minute {
		l.minute, l.signatures = minute, 0
	}
	l.signatures++
	return l.signatures <= signaturesPerMinute || l.signatures&(l.signatures-1) == 0
}

func (l *Limits) take(key uint64, now time.Time, r rate) {
	l.buckets.set(key, l.buckets.get(key).after(now, r))
}

func (l *Limits) giveBack(key uint64, r rate) {
	l.buckets.set(key, l.buckets.get(key).less(r))
}

// Keys are hashed, so that long ones take no more memory than short ones; nobody outside knows
// the seed.

func (l *Limits) pair(kind Kind, account, ip string) uint64 {
	return l.key("pair", string(kind), account, network(ip, 64))
}

func (l *Limits) whole(kind Kind, account string) uint64 {
	return l.key("account", string(kind), account)
}

func (l *Limits) key(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	for _, p := range parts {
		_, _ = h.WriteString(p) // never fails
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

type networkLimit struct {
	key  uint64
	rate rate
}

// networks are those that an address counts for. In IPv6 one person has all of a /64 and may
// have as much as a /48, which many others may share.
func (l *Limits) networks(kind Kind, ip string, r rate) [2]networkLimit {
	return [2]networkLimit{
		{l.key("network", string(kind), network(ip, 64)), r},
		{l.key("site", string(kind), network(ip, 48)), rate{4 * r.n, r.per}},
	}
}
