package connect

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The types in this file are kinds of values in Stripe's JSON, each with the limits that keep
// what is stored in bounds.

const maxIDLength = 255

// id is the id of an object, or a reference to one: null, a string, or the object itself
// where it was expanded.
type id string

func (v *id) UnmarshalJSON(b []byte) error {
	var s string
	switch b[0] {
	case 'n':
		return nil
	case '{':
		var object struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(b, &object); err != nil {
			return err
		}
		s = object.ID
	default:
		var err error
		if s, err = unquote(b); err != nil {
			return err
		}
	}
	if !printable(s) {
		return errors.New("an id is too long or has characters that no id has")
	}
	*v = id(s)
	return nil
}

// printable reports whether s is fit to be stored as an identifier of Stripe's.
func printable(s string) bool {
	return len(s) <= maxIDLength && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// maxAmount is more than Stripe ever moves at once, in the minor units of any currency, and so
// little that thousands of them add up without an overflow.
const maxAmount = 1e15

// signed is an amount in minor units that may go either way; null is 0.
type signed int64

func (v *signed) UnmarshalJSON(b []byte) error {
	if b[0] == 'n' {
		return nil
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return errors.New("an amount is no whole number")
	}
	if n > maxAmount || n < -maxAmount {
		return errors.New("an amount is larger than any of Stripe's")
	}
	*v = signed(n)
	return nil
}

// minor is an amount in minor units that can't be negative; null is 0.
type minor int64

func (v *minor) UnmarshalJSON(b []byte) error {
	var n signed
	if err := n.UnmarshalJSON(b); err != nil {
		return err
	}
	if n < 0 {
		return errors.New("an amount is negative")
	}
	*v = minor(n)
	return nil
}

// seconds is a Unix time of Stripe's; null is 0.
type seconds int64

// micros converts to Unix microseconds; what lies outside the years 1970 to 9999 is 0.
func (v seconds) micros() int64 {
	const year10000 = 253402300800
	if v < 0 || v >= year10000 {
		return 0
	}
	return int64(v) * 1e6
}

// moment is the time in an event's envelope: full seconds, or in API v2 a text.
type moment seconds

func (v *moment) UnmarshalJSON(b []byte) error {
	if b[0] != '"' {
		return json.Unmarshal(b, (*int64)(v))
	}
	t, err := time.Parse(`"`+time.RFC3339+`"`, string(b))
	*v = moment(max(0, t.Unix()))
	return err
}

// text is a short string for people or for comparing; what is no string is left out, and
// control characters and anything beyond 500 characters are cut away.
type text string

func (v *text) UnmarshalJSON(b []byte) error {
	if b[0] != '"' {
		return nil
	}
	s, err := unquote(b)
	if err != nil {
		return err
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	*v = text(clip(s, 500))
	return nil
}

// unquote reads a JSON string. Nearly all of Stripe's need no unescaping, and an event has
// dozens of them.
func unquote(b []byte) (string, error) {
	if len(b) >= 2 && b[0] == '"' && !bytes.ContainsFunc(b, func(r rune) bool { return r == '\\' || r == utf8.RuneError }) {
		return string(b[1 : len(b)-1]), nil
	}
	var s string
	err := json.Unmarshal(b, &s)
	return s, err
}

func first(a, b text) text {
	if a != "" {
		return a
	}
	return b
}

// metadata is what we look for in an object's metadata. The owner of the account can write
// anything there.
type metadata struct{ InvoiceID, RefundID text }

func (m *metadata) UnmarshalJSON(b []byte) error {
	var ours struct {
		InvoiceID text `json:"trak_invoice_id"`
		RefundID  text `json:"trak_refund_id"`
	}
	if b[0] != '{' || json.Unmarshal(b, &ours) != nil {
		return nil // a hint only: never a reason to lose a payment
	}
	m.InvoiceID, m.RefundID = ours.InvoiceID, ours.RefundID
	return nil
}

// method is how a charge was paid. Its details stand under a key named after the type.
type method struct{ kind, brand, last4 text }

func (m *method) UnmarshalJSON(b []byte) error {
	var all map[string]json.RawMessage
	if b[0] != '{' || json.Unmarshal(b, &all) != nil {
		return nil // shown to people only: never a reason to lose a payment
	}
	if raw, ok := all["type"]; ok {
		_ = m.kind.UnmarshalJSON(raw)
	}
	var details struct {
		Brand text `json:"brand"`
		Last4 text `json:"last4"`
	}
	if raw, ok := all[string(m.kind)]; ok && json.Unmarshal(raw, &details) == nil {
		m.brand, m.last4 = details.Brand, details.Last4
	}
	return nil
}
