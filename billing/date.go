package billing

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Date is a day of the calendar without time or zone, as YYYY-MM-DD: an issue date, a due
// date. Dates are compared and stored as text. The zero value "" is no date.
type Date string

// The first and the last date that Trak takes: wide enough for every invoice, and narrow
// enough that no arithmetic on times can leave what they hold.
const (
	MinDate Date = "1970-01-01"
	MaxDate Date = "2100-12-31"
)

// ParseDate reads YYYY-MM-DD, the form in which browsers send a date field, between MinDate
// and MaxDate. The error is an InputError.
func ParseDate(s string) (Date, error) {
	d := Date(s)
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return "", InputError("Enter a date like 2026-12-07")
	}
	if !d.Valid() {
		return "", InputError("Enter a date between 1970 and 2100")
	}
	return d, nil
}

// MaxTerms is the longest time to pay that Trak takes, in days.
const MaxTerms = 365

// ParseTerms reads the days from the issue date to the due date, 0 to MaxTerms. The error is
// an InputError.
func ParseTerms(s string) (days int64, err error) {
	days, err = strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || days < 0 || days > MaxTerms {
		return 0, InputError(fmt.Sprintf("Enter a number of days from 0 to %d", MaxTerms))
	}
	return days, nil
}

// Today is the date at the moment now in the zone loc.
func Today(loc *time.Location, now time.Time) Date {
	return Date(now.In(loc).Format(time.DateOnly))
}

// Valid reports whether d is a day of the calendar between MinDate and MaxDate.
func (d Date) Valid() bool {
	_, err := time.Parse(time.DateOnly, string(d))
	return err == nil && d >= MinDate && d <= MaxDate
}

// Before reports whether d is earlier than o. Both must be valid.
func (d Date) Before(o Date) bool { return d < o }

// AddDays returns the date n days after d, or before it when n is negative. It stops at
// MinDate and MaxDate. No date stays no date.
func (d Date) AddDays(n int) Date {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return ""
	}
	const span = 200 * 366 // more days than the range has; keeps a huge n out of the arithmetic
	t = t.AddDate(0, 0, max(-span, min(n, span)))
	switch {
	case t.Year() < 1970:
		return MinDate
	case t.Year() > 2100:
		return MaxDate
	}
	return Date(t.Format(time.DateOnly))
}

// dateStyle is how a language writes a date: a layout for day, month and year, the first of
// a month where it differs, and the months as they are written inside it.
type dateStyle struct {
	layout string
	first  string
	months [12]string
}

var dateStyles = map[string]dateStyle{
	"en": {"%s %s %d", "1", [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}},
	"de": {"%s. %s %d", "1", [12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."}},
	"fr": {"%s %s %d", "1er", [12]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."}},
	"es": {"%s %s %d", "1", [12]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"}},
}

// Format writes d for people, in the language of the locale: "7 Dec 2026" in English. A
// language without month names here gets English ones; no date gives "".
func (d Date) Format(locale string) string {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return ""
	}
	language, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(locale), "_", "-"), "-")
	style, ok := dateStyles[language]
	if !ok {
		style = dateStyles["en"]
	}
	day := style.first
	if t.Day() > 1 {
		day = strconv.Itoa(t.Day())
	}
	return fmt.Sprintf(style.layout, day, style.months[t.Month()-1], t.Year())
}
