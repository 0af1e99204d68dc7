package logs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"trak/logs"
)

func TestScrub(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"nothing to hide: 42 EUR, acct_1Abc, pi_3Xyz, req_9":  "nothing to hide: 42 EUR, acct_1Abc, pi_3Xyz, req_9",
		"the key sk_live_51Canary is refused":                 "the key [redacted] is refused",
		"rk_test_51Canary":                                    "[redacted]",
		"sk_51CANARY":                                         "[redacted]",
		"whsec_Canary+/=":                                     "[redacted]",
		"token trk_inv_Can-ary_1.":                            "token [redacted].",
		"pi_3Xyz_secret_Canary":                               "[redacted]",
		"Authorization: Bearer canary.canary":                 "Authorization: Bearer [redacted]",
		"authorization: basic Y2FuYXJ5OmNhbmFyeQ==":           "authorization: Basic [redacted]",
		"t=1700000000,v1=c0ffee,v0=c0ffee":                    "[redacted]",
		"trak_session_token=canary; theme=dark":               "trak_session_token=[redacted]; theme=dark",
		"dial smtp://mail:canary@mx.example:587: refused":     "dial smtp://[redacted]@mx.example:587: refused",
		"GET /i/Canary-token_1/pay":                           "GET /i/[redacted]/pay",
		`Get "https://api.example/v1/x?email=canary&a=b": no`: `Get "https://api.example/v1/x?[redacted]": no`,
		"550 <kim.canary+x@client.example>: unknown":          "550 <[redacted]>: unknown",
		"Jürgen.canary@münchen.example":                       "[redacted]",
		"is it so?":                                           "is it so?",
		"two\nlines\tand a tab":                               "two\nlines\tand a tab",
		"red \x1b[31m, bell \a, \u009b, \u202eevil, \x00\x7f": `red \x1b[31m, bell \a, \u009b, \u202eevil, \x00\x7f`,
		"a\rb": `a\rb`,
	} {
		if got := logs.Scrub(given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

type secretive struct{ Name, Key string }

func (secretive) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", "n"), slog.String("api-key", "canary"))
}

func TestLogger(t *testing.T) {
	t.Parallel()
	for _, format := range []string{logs.Text, logs.JSON} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := logs.New(&out, format, slog.LevelDebug)
			for _, key := range []string{
				"authorization", "Authorization", "cookie", "Set-Cookie", "stripe-signature", "password", "new_password", "token", "csrf_token",
				"secret", "webhookSecret", "code", "body", "mail_body",
			} {
				log.Debug("hidden by its key", key, "canary")
			}
			log.Error("by its pattern sk_live_canary", "error", fmt.Errorf("create: %w", errors.New("key rk_live_canary")), "panic", fmt.Sprint(errors.New("whsec_canary")))
			log.Info("in what is no text", "list", []string{"sk_live_canary"}, "pointer", &secretive{Key: "sk_live_canary"}, "map", map[string]string{"a": "trk_canary"})
			log.With("token", "canary").WithGroup("cookie").With("a", "canary").Info("before", "value", "canary")
			log.Info("in a group", slog.Group("request", slog.Group("authorization", "value", "canary"), "path", "/i/canary"), "who", secretive{})
			log.Info("a\nforged=line \x1b[2J\u202e", "agent", "x\r\ntime=now level=ERROR \x1b]0;owned\a", "\x1b[31mkey", 1)
			for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
				if strings.Contains(line, "canary") {
					t.Errorf("a secret is logged: %s", line)
				}
				if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e }) {
					t.Errorf("a control character is logged: %q", line)
				}
				if format == logs.JSON && !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %s", line)
				}
				if format == logs.Text && !strings.HasPrefix(line, "time=") {
					t.Errorf("a line that nobody wrote: %s", line)
				}
			}
			if !strings.Contains(out.String(), "by its pattern [redacted]") {
				t.Error("what may be logged is not there")
			}
		})
	}
}
