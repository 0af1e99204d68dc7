package auth

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// clock is a time that only the test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func (c *clock) pass(d time.Duration) { c.t = c.t.Add(d) }

func newLimits() (*Limits, *clock) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	return NewLimits(c.now), c
}

// tries makes n tries that fail, and returns the first refusal.
func tries(l *Limits, kind Kind, n int, account, ip string) error {
	for range n {
		if err := l.Allow(kind, account, ip); err != nil {
			return err
		}
	}
	return nil
}

// waits is what a refusal says, 0 for none.
func waits(t *testing.T, err error) time.Duration {
	t.Helper()
	var many *TooMany
	if err != nil && !errors.As(err, &many) {
		t.Fatalf("got %v", err)
	}
	if many == nil {
		return 0
	}
	return many.RetryAfter
}

// Of each kind so many from one network, and a wait that never grows: nobody is locked out.
// Attack D5.
func TestLimitsOfEachKind(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]string{
		SignIn: "10, then 1m30s", Confirm: "10, then 1m30s", SecondFactor: "10, then 1m30s",
		ResetMail: "5, then 12m0s", SignUp: "5, then 12m0s", Invite: "50, then 28m48s",
	} {
		l, clock := newLimits()
		n := 0
		for l.Allow(kind, "mira", "192.0.2.1") == nil {
			n++
		}
		wait := waits(t, l.Allow(kind, "mira", "192.0.2.1"))
		if got := fmt.Sprintf("%d, then %s", n, wait); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
		for range 10 {
			if again := waits(t, l.Allow(kind, "mira", "192.0.2.1")); again != wait {
				t.Errorf("%s: what is refused makes the wait %s", kind, again)
			}
			clock.pass(wait)
			if err := l.Allow(kind, "mira", "192.0.2.1"); err != nil {
				t.Errorf("%s, after the wait: %v", kind, err)
			}
		}
	}
	if len(policies) != 6 {
		t.Errorf("%v: each kind belongs into the table above", slices.Collect(maps.Keys(policies)))
	}
}

// D14: whoever guesses waits, and whoever is guessed does not.
func TestGuessersLockNobodyOut(t *testing.T) {
	t.Parallel()
	t.Run("who comes from another network", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		if err := tries(l, SignIn, 11, "mira", "192.0.2.1"); err == nil {
			t.Error("the eleventh passes")
		}
		if err := l.Allow(SignIn, "mira", "198.51.100.7"); err != nil {
			t.Error(err)
		}
	})
	t.Run("when a thousand networks guess for an hour", func(t *testing.T) {
		t.Parallel()
		l, clock := newLimits()
		guesses := 0
		for range 60 {
			clock.pass(time.Minute)
			for i := range 1000 {
				if l.Allow(SignIn, "mira", fmt.Sprintf("10.0.%d.%d", i/250, i%250)) == nil {
					guesses++
				}
			}
		}
		if err := tries(l, SignIn, 3, "mira", "198.51.100.7"); err != nil {
			t.Errorf("the owner waits: %v", err)
		}
		if wait := waits(t, l.Allow(SignIn, "mira", "198.51.100.7")); wait == 0 || wait > 90*time.Second {
			t.Errorf("and then %s", wait)
		}
		// Of each network ten at first or three, and one more every 90 s.
		if guesses > 100_000 {
			t.Errorf("%d guesses", guesses)
		}
		clock.pass(15 * time.Minute)
		if err := tries(l, SignIn, 10, "mira", "198.51.100.8"); err != nil {
			t.Errorf("a quarter of an hour later the account is as before: %v", err)
		}
	})
	t.Run("who is signed in and confirms that it is them", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		_ = tries(l, SignIn, 50, "mira", "192.0.2.1")
		if err := l.Allow(Confirm, "mira", "192.0.2.1"); err != nil {
			t.Error(err)
		}
	})
	t.Run("but six digits are not guessed from many networks", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		for i := range 30 {
			if err := l.Allow(SecondFactor, "mira", fmt.Sprintf("10.0.0.%d", i)); err != nil {
				t.Fatal(i, err)
			}
		}
		if wait := waits(t, l.Allow(SecondFactor, "mira", "198.51.100.7")); wait != 30*time.Second {
			t.Errorf("waits %s", wait)
		}
	})
	t.Run("mail to one person, wherever it is asked for", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		for i := range 5 {
			if err := l.Allow(ResetMail, "mira", fmt.Sprintf("10.0.0.%d", i)); err != nil {
				t.Fatal(i, err)
			}
		}
		if err := l.Allow(ResetMail, "mira", "198.51.100.7"); err == nil {
			t.Error("the sixth mail of an hour passes")
		}
		if err := l.Allow(ResetMail, "kim", "198.51.100.7"); err != nil {
			t.Error(err)
		}
	})
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	t.Run("the 31st try from one waits, whatever the account", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		for i := range 30 {
			if err := l.Allow(SignIn, fmt.Sprint("account", i), "192.0.2.1"); err != nil {
				t.Fatal(i, err)
			}
		}
		if wait := waits(t, l.Allow(SignIn, "another", "192.0.2.1")); wait != 30*time.Second {
			t.Errorf("waits %s", wait)
		}
	})
	t.Run("a /64 of IPv6 is one", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		for i := range 10 {
			_ = l.Allow(SignIn, "mira", fmt.Sprintf("2001:db8:1:1::%d", i+1))
		}
		if err := l.Allow(SignIn, "mira", "2001:db8:1:1:ffff::1"); err == nil {
			t.Error("another address of the same /64 passes")
		}
		if err := l.Allow(SignIn, "mira", "2001:db8:1:2::1"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a /48 of IPv6 is not sixty thousand", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		n := 0
		for i := range 1000 {
			if l.Allow(SignIn, fmt.Sprint("account", i), fmt.Sprintf("2001:db8:1:%x::1", i)) == nil {
				n++
			}
		}
		if n != 120 {
			t.Errorf("%d tries", n)
		}
	})
	t.Run("IPv4 in IPv6 is IPv4", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		_ = tries(l, SignIn, 10, "mira", "192.0.2.1")
		if err := l.Allow(SignIn, "mira", "::ffff:192.0.2.1"); err == nil {
			t.Error("passes")
		}
	})
}

