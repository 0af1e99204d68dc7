package handlers

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNext bounds the address that sign-in leads to.
const maxNext = 1024

// ownPath returns the address to go to after signing in when it is a path of ours, else "/".
// Browsers read a backslash as a slash and leave out tabs and line ends, so that /\host and
// /<tab>/host lead elsewhere.
func ownPath(next string) string {
	if len(next) > maxNext || !utf8.ValidString(next) || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.Contains(next, `\`) || strings.ContainsFunc(next, unicode.IsControl) {
		return "/"
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Path == "/signin" || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return next
}
