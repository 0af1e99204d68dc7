package sandbox

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Limits of a request. Stripe's own are wider; nothing that invoices send comes near.
const (
	maxBody  = 1 << 20
	maxKeys  = 1000
	maxDepth = 8
)

// field is a form value: a text, or named or numbered fields below it.
type field struct {
	text string
	keys map[string]*field // nil for a text
}

// parseForm reads Stripe's form encoding, application/x-www-form-urlencoded with nested keys:
//
//	line_items[0][price]=price_1&metadata[order]=7&expand[]=customer
//
// An empty pair of brackets takes the next number. Of a key given twice the last counts.
func parseForm(form string) (*field, error) {
	root := &field{keys: map[string]*field{}}
	pairs := 0
	for pair := range strings.SplitSeq(form, "&") {
		if pair == "" {
			continue
		}
		if pairs++; pairs > maxKeys {
			return nil, fmt.Errorf("more than %d parameters", maxKeys)
		}
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(rawKey)
		if err != nil {
			return nil, fmt.Errorf("parameter name: %w", err)
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, fmt.Errorf("value of %s: %w", key, err)
		}
		path, err := keyPath(key)
		if err != nil {
			return nil, err
		}
		if err := root.set(path, value); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", key, err)
		}
	}
	return root, nil
}

// keyPath splits "a[b][0]" into a, b and 0.
func keyPath(key string) ([]string, error) {
	name, rest, nested := strings.Cut(key, "[")
	if name == "" || strings.Contains(name, "]") {
		return nil, fmt.Errorf("parameter name %q is malformed", key)
	}
	path := []string{name}
	for nested {
		part, after, closed := strings.Cut(rest, "]")
		if !closed || strings.Contains(part, "[") {
			return nil, fmt.Errorf("parameter name %q is malformed", key)
		}
		if path = append(path, part); len(path) > maxDepth {
			return nil, fmt.Errorf("parameter name %q is nested too deeply", key)
		}
		if after == "" {
			break
		}
		if after[0] != '[' {
			return nil, fmt.Errorf("parameter name %q is malformed", key)
		}
		rest = after[1:]
	}
	return path, nil
}

func (f *field) set(path []string, value string) error {
	at := f
	for i, key := range path {
		if at.keys == nil {
			return fmt.Errorf("is both a value and a group")
		}
		if key == "" {
			key = strconv.Itoa(len(at.keys))
		}
		next := at.keys[key]
		if next == nil {
			next = &field{}
			if i < len(path)-1 {
				next.keys = map[string]*field{}
			}
			at.keys[key] = next
		}
		at = next
	}
	if at.keys != nil {
		return fmt.Errorf("is both a value and a group")
	}
	at.text = value
	return nil
}
