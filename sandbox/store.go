package sandbox

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
)

// object is a thing of Stripe's as its JSON has it. Integers are int64, text is string.
type object = map[string]any

//go:generate go run gen/main.go

//go:embed fixtures.json
var fixturesJSON []byte

// description is Stripe's own description of what the sandbox serves, read once.
var description = func() (d struct {
	Objects map[string]object `json:"objects"`
	Params  map[string]*param `json:"params"`
}) {
	if err := decode(fixturesJSON, &d); err != nil {
		panic(fmt.Sprintf("sandbox/fixtures.json: %v", err)) // embedded: wrong only in a broken build
	}
	for kind, blank := range d.Objects {
		d.Objects[kind] = integers(blank).(object)
	}
	return d
}()

// decode reads JSON and keeps numbers as they stand.
func decode(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// record is an object with what Stripe knows of it and doesn't tell.
type record struct {
	kind    string
	account string // connected account that owns it; empty for the platform
	at      int    // position among its account's objects of its kind
	obj     object
	hidden  object
	deleted bool
}

func (r *record) id() string { return text(r.obj, "id") }

type listKey struct{ account, kind string }

type lookup struct{ account, key string }

// listedBy are the keys by whose value lists of a kind are asked for, so that such a list reads
// only what belongs to it. Of a balance transaction, payout is what Stripe knows and doesn't tell.
var listedBy = map[string][]string{
	"balance_transaction":       {"source", "payout"},
	"charge":                    {"payment_intent"},
	"checkout.session":          {"payment_intent", "payment_link"},
	"dispute":                   {"charge", "payment_intent"},
	"radar.early_fraud_warning": {"charge", "payment_intent"},
	"refund":                    {"charge", "payment_intent"},
}

// reference is an object's value of a key that it is listed by.
type reference struct{ account, kind, key, value string }

// store keeps every object, by id and, for each account, in the order of making.
type store struct {
	seed    uint64
	counts  map[string]uint64 // ids made, by prefix
	records map[string]*record
	lists   map[listKey][]*record
	mixed   map[listKey]bool             // lists whose order isn't that of time, because the clock was set back
	index   map[reference][]*record      // in the order of making
	funds   map[string]map[string]*funds // by account and currency: the sum of its balance transactions

	alarms    alarms // what time alone will bring about
	alarmsSet uint64

	lookups          map[lookup]*record     // prices that were given a lookup key
	onboardings      map[string]*onboarding // account links, by token
	linkTokens       map[string]*record     // Payment Links, by the token of their address
	debits           []*record              // charges of bank debits that are processing
	unsettledRefunds []*record
	waitingRefunds   []*record // for money to pay them with
}

func newStore(seed uint64) store {
	return store{
		seed: seed, counts: map[string]uint64{},
		records: map[string]*record{}, lists: map[listKey][]*record{}, mixed: map[listKey]bool{}, index: map[reference][]*record{}, funds: map[string]map[string]*funds{},
		lookups: map[lookup]*record{}, onboardings: map[string]*onboarding{}, linkTokens: map[string]*record{},
	}
}

// newID makes an id of Stripe's form. It follows from the seed, the prefix and how many were
// made before it with that prefix, so that one kind's ids don't depend on another's.
func (s *store) newID(prefix string, length int) string {
	s.counts[prefix]++
	var id string
	for block := uint64(0); len(id) < length; block++ {
		input := binary.LittleEndian.AppendUint64(nil, s.seed)
		input = binary.LittleEndian.AppendUint64(input, s.counts[prefix])
		input = binary.LittleEndian.AppendUint64(input, block)
		sum := sha256.Sum256(append(input, prefix...))
		id += new(big.Int).SetBytes(sum[:]).Text(62)
	}
	return prefix + id[:length]
}

// add keeps a new object. Its id must be set.
func (s *store) add(kind, account string, obj object) *record {
	key := listKey{account, kind}
	r := &record{kind: kind, account: account, at: len(s.lists[key]), obj: obj, hidden: object{}}
	if r.at > 0 && number(obj, "created") < number(s.lists[key][r.at-1].obj, "created") {
		s.mixed[key] = true
	}
	s.lists[key] = append(s.lists[key], r)
	s.records[r.id()] = r
	for _, by := range listedBy[kind] {
		if value := text(obj, by); value != "" {
			s.enlist(r, by, value)
		}
	}
	return r
}

// refer sets a key that an object is listed by, once.
func (s *store) refer(r *record, key, value string) {
	r.obj[key] = value
	s.enlist(r, key, value)
}

// enlist has an object found by the value of a key.
func (s *store) enlist(r *record, key, value string) {
	at := reference{r.account, r.kind, key, value}
	list := s.index[at]
	i, _ := slices.BinarySearchFunc(list, r.at, byAge)
	s.index[at] = slices.Insert(list, i, r)
}

func byAge(r *record, at int) int { return cmp.Compare(r.at, at) }

// listed are an account's objects of a kind, or those of them that have a value of a key.
func (s *store) listed(account, kind, key, value string) []*record {
	if key == "" {
		return s.lists[listKey{account, kind}]
	}
	return s.index[reference{account, kind, key, value}]
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// find returns an object of an account, or nil: another account's object doesn't exist for it.
func (s *store) find(account, kind, id string) *record {
	r := s.records[id]
	if r == nil || r.kind != kind || r.account != account || r.deleted {
		return nil
	}
	return r
}

// blank is a fresh object of a kind.
func blank(kind string) object { return clone(description.Objects[kind]).(object) }

func clone(v any) any {
	switch v := v.(type) {
	case object:
		c := make(object, len(v))
		for key, value := range v {
			c[key] = clone(value)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, value := range v {
			c[i] = clone(value)
		}
		return c
	}
	return v
}

func integers(v any) any {
	switch v := v.(type) {
	case object:
		for key, value := range v {
			v[key] = integers(value)
		}
	case []any:
		for i, value := range v {
			v[i] = integers(value)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
	}
	return v
}

// changed returns the keys of before whose values differ now, with their old values, as
// Stripe's previous_attributes have them.
func changed(before, now object) object {
	old := object{}
	for key, value := range before {
		if !reflect.DeepEqual(value, now[key]) {
			old[key] = value
		}
	}
	return old
}

func text(o object, key string) string    { v, _ := o[key].(string); return v }
func number(o object, key string) int64   { v, _ := o[key].(int64); return v }
func truth(o object, key string) bool     { v, _ := o[key].(bool); return v }
func child(o object, key string) object   { v, _ := o[key].(object); return v }
func children(o object, key string) []any { v, _ := o[key].([]any); return v }

// nullable is text as Stripe shows it: null instead of empty.
func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// setMetadata merges metadata as Stripe does: an empty value removes its key, an empty whole
// removes all.
func setMetadata(o object, in any) {
	if in == "" {
		o["metadata"] = object{}
		return
	}
	given, ok := in.(object)
	if !ok {
		return
	}
	merged := object{}
	for key, value := range child(o, "metadata") {
		merged[key] = value
	}
	for key, value := range given {
		if value == "" {
			delete(merged, key)
		} else {
			merged[key] = value
		}
	}
	o["metadata"] = merged
}
