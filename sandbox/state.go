package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"slices"
	"time"
)

// saveEvery is how often a changed state is written while the sandbox runs.
const saveEvery = time.Second

// savedState is all that a sandbox knows, as its state file has it.
type savedState struct {
	Base        string            `json:"base"` // stays the same: stored addresses begin with it
	Seed        uint64            `json:"seed"`
	Platform    string            `json:"platform"`
	Application string            `json:"application"`
	Counts      map[string]uint64 `json:"counts"`
	Records     []savedRecord     `json:"records"` // each account's in the order of making
	Lookups     []savedLookup     `json:"lookups"`
	LinkTokens  map[string]string `json:"link_tokens"`
	Ahead       time.Duration     `json:"ahead"` // of the clock
	Debits      []string          `json:"debits"`
	Refunds     []string          `json:"unsettled_refunds"`
}

type savedRecord struct {
	Kind    string `json:"kind"`
	Account string `json:"account"`
	At      int    `json:"at"`
	Object  object `json:"object"`
	Hidden  object `json:"hidden"`
	Deleted bool   `json:"deleted,omitempty"`
}

type savedLookup struct{ Account, Key, ID string }

// load takes over what an earlier sandbox saved. It reports false when there is no such file.
func (s *Server) load(path string) (bool, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var saved savedState
	if err := decode(data, &saved); err != nil {
		return false, fmt.Errorf("read the sandbox's state %s: %w", path, err)
	}
	s.base, s.platform, s.application = saved.Base, saved.Platform, saved.Application
	s.store = newStore(saved.Seed)
	s.counts = saved.Counts
	for _, r := range saved.Records {
		back := s.add(r.Kind, r.Account, integers(r.Object).(object))
		back.hidden, back.deleted = integers(r.Hidden).(object), r.Deleted
		if body, ok := back.hidden["body"].(string); ok {
			back.hidden["body"] = json.RawMessage(body) // an event, byte for byte as it was signed
		}
		if payout := text(back.hidden, "payout"); payout != "" {
			s.enlist(back, "payout", payout)
		}
		switch {
		case back.kind == "balance_transaction":
			s.count(back)
		case back.kind == "refund" && back.obj["status"] == "pending" && back.obj["balance_transaction"] == nil:
			s.waitingRefunds = append(s.waitingRefunds, back)
		}
		s.setAlarm(back)
	}
	for _, l := range saved.Lookups {
		s.lookups[lookup{l.Account, l.Key}] = s.records[l.ID]
	}
	for token, id := range saved.LinkTokens {
		s.linkTokens[token] = s.records[id]
	}
	s.debits, s.unsettledRefunds = s.all(saved.Debits), s.all(saved.Refunds)
	s.ahead.Store(int64(saved.Ahead))
	return true, nil
}

// save writes the whole state beside its file and then puts it in the file's place.
func (s *Server) save(path string) error {
	data, err := json.Marshal(s.saved())
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (s *Server) saved() savedState {
	out := savedState{
		Base: s.base, Seed: s.seed, Ahead: time.Duration(s.ahead.Load()), Platform: s.platform, Application: s.application, Counts: s.counts,
		LinkTokens: map[string]string{}, Debits: ids(s.debits), Refunds: ids(s.unsettledRefunds),
	}
	for _, list := range s.lists {
		for _, r := range list {
			hidden := maps.Clone(r.hidden)
			if body, ok := hidden["body"].(json.RawMessage); ok {
				hidden["body"] = string(body)
			}
			out.Records = append(out.Records, savedRecord{r.kind, r.account, r.at, r.obj, hidden, r.deleted})
		}
	}
	slices.SortFunc(out.Records, func(a, b savedRecord) int { return a.At - b.At })
	for key, r := range s.lookups {
		out.Lookups = append(out.Lookups, savedLookup{key.account, key.key, r.id()})
	}
	for token, r := range s.linkTokens {
		out.LinkTokens[token] = r.id()
	}
	return out
}

// keepSaved writes the state whenever it has changed, until the sandbox stops. Every change
// makes an object or an event, and so an id.
func (s *Server) keepSaved(ctx context.Context, path string) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	var before uint64
	for {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		s.mu.Lock()
		var made uint64
		for _, n := range s.counts {
			made += n
		}
		var err error
		if made != before {
			err = s.save(path)
		}
		before = made
		s.mu.Unlock()
		if err != nil {
			s.log.Error("save the sandbox's state", "error", err)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// savedAddr is the address that a loaded state was served at, for Start.
func (s *Server) savedAddr(asked string) string {
	u, err := url.Parse(s.base)
	if err != nil || u.Host == "" {
		return asked
	}
	return u.Host
}

func (s *Server) all(ids []string) (list []*record) {
	for _, id := range ids {
		if r := s.records[id]; r != nil {
			list = append(list, r)
		}
	}
	return list
}

func ids(list []*record) (ids []string) {
	for _, r := range list {
		ids = append(ids, r.id())
	}
	return ids
}
