package app

import (
	"sync"
	"time"
)

// versions knows the current version of what pages poll, so that a poll that finds nothing new
// reads no invoice. The writer raises them after the commit; what is not here is read once.
type versions struct {
	mu  sync.RWMutex
	m   map[string]int64
	gen int64 // rises when the map is emptied

	began int64 // Unix microseconds; more when the map was emptied
}

// maxVersions bounds the memory: about 100 bytes each.
const maxVersions = 200_000

func newVersions(now time.Time) *versions {
	return &versions{m: map[string]int64{}, began: now.UnixMicro()}
}

// invoiceKey holds the workspace as well: a poll with another workspace's id finds nothing.
func invoiceKey(workspaceID, invoiceID string) string { return workspaceID + "/" + invoiceID }

// get returns the version, or the generation to hand to fill once it has been read.
func (v *versions) get(key string) (n int64, ok bool, gen int64) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	n, ok = v.m[key]
	return n, ok, v.gen
}

// fill stores what a read found, unless the map was emptied since: then a newer version may
// have been forgotten.
func (v *versions) fill(key string, n, gen int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if gen == v.gen {
		v.set(key, n)
	}
}

// raise stores n unless a later version is known already.
func (v *versions) raise(key string, n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.set(key, n)
}

// count is a counter that lives in memory only: the workspace's list, its connection. It begins
// at the start of the process, and goes on from there when the map is emptied, so that whoever
// saw a number before never finds it again by chance.
func (v *versions) count(key string) int64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.began + v.m[key]
}

// bump adds one to such a counter.
func (v *versions) bump(key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.set(key, v.m[key]+1)
}

func (v *versions) set(key string, n int64) {
	if len(v.m) >= maxVersions {
		most := int64(0)
		for _, n := range v.m {
			most = max(most, n)
		}
		v.began += most + 1
		clear(v.m)
		v.gen++
	}
	v.m[key] = max(v.m[key], n)
}
