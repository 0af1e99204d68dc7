package connect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	stripeSays := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Request-Id", "req_1")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	fault := func(code, message string) string {
		return fmt.Sprintf(`{"error":{"type":"invalid_request_error","code":%q,"message":%q}}`, code, message)
	}
	tests := []struct {
		name      string
		answer    http.HandlerFunc
		status    int
		code      string
		temporary bool
		gone      bool
		message   string // part of what people read
	}{
		{"account gone", stripeSays(403, fault("account_invalid", "The provided key 'sk_test_********nary' does not have access to account 'acct_1' (or that account does not exist). Application access may have been revoked.")),
			403, "account_invalid", false, true, "no longer gives access"},
		{"account_invalid is only believed with a 403", stripeSays(400, fault("account_invalid", "odd")), 400, "account_invalid", false, false, "Stripe refused"},
		{"another 403 is not a disconnection", stripeSays(403, fault("", "not allowed")), 403, "", false, false, "Stripe refused: not allowed."},
		{"key refused", stripeSays(401, fault("", "Invalid API Key provided: sk_test_4242canary")), 401, "", false, false, "secret key"},
		{"missing", stripeSays(404, fault("resource_missing", "No such charge: 'ch_1'")), 404, "resource_missing", false, false, "no longer knows"},
		{"amount too small", stripeSays(400, fault("amount_too_small", "Amount must be at least 50 cents")), 400, "amount_too_small", false, false, "below the smallest"},
		{"unknown currency", stripeSays(400, `{"error":{"type":"invalid_request_error","param":"currency","message":"Invalid currency: xxx"}}`), 400, "", false, false, "cannot take this currency"},
		{"cannot take charges", stripeSays(400, fault("", "You cannot create a charge on a connected account without the `card_payments` capability enabled.")), 400, "", false, false, "cannot take payments yet"},
		{"key reused with other parameters", stripeSays(400, `{"error":{"type":"idempotency_error","message":"Keys for idempotent requests can only be used with the same parameters"}}`), 400, "", false, false, "Stripe refused"},
		{"key in use", stripeSays(409, fault("idempotency_key_in_use", "in use")), 409, "idempotency_key_in_use", true, false, "did not answer"},
		{"too many requests", stripeSays(429, fault("rate_limit", "slow down")), 429, "rate_limit", true, false, "busy"},
		{"down", stripeSays(500, `{"error":{"type":"api_error","message":"oh"}}`), 500, "", true, false, "did not answer"},
		{"a proxy's page", stripeSays(500, "<html>sk_test_4242canary</html>"), 0, codeUnreadable, true, false, "did not answer"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, 0, codeUnreadable, true, false, "did not answer"},
		{"JSON without an error in it", stripeSays(502, `{"client_secret":"pi_1_secret_canary"}`), 0, codeUnreadable, true, false, "did not answer"},
		{"garbage with 200", stripeSays(200, `{"id":"ch_1",`), 0, codeUnreadable, true, false, "did not answer"},
		{"a field of another kind", stripeSays(200, `{"id":"ch_1","status":"succeeded","amount":-5}`), 0, codeUnexpected, false, false, "did not fit"},
		{"more than 4 MiB", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"id":"`+strings.Repeat("x", maxResponseBytes)+`"}`)
		}, 0, codeUnreadable, true, false, "did not answer"},
		{"connection cut before the answer", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, 0, codeNoAnswer, true, false, "did not answer"},
		{"connection cut in the answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"id":`)
		}, 0, codeUnreadable, true, false, "did not answer"},
		{"no answer in time", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 0, codeNoAnswer, true, false, "did not answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tries.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				tt.answer(w, r)
			}))
			defer srv.Close()
			timeout := 10 * time.Second
			if tt.name == "no answer in time" {
				timeout = 100 * time.Millisecond
			}
			var log bytes.Buffer
			c, err := New(Config{SecretKey: testKey, BaseURL: srv.URL, InstallID: "inst-1", Timeout: timeout,
				Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.ReadCharge(t.Context(), "acct_1", "ch_1", 5)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is not an *Error", err)
			}
			if e.Op != "read charge" || e.Status != tt.status || e.Code != tt.code {
				t.Errorf("got %+v", e)
			}
			if e.Temporary() != tt.temporary || IsAccountGone(err) != tt.gone {
				t.Errorf("temporary %v, account gone %v", e.Temporary(), IsAccountGone(err))
			}
			if got := UserMessage(err); !strings.Contains(got, tt.message) {
				t.Errorf("people read %q, want %q in it", got, tt.message)
			}
			for what, text := range map[string]string{"error": err.Error(), "log": log.String(), "message": UserMessage(err)} {
				for _, canary := range []string{"canary", "********nary", "secret_", "sk_test"} {
					if strings.Contains(text, canary) {
						t.Errorf("the %s tells %q: %s", what, canary, text)
					}
				}
			}
			if !strings.Contains(log.String(), `op="read charge"`) {
				t.Errorf("not logged: %q", log.String())
			}
			if n := tries.Load(); n > 1 {
				t.Errorf("tried %d times: retrying is the caller's", n)
			}
		})
	}
}

func TestACancelledCallIsNotHeldUp(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
	}))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	_, err := newClient(t, srv.URL).CreatePrice(ctx, linkRequest())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not say that it was cancelled", err)
	}
}

func TestUserMessageOfOtherErrors(t *testing.T) {
	t.Parallel()
	if got := UserMessage(nil); got != "" {
		t.Errorf("nil: %q", got)
	}
	if got := UserMessage(errors.New("pq: secret table")); strings.Contains(got, "table") {
		t.Errorf("an inner error is shown to people: %q", got)
	}
	wrapped := fmt.Errorf("finalize: %w", &Error{Status: 400, Code: "amount_too_small"})
	if got := UserMessage(wrapped); !strings.Contains(got, "below") {
		t.Errorf("wrapped: %q", got)
	}
}
