package billing

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// InputError says, to the person who typed something, what to type instead. It is shown as
// it stands beside the field.
type InputError string

func (e InputError) Error() string { return string(e) }

// FieldErrors is all that is wrong with a form: the name of each field, such as
// "line[0].description", with the sentence to show beside it. It is an error; return it
// through Err, so that an empty one is nil.
type FieldErrors map[string]string

// Add notes what is wrong with a field. The first message of a field stays, because what
// follows is mostly a consequence of it.
func (f FieldErrors) Add(field, message string) {
	if _, ok := f[field]; !ok {
		f[field] = message
	}
}

// Check adds err, when it is one, to a field. Anything but an InputError is a fault of ours
// and not of the person, whom its text would not help: they are asked to look again.
func (f FieldErrors) Check(field string, err error) {
	if err == nil {
		return
	}
	var input InputError
	if errors.As(err, &input) {
		f.Add(field, string(input))
		return
	}
	f.Add(field, "Check this value")
}

// CheckLength notes that a text has more characters than a field takes.
func (f FieldErrors) CheckLength(field, text string, most int) {
	if utf8.RuneCountInString(text) > most {
		f.Add(field, "At most "+formatNumber(int64(most), 0, 0, "en")+" characters")
	}
}

// Merge adds the errors of other; where both have a field, the message of f stays.
func (f FieldErrors) Merge(other FieldErrors) {
	for field, message := range other {
		f.Add(field, message)
	}
}

// Err returns f as an error, or nil when nothing is wrong.
func (f FieldErrors) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Error lists the fields in alphabetical order, for logs and tests.
func (f FieldErrors) Error() string {
	var all []string
	for _, field := range slices.Sorted(maps.Keys(f)) {
		all = append(all, field+": "+f[field])
	}
	return strings.Join(all, "; ")
}
