package sandbox

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
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

// store keeps every object, by id and, for each account, in the order of making.
type store struct {
	seed    uint64
	counts  map[string]uint64 // ids made, by prefix
	records map[string]*record
	lists   map[listKey][]*record

	lookups          map[lookup]*record     // prices that were given a lookup key
	onboardings      map[string]*onboarding // account links, by token
	linkTokens       map[string]*record     // Payment Links, by the token of their address
	openPages        []*record              // Checkout sessions that may have to expire, oldest first
	debits           []*record              // charges of bank debits that are processing
	unsettledRefunds []*record
}

func newStore(seed uint64) store {
	return store{
		seed: seed, counts: map[string]uint64{},
		records: map[string]*record{}, lists: map[listKey][]*record{},
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
	s.lists[key] = append(s.lists[key], r)
	s.records[r.id()] = r
	return r
}

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
