// Package logs makes what Trak logs fit to be kept and passed on: no secret, no token, no
// person's address, and nothing that a terminal would obey.
package logs

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Text and JSON are the formats of New.
const (
	Text = "text"
	JSON = "json"
)

// New is a logger in one of the formats, which writes from the level on, scrubbed.
func New(w io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: scrub}
	if format == JSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// Redacted stands for what is not to be seen.
const Redacted = "[redacted]"

// hiddenKeys are parts of the names of attributes whose value is never logged, in lower case and
// without dashes and underscores.
var hiddenKeys = []string{"authorization", "cookie", "signature", "password", "passphrase", "token", "secret", "csrf", "apikey", "body"}

// scrub is the value of one attribute, the message included, as it may be logged.
func scrub(groups []string, a slog.Attr) slog.Attr {
	if hides(a.Key) {
		return slog.String(a.Key, Redacted)
	}
	for _, g := range groups {
		if hides(g) {
			return slog.String(a.Key, Redacted)
		}
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(Scrub(a.Value.String()))
	case slog.KindAny: // an error, or anything else that has a text
		a.Value = slog.StringValue(Scrub(text(a.Value.Any())))
	}
	return a
}

// hides says whether a name is that of something secret. A bare "code" is one that a person types.
func hides(key string) bool {
	key = strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(key))
	if key == "code" || key == "otp" {
		return true
	}
	for _, part := range hiddenKeys {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}

// text is what a value says. Its own String or Error may panic, as on a nil pointer.
func text(v any) string {
	if level, ok := v.(slog.Level); ok {
		return level.String()
	}
	return fmt.Sprintf("%+v", v)
}
