package handlers

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/gofiber/fiber/v2"

	"trak/billing"
)

// Limits of a form.
const (
	maxFields = 1000
	maxField  = 10_000 // bytes of one value
)

// form is what somebody sent, with what is wrong with it, so that the page shows it again:
// {{.Form.Value "email"}}, {{.Form.Error "email"}}.
type form struct {
	values map[string]string
	order  []string // of the fields, as they stand on the page
	Errors billing.FieldErrors
}

// formOf is a form that was not sent yet, filled in with what is likely.
func formOf(values map[string]string) form { return form{values: values} }

// readForm reads the fields of the body, never those of the query. Each value is copied, is
// valid UTF-8 and has no control characters but line ends; of two with one name the first counts.
func readForm(c *fiber.Ctx) (form, error) {
	f := form{values: map[string]string{}}
	if len(c.Request().Body()) == 0 {
		return f, nil
	}
	kind, _, _ := strings.Cut(c.Get(fiber.HeaderContentType), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), fiber.MIMEApplicationForm) {
		return f, fiber.ErrUnsupportedMediaType
	}
	args := c.Request().PostArgs()
	if args.Len() > maxFields {
		return f, fiber.ErrRequestEntityTooLarge
	}
	for name, value := range args.All() {
		if len(value) > maxField {
			return f, fiber.ErrRequestEntityTooLarge
		}
		if _, ok := f.values[string(name)]; !ok {
			f.values[string(name)] = clean(string(value))
			f.order = append(f.order, string(name))
		}
	}
	return f, nil
}

// Value is a field as it was sent, or "".
func (f form) Value(name string) string { return f.values[name] }

// Line is a field of one line, without space around it.
func (f form) Line(name string) string {
	return strings.Join(strings.Fields(f.values[name]), " ")
}

// Is says whether a field has a value, for options to choose from.
func (f form) Is(name, value string) bool { return f.values[name] == value }

// Error is what is wrong with a field, or "".
func (f form) Error(name string) string { return f.Errors[name] }

// field is what the partials of a form show of a field.
type field struct {
	Name, Error string
	First       bool // of those with an error
}

// Problems are the fields with an error, in the order of the page.
func (f form) Problems() []field {
	var all []field
	known := f.order
	for _, name := range slices.Sorted(maps.Keys(f.Errors)) {
		if !slices.Contains(known, name) {
			known = append(known, name) // a box that was not ticked is not sent
		}
	}
	for _, name := range known {
		if text := f.Errors[name]; text != "" {
			all = append(all, field{name, text, len(all) == 0})
		}
	}
	return all
}

// State is one field: {{template "error" (.Form.State "email")}}.
func (f form) State(name string) field {
	for _, p := range f.Problems() {
		if p.Name == name {
			return p
		}
	}
	return field{Name: name}
}

// clean drops what no field of ours takes: control characters other than line ends and tabs,
// broken UTF-8, and marks that turn the direction of the text around them.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return -1
		}
		return r
	}, s)
}
