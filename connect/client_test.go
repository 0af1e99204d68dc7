package connect

import (
	"errors"
	"strings"
	"testing"
)

func TestMode(t *testing.T) {
	t.Parallel()
	for key, live := range map[string]bool{
		"sk_test_1": false, "rk_test_1": false, "pk_test_1": false,
		"sk_live_1": true, "rk_live_1": true, "pk_live_1": true,
	} {
		if got, err := Mode(key); err != nil || got != live {
			t.Errorf("Mode(%q) = %v, %v", key, got, err)
		}
	}
	for _, key := range []string{"", "canary", "sk_canary", "sk_test_", "whsec_canary", " sk_test_canary", "sk_test_canary\n", "SK_TEST_canary", "sk_test_“canary”"} {
		_, err := Mode(key)
		if err == nil {
			t.Errorf("Mode(%q) has no error", key)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error repeats the key: %v", err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"a publishable key":                  {SecretKey: "pk_test_1", InstallID: "i"},
		"no install id":                      {SecretKey: "sk_test_1"},
		"a base that is no address":          {SecretKey: "sk_test_1", InstallID: "i", BaseURL: "localhost:1"},
		"a live key for another host":        {SecretKey: "sk_live_1", InstallID: "i", BaseURL: "http://127.0.0.1:1"},
		"a live key for a look-alike host":   {SecretKey: "rk_live_1", InstallID: "i", BaseURL: "https://api.stripe.com.example"},
		"a live key for Stripe without TLS":  {SecretKey: "sk_live_1", InstallID: "i", BaseURL: "http://api.stripe.com"},
		"a live key for user@ Stripe's host": {SecretKey: "sk_live_1", InstallID: "i", BaseURL: "https://x@api.stripe.com"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("New accepts %s", name)
		}
	}
	for _, base := range []string{"", "https://api.stripe.com", "https://api.stripe.com/"} {
		if c, err := New(Config{SecretKey: "sk_live_1", InstallID: "i", BaseURL: base}); err != nil || !c.Livemode() {
			t.Errorf("live key with base %q: %v", base, err)
		}
	}
}

// Without an account the call would act on the platform's own money, and without an id a read
// would be a list.
func TestNothingIsSentWithoutAccountOrID(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, bad := range []string{"", "acct 1", "../accounts", "a?b=c", "a/b", strings.Repeat("a", 256)} {
		c, rec := stripeMock(t, nil, false)
		noAccount, noKey, noAmount := linkRequest(), linkRequest(), linkRequest()
		noAccount.Account, noKey.Key, noAmount.Amount = bad, "", 0
		calls := map[string]func() error{
			"CreatePrice":             func() error { _, err := c.CreatePrice(ctx, noAccount); return err },
			"CreateLink":              func() error { _, err := c.CreateLink(ctx, noAccount, "price_1"); return err },
			"FindPrice":               func() error { _, _, err := c.FindPrice(ctx, noAccount); return err },
			"FindLink":                func() error { _, _, err := c.FindLink(ctx, noAccount); return err },
			"CreatePrice, no key":     func() error { _, err := c.CreatePrice(ctx, noKey); return err },
			"CreateLink, no key":      func() error { _, err := c.CreateLink(ctx, noKey, "price_1"); return err },
			"CreatePrice, no amount":  func() error { _, err := c.CreatePrice(ctx, noAmount); return err },
			"CreateAccount, no key":   func() error { _, err := c.CreateAccount(ctx, NewAccount{Country: "DE"}); return err },
			"CloseLink, account":      func() error { return c.CloseLink(ctx, bad, "plink_1") },
			"CloseLink, id":           func() error { return c.CloseLink(ctx, testAccount, bad) },
			"ExpireOpenSessions":      func() error { return c.ExpireOpenSessions(ctx, bad, "plink_1") },
			"ExpireOpenSessions, id":  func() error { return c.ExpireOpenSessions(ctx, testAccount, bad) },
			"ReadSession, account":    func() error { _, err := c.ReadSession(ctx, bad, "cs_1", 1); return err },
			"ReadSession, id":         func() error { _, err := c.ReadSession(ctx, testAccount, bad, 1); return err },
			"ReadIntent, account":     func() error { _, err := c.ReadIntent(ctx, bad, "pi_1", 1); return err },
			"ReadIntent, id":          func() error { _, err := c.ReadIntent(ctx, testAccount, bad, 1); return err },
			"ReadCharge, account":     func() error { _, err := c.ReadCharge(ctx, bad, "ch_1", 1); return err },
			"ReadCharge, id":          func() error { _, err := c.ReadCharge(ctx, testAccount, bad, 1); return err },
			"ReadDispute, account":    func() error { _, err := c.ReadDispute(ctx, bad, "dp_1", 1); return err },
			"ReadDispute, id":         func() error { _, err := c.ReadDispute(ctx, testAccount, bad, 1); return err },
			"UpdateDispute, account":  func() error { _, err := c.UpdateDispute(ctx, bad, "dp_1", nil, 1); return err },
			"UpdateDispute, id":       func() error { _, err := c.UpdateDispute(ctx, testAccount, bad, nil, 1); return err },
			"UpdateDispute, evidence": func() error { _, err := c.UpdateDispute(ctx, testAccount, "dp_1", Evidence{bad: ""}, 1); return err },
			"SubmitDispute, id":       func() error { _, err := c.SubmitDispute(ctx, testAccount, bad, nil, "k", 1); return err },
			"SubmitDispute, no key":   func() error { _, err := c.SubmitDispute(ctx, testAccount, "dp_1", nil, "", 1); return err },
			"CloseDispute, account":   func() error { _, err := c.CloseDispute(ctx, bad, "dp_1", "k", 1); return err },
			"CloseDispute, id":        func() error { _, err := c.CloseDispute(ctx, testAccount, bad, "k", 1); return err },
			"UploadFile, account":     func() error { _, err := c.UploadFile(ctx, FileUpload{bad, "a.pdf", []byte("x"), "k"}); return err },
			"UploadFile, no key": func() error {
				_, err := c.UploadFile(ctx, FileUpload{testAccount, "a.pdf", []byte("x"), ""})
				return err
			},
			"Account":                 func() error { _, err := c.Account(ctx, bad); return err },
			"OnboardingLink":          func() error { _, err := c.OnboardingLink(ctx, bad, "https://a", "https://b"); return err },
			"DashboardLink":           func() error { _, err := c.DashboardLink(ctx, bad); return err },
			"CreateAccount, long key": func() error { _, err := c.CreateAccount(ctx, NewAccount{Key: strings.Repeat("k", 241)}); return err },
		}
		for name, do := range calls {
			err := do()
			var e *Error
			if !errors.As(err, &e) || e.Code != codeInvalid || e.Temporary() {
				t.Errorf("%s with %q: %v", name, bad, err)
			}
		}
		if sent := rec.lines(); sent != "" {
			t.Errorf("with %q these were sent:\n%s", bad, sent)
		}
	}
}
