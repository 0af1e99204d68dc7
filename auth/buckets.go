package auth

import (
	"net/netip"
	"time"
)

// maxBuckets bounds the memory of Limits: about 50 bytes each, twice.
const maxBuckets = 50_000

// rate is n at once, and one more in each nth part of per.
type rate struct {
	n   int
	per time.Duration
}

func (r rate) step() time.Duration { return r.per / time.Duration(r.n) }

// bucket is when, in Unix nanoseconds, all that was counted will be forgotten: each try moves it
// by a step (the generic cell rate algorithm). 0 is an empty one.
type bucket int64

// wait is how long the next try has to wait, not at all when it is 0 or less.
func (b bucket) wait(now time.Time, r rate) time.Duration { return b.waitBeyond(now, r, r.n) }

// waitBeyond is wait when only the first few may come at once.
func (b bucket) waitBeyond(now time.Time, r rate, free int) time.Duration {
	return time.Duration(int64(b)-now.UnixNano()) - time.Duration(free-1)*r.step()
}

// after is the bucket with one more try in it, never fuller than full.
func (b bucket) after(now time.Time, r rate) bucket {
	at := now.UnixNano()
	return bucket(min(max(int64(b), at)+int64(r.step()), at+int64(r.per)))
}

// less is the bucket with one try less in it.
func (b bucket) less(r rate) bucket { return b - bucket(r.step()) }

// buckets keeps those that were filled last: when the young ones become too many, they are the
// old ones, and those before them are forgotten.
type buckets struct{ young, old map[uint64]bucket }

func (k *buckets) get(key uint64) bucket {
	if b, ok := k.young[key]; ok {
		return b
	}
	return k.old[key]
}

func (k *buckets) set(key uint64, b bucket) {
	if k.young == nil || len(k.young) >= maxBuckets {
		k.young, k.old = map[uint64]bucket{}, k.young
	}
	k.young[key] = b
}

// network is what counts as one address: in IPv6 the first bits of it.
func network(ip string, bits int) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		p, _ := addr.Prefix(bits)
		return p.String()
	}
	return addr.String()
}