func TestSucceeded(t *testing.T) {
	t.Parallel()
	t.Run("right ones don't count", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		for range 200 {
			if err := l.Allow(SignIn, "mira", "192.0.2.1"); err != nil {
				t.Fatal(err)
			}
			l.Succeeded(SignIn, "mira", "192.0.2.1")
		}
	})
	t.Run("a right one frees the account from this network", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		for range 2 {
			if err := tries(l, SignIn, 10, "mira", "192.0.2.1"); err != nil {
				t.Fatal(err)
			}
			l.Succeeded(SignIn, "mira", "192.0.2.1")
		}
	})
	t.Run("and no other account: nobody wins guesses by signing in to their own", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		guesses := 0
		for range 100 {
			if l.Allow(SignIn, "own account of mallory", "192.0.2.9") == nil {
				l.Succeeded(SignIn, "own account of mallory", "192.0.2.9")
			}
			if l.Allow(SignIn, "kim", "192.0.2.9") == nil {
				guesses++
			}
		}
		if guesses != 10 {
			t.Errorf("%d guesses", guesses)
		}
		for i := range 100 {
			if l.Allow(SignIn, "own account of mallory", "192.0.2.9") == nil {
				l.Succeeded(SignIn, "own account of mallory", "192.0.2.9")
			}
			if l.Allow(SignIn, fmt.Sprint("account", i), "192.0.2.9") == nil {
				guesses++
			}
		}
		if guesses != 30 {
			t.Errorf("%d guesses from one network", guesses)
		}
	})
	t.Run("of many at once no more pass", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimits()
		passed := make(chan bool)
		for range 100 {
			go func() { passed <- l.Allow(SignIn, "mira", "192.0.2.1") == nil }()
		}
		n := 0
		for range 100 {
			if <-passed {
				n++
			}
		}
		if n != 10 {
			t.Errorf("%d", n)
		}
	})
}

func TestBucketsStayBounded(t *testing.T) {
	t.Parallel()
	l, _ := newLimits()
	_ = tries(l, SignIn, 10, "mira", "192.0.2.1")
	kept := len(l.buckets.young)
	for i := range 1000 {
		_ = l.Allow(SignIn, "mira", "192.0.2.1")
		_ = l.Allow(SignIn, fmt.Sprint("noise", i), "192.0.2.1")
	}
	if n := len(l.buckets.young); n > kept+2*20 { // the 20 tries that the network had left
		t.Errorf("what is refused is kept: %d", n)
	}
	for i := range uint64(maxBuckets) {
		l.buckets.set(i, 1)
	}
	if err := l.Allow(SignIn, "mira", "192.0.2.1"); err == nil {
		t.Error("a flood of others lets the account go")
	}
	for i := range uint64(4 * maxBuckets) {
		l.buckets.set(i, 1)
	}
	if n := len(l.buckets.young) + len(l.buckets.old); n > 2*maxBuckets {
		t.Errorf("%d are kept", n)
	}
}

func TestTokenLimit(t *testing.T) {
	t.Parallel()
	l, clock := newLimits()
	for range 30 {
		if err := l.AllowToken("192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		l.WrongToken("192.0.2.1")
	}
	if wait := waits(t, l.AllowToken("192.0.2.1")); wait != 2*time.Second {
		t.Fatalf("waits %s", wait)
	}
	if err := l.AllowToken("192.0.2.2"); err != nil {
		t.Error(err)
	}
	for range 1000 {
		l.WrongToken("192.0.2.1") // those that were under way
	}
	if wait := waits(t, l.AllowToken("192.0.2.1")); wait != 2*time.Second {
		t.Errorf("many at once lock their network out for %s", wait)
	}
	clock.pass(time.Minute)
	if err := l.AllowToken("192.0.2.1"); err != nil {
		t.Error(err)
	}
}

func TestWrongSignaturesAreLoggedSparsely(t *testing.T) {
	t.Parallel()
	l, clock := newLimits()
	logged := 0
	for range 1000 {
		if l.WrongSignature() {
			logged++
		}
	}
	if logged != 60+4 { // 64, 128, 256, 512
		t.Errorf("%d of 1,000 are logged", logged)
	}
	clock.pass(time.Minute)
	if !l.WrongSignature() {
		t.Error("the next minute begins silent")
	}
}

// Long keys are hashed, so that they take no more memory than short ones.
func TestKeysAreDistinct(t *testing.T) {
	t.Parallel()
	l, _ := newLimits()
	seen := map[uint64]string{}
	for _, parts := range [][]string{{"a", "bc"}, {"ab", "c"}, {"abc"}, {"abc", ""}, {"", "abc"}, {strings.Repeat("a", 1000)}} {
		if was, ok := seen[l.key(parts...)]; ok {
			t.Errorf("%q and %q are one", parts, was)
		}
		seen[l.key(parts...)] = fmt.Sprint(parts)
	}
}
