package app_test

import (
	"strings"
	"testing"

	"trak/app"
)

// PostgreSQL takes neither a zero byte nor half a character.
func TestTextsOfErrorsAreBoundedAndCanBeStored(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"short":                         "short",
		"a\x00b":                        "ab",
		"half \xc3":                     "half ",
		strings.Repeat("a", 500):        strings.Repeat("a", 500),
		strings.Repeat("a", 501):        strings.Repeat("a", 500) + "…",
		strings.Repeat("a", 499) + "éé": strings.Repeat("a", 499) + "…",
	} {
		if got := app.Clip(in); got != want {
			t.Errorf("%q becomes %q", in, got)
		}
	}
}
