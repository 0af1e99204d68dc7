package logs

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// patterns are what is taken out of any text, and what takes its place. Each begins with something
// that is cheap to find.
var patterns = []struct {
	begins string // in lower case; a text without it is not searched
	is     *regexp.Regexp
	with   string
}{
	// Keys and signing secrets of Stripe's, client secrets, and tokens of Trak's own.
	{"k_", regexp.MustCompile(`\b[sr]k_[A-Za-z0-9_]+`), Redacted},
	{"whsec_", regexp.MustCompile(`\bwhsec_[A-Za-z0-9_+/=]*`), Redacted},
	{"trk_", regexp.MustCompile(`\btrk_[A-Za-z0-9_-]+`), Redacted},
	{"_secret_", regexp.MustCompile(`\b[A-Za-z0-9]+_[A-Za-z0-9]+_secret_[A-Za-z0-9]+`), Redacted},
	// What opens a door in HTTP.
	{"bearer", regexp.MustCompile(`(?i)\bbearer\s+[^\s",;]+`), "Bearer " + Redacted},
	{"basic", regexp.MustCompile(`(?i)\bbasic\s+[A-Za-z0-9+/]{8,}=*`), "Basic " + Redacted},
	{"v1=", regexp.MustCompile(`\bt=\d+,(?:v\d=[0-9a-f]+,?)+`), Redacted}, // Stripe's signature
	{"=", regexp.MustCompile(`(?i)\b([\w-]*(?:password|passwd|secret|token|csrf|cookie))=[^\s&;,"']+`), "$1=" + Redacted},
	{"://", regexp.MustCompile(`://[^\s/@"']+@`), "://" + Redacted + "@"},
	// Addresses of pages that only their holder knows, and what is in the query of any.
	{"/i/", regexp.MustCompile(`/i/[A-Za-z0-9_-]+`), "/i/" + Redacted},
	{"?", regexp.MustCompile(`\?[\w.%+\[\]-]+=[^\s"'<>]*`), "?" + Redacted},
	// People.
	{"@", regexp.MustCompile(`[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+`), Redacted},
}

// Scrub takes secrets, tokens and people's addresses out of a text, and makes its control
// characters visible, so that a terminal that shows it obeys none. Line ends and tabs stay.
func Scrub(s string) string {
	lower := strings.ToLower(s)
	for _, p := range patterns {
		if strings.Contains(lower, p.begins) {
			s = p.is.ReplaceAllString(s, p.with)
		}
	}
	return visible(s)
}

// visible writes what is neither printed nor a space as \x1b or \u202e.
func visible(s string) string {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
