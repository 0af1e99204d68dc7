package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// param describes a parameter as Stripe's description does; gen/main.go makes it.
type param struct {
	Scalar   string            `json:"s"` // string, integer, number, boolean; empty when it is no text
	Words    []string          `json:"e"` // the only texts allowed
	Clears   bool              `json:"x"` // an empty text removes the value
	Longest  int               `json:"n"` // in characters; 0 is no limit
	Keys     map[string]*param `json:"p"`
	Required []string          `json:"r"`
	Open     *param            `json:"o"` // any key, as in metadata
	Items    *param            `json:"i"`
}

// Stripe's documented limits of metadata.
const (
	metadataKeys  = 50
	metadataKey   = 40
	metadataValue = 500
)

// read turns a form into typed values, or says as Stripe does what is wrong with it.
func (p *param) read(path string, f *field) (any, *apiError) {
	switch {
	case f.keys == nil:
		return p.readText(path, f.text)
	case p.Items != nil:
		return p.readItems(path, f)
	case p.Keys != nil || p.Open != nil:
		return p.readObject(path, f)
	case p.Scalar == "" && path == "":
		return p.readObject(path, f)
	}
	return nil, invalid("", path, "Invalid %s: must be a %s", path, p.Scalar)
}

func (p *param) readText(path, value string) (any, *apiError) {
	if value == "" && p.Clears {
		return "", nil
	}
	switch p.Scalar {
	case "string":
		if len(p.Words) > 0 && !slices.Contains(p.Words, value) {
			return nil, invalid("", path, "Invalid %s: must be one of %s", path, sentence(p.Words))
		}
		if p.Longest > 0 && utf8.RuneCountInString(value) > p.Longest {
			return nil, invalid("", path, "Invalid string: must be at most %d characters", p.Longest)
		}
		return value, nil
	case "integer":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, invalid("parameter_invalid_integer", path, "Invalid integer: %s", value)
		}
		return n, nil
	case "number":
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || n-n != 0 { // an infinity or no number at all
			return nil, invalid("", path, "Invalid decimal: %s", value)
		}
		return n, nil
	case "boolean":
		if value != "true" && value != "false" {
			return nil, invalid("", path, "Invalid boolean: %s", value)
		}
		return value == "true", nil
	}
	if p.Items != nil {
		return nil, invalid("", path, "Invalid array")
	}
	return nil, invalid("", path, "Invalid object")
}

func (p *param) readItems(path string, f *field) (any, *apiError) {
	items := make([]any, 0, len(f.keys))
	for i := range len(f.keys) {
		at := fmt.Sprintf("%s[%d]", path, i)
		item := f.keys[strconv.Itoa(i)]
		if item == nil {
			return nil, invalid("", path, "Invalid array: its items must be numbered from 0")
		}
		value, err := p.Items.read(at, item)
		if err != nil {
			return nil, err
		}
		items = append(items, value)
	}
	return items, nil
}

func (p *param) readObject(path string, f *field) (any, *apiError) {
	values := make(object, len(f.keys))
	for _, key := range sorted(f.keys) {
		at := key
		if path != "" {
			at = path + "[" + key + "]"
		}
		known := p.Keys[key]
		if known == nil {
			known = p.Open
		}
		if known == nil {
			return nil, invalid("parameter_unknown", at, "Received unknown parameter: %s", at)
		}
		value, err := known.read(at, f.keys[key])
		if err != nil {
			return nil, err
		}
		values[key] = value
	}
	for _, key := range p.Required {
		if _, ok := values[key]; !ok {
			at := key
			if path != "" {
				at = path + "[" + key + "]"
			}
			return nil, invalid("parameter_missing", at, "Missing required param: %s.", at)
		}
	}
	if p.Open != nil {
		return values, checkMetadata(path, values)
	}
	return values, nil
}

func checkMetadata(path string, values object) *apiError {
	if len(values) > metadataKeys {
		return invalid("", path, "You can have at most %d metadata keys", metadataKeys)
	}
	for key, value := range values {
		value, _ := value.(string)
		if utf8.RuneCountInString(key) > metadataKey {
			return invalid("", path, "Metadata keys must be at most %d characters", metadataKey)
		}
		if utf8.RuneCountInString(value) > metadataValue {
			return invalid("", path, "Metadata values must be at most %d characters", metadataValue)
		}
	}
	return nil
}

// sentence lists words as Stripe's messages do: a, b, or c.
func sentence(words []string) string {
	if len(words) > 8 {
		words = append(slices.Clone(words[:8]), "…")
	}
	list := ""
	for i, word := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			list += ", or "
		default:
			list += ", "
		}
		list += word
	}
	return list
}
