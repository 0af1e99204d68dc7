package main

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
)

// good is a configuration without fault, in a directory that does not exist yet.
func good(t *testing.T) configuration {
	return configuration{
		StripeSecretKey: "sk_test_1", AppURL: "https://billing.example.com",
		Webhooks: "on", StripeMode: "connect", ConnectAccountType: "express", Addr: "127.0.0.1:3000", Data: t.TempDir() + "/data", PayloadDays: "90", Log: "text",
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*configuration)
		want   string // part of the only problem; empty = no problem
	}{
		"complete":                       {func(*configuration) {}, ""},
		"restricted key":                 {func(c *configuration) { c.StripeSecretKey = "rk_test_1" }, ""},
		"own mode":                       {func(c *configuration) { c.StripeMode = "own" }, ""},
		"own mode with its account":      {func(c *configuration) { c.StripeMode, c.StripeAccountID = "own", "acct_1Abc" }, ""},
		"an account in connect mode":     {func(c *configuration) { c.StripeAccountID = "acct_1Abc" }, "STRIPE_ACCOUNT_ID is set, and TRAK_STRIPE_MODE is not own"},
		"no id of an account":            {func(c *configuration) { c.StripeMode, c.StripeAccountID = "own", "acct_1/x" }, "STRIPE_ACCOUNT_ID is not the id of an account"},
		"unknown mode":                   {func(c *configuration) { c.StripeMode = "platform" }, "TRAK_STRIPE_MODE is neither connect nor own"},
		"standard accounts":              {func(c *configuration) { c.ConnectAccountType = "standard" }, ""},
		"unknown type of accounts":       {func(c *configuration) { c.ConnectAccountType = "custom" }, "TRAK_CONNECT_ACCOUNT_TYPE is neither express nor standard"},
		"payloads for ever":              {func(c *configuration) { c.PayloadDays = "0" }, ""},
		"payloads for half a day":        {func(c *configuration) { c.PayloadDays = "0.5" }, "TRAK_PAYLOAD_DAYS is no number of days"},
		"payloads for less than nothing": {func(c *configuration) { c.PayloadDays = "-1" }, "TRAK_PAYLOAD_DAYS is no number of days"},
		"without webhooks":               {func(c *configuration) { c.Webhooks = "off" }, ""},
		"webhooks by another word":       {func(c *configuration) { c.Webhooks = "no" }, "TRAK_WEBHOOKS is neither on nor off"},
		"live key with https":            {func(c *configuration) { c.StripeSecretKey = "sk_live_1" }, ""},
		"live key, Stripe's address":     {func(c *configuration) { c.StripeSecretKey, c.StripeAPIBase = "sk_live_1", stripeAPI+"/" }, ""},
		"live key, look-alike address":   {func(c *configuration) { c.StripeSecretKey, c.StripeAPIBase = "rk_live_1", stripeAPI+".evil.test" }, "STRIPE_API_BASE is set together with a live key"},
		"live key without https":         {func(c *configuration) { c.StripeSecretKey, c.AppURL = "rk_live_1", "http://billing.example.com" }, "APP_URL must begin with https://"},
		"test key without https":         {func(c *configuration) { c.AppURL = "http://billing.example.com" }, ""},
		"publishable key in its place":   {func(c *configuration) { c.StripeSecretKey = "pk_test_1" }, "STRIPE_SECRET_KEY holds a publishable key"},
		"webhook secret in its place":    {func(c *configuration) { c.StripeSecretKey = "whsec_1" }, "STRIPE_SECRET_KEY is a webhook secret"},
		"publishable key of one mode":    {func(c *configuration) { c.StripePublishableKey = "pk_test_1" }, ""},
		"publishable key of the other":   {func(c *configuration) { c.StripePublishableKey = "pk_live_1" }, "STRIPE_PUBLISHABLE_KEY is a live key"},
		"publishable key that is none":   {func(c *configuration) { c.StripePublishableKey = "sk_test_1" }, "STRIPE_PUBLISHABLE_KEY does not start with pk_"},
		"APP_URL with a path":            {func(c *configuration) { c.AppURL = "https://example.com/billing" }, "APP_URL has more"},
		"APP_URL with a query":           {func(c *configuration) { c.AppURL = "https://example.com?a=b" }, "APP_URL has more"},
		"APP_URL with an empty query":    {func(c *configuration) { c.AppURL = "https://example.com?" }, "APP_URL has more"},
		"APP_URL with a fragment":        {func(c *configuration) { c.AppURL = "https://example.com#" }, "APP_URL has more"},
		"APP_URL with a user":            {func(c *configuration) { c.AppURL = "https://me@example.com" }, "APP_URL has a user name"},
		"APP_URL without scheme":         {func(c *configuration) { c.AppURL = "billing.example.com" }, "APP_URL does not begin"},
		"APP_URL without host":           {func(c *configuration) { c.AppURL = "https://:3000" }, "APP_URL has no host"},
		"APP_URL with a wrong port":      {func(c *configuration) { c.AppURL = "https://example.com:99999" }, "APP_URL has a port"},
		"one webhook secret":             {func(c *configuration) { c.StripeWebhookSecret = "whsec_1" }, ""},
		"empty last webhook secret":      {func(c *configuration) { c.StripeWebhookSecret = "whsec_1," }, "STRIPE_WEBHOOK_SECRET has an empty entry"},
		"empty first webhook secret":     {func(c *configuration) { c.StripeWebhookSecret = ",whsec_1" }, "STRIPE_WEBHOOK_SECRET has an empty entry"},
		"blank webhook secret":           {func(c *configuration) { c.StripeWebhookSecret = " " }, "STRIPE_WEBHOOK_SECRET has an empty entry"},
		"webhook secret without rest":    {func(c *configuration) { c.StripeWebhookSecret = "whsec_" }, "STRIPE_WEBHOOK_SECRET has an entry (number 1)"},
		"API key as webhook secret":      {func(c *configuration) { c.StripeWebhookSecret = "whsec_1,sk_test_1" }, "STRIPE_WEBHOOK_SECRET has an entry (number 2)"},
		"secret key of 31 bytes":         {func(c *configuration) { c.SecretKey = Secret(strings.Repeat("k", 31)) }, "TRAK_SECRET_KEY has 31 bytes"},
		"secret key of 32 bytes":         {func(c *configuration) { c.SecretKey = Secret(strings.Repeat("k", 32)) }, ""},
		"all addresses":                  {func(c *configuration) { c.Addr = ":3000" }, ""},
		"any port":                       {func(c *configuration) { c.Addr = "[::1]:0" }, ""},
		"address without port":           {func(c *configuration) { c.Addr = "127.0.0.1" }, "TRAK_ADDR"},
		"address with a wrong port":      {func(c *configuration) { c.Addr = "127.0.0.1:65536" }, "TRAK_ADDR"},
		"an URL as address":              {func(c *configuration) { c.Addr = "http://127.0.0.1:3000" }, "TRAK_ADDR"},
		"proxies":                        {func(c *configuration) { c.TrustedProxies = "127.0.0.1, 10.0.0.0/8,::1" }, ""},
		"everybody is a proxy":           {func(c *configuration) { c.TrustedProxies = "127.0.0.1,*" }, "TRUSTED_PROXIES trusts everybody"},
		"every IPv4 address is a proxy":  {func(c *configuration) { c.TrustedProxies = "0.0.0.0/0" }, "TRUSTED_PROXIES trusts everybody"},
		"every IPv6 address is a proxy":  {func(c *configuration) { c.TrustedProxies = "::/0" }, "TRUSTED_PROXIES trusts everybody"},
		"a name is a proxy":              {func(c *configuration) { c.TrustedProxies = "proxy.internal" }, "TRUSTED_PROXIES has an entry"},
		"an empty proxy":                 {func(c *configuration) { c.TrustedProxies = "127.0.0.1," }, "TRUSTED_PROXIES has an entry"},
		"stand-in for Stripe":            {func(c *configuration) { c.StripeAPIBase = "http://127.0.0.1:3001/" }, ""},
		"stand-in with a path":           {func(c *configuration) { c.StripeAPIBase = "http://127.0.0.1:3001/v1" }, "STRIPE_API_BASE has more"},
		"JSON log":                       {func(c *configuration) { c.Log = "json" }, ""},
		"no data directory":              {func(c *configuration) { c.Data = "" }, "TRAK_DATA_DIR is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good(t)
			test.change(&c)
			_, err := c.settings()
			switch {
			case test.want == "" && err != nil:
				t.Errorf("got %v, want no problem", err)
			case test.want != "" && (err == nil || strings.Contains(err.Error(), "; ") || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want one problem: %s", err, test.want)
			}
		})
	}
}

func TestSettingsAreBroughtToOneForm(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://billing.example.com":      "https://billing.example.com",
		"HTTPS://Billing.Example.com/":     "https://billing.example.com",
		"https://billing.example.com:443":  "https://billing.example.com",
		"http://localhost:80/":             "http://localhost",
		"http://localhost:3000":            "http://localhost:3000",
		"https://billing.example.com:8443": "https://billing.example.com:8443",
		"http://[::1]:3000":                "http://[::1]:3000",
	} {
		c := good(t)
		c.AppURL = given
		s, err := c.settings()
		if err != nil || s.AppURL != want {
			t.Errorf("APP_URL %s: got %s, %v; want %s", given, s.AppURL, err, want)
		}
	}

	c := good(t)
	c.TrustedProxies = "10.1.2.3/8, ::ffff:192.0.2.1"
	c.StripeWebhookSecret = "whsec_1 , whsec_2"
	c.StripeAPIBase = "https://api.stripe.com/"
	s, err := c.settings()
	if err != nil {
		t.Fatal(err)
	}
	if want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")}; !slices.Equal(s.TrustedProxies, want) {
		t.Errorf("proxies: got %v, want %v", s.TrustedProxies, want)
	}
	if want := []Secret{"whsec_1", "whsec_2"}; !slices.Equal(s.WebhookSecrets, want) {
		t.Errorf("webhook secrets: got %v, want %v", s.WebhookSecrets, want)
	}
	if s.StripeBase != "" {
		t.Errorf("Stripe's own address: got %q, want it left out", s.StripeBase)
	}
}

func TestDemoRefusesALiveKey(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/key"
	if err := os.WriteFile(file, []byte("rk_live_1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env     map[string]string
		refused bool
	}{
		"no key":             {nil, false},
		"test key":           {map[string]string{"STRIPE_SECRET_KEY": "sk_test_1"}, false},
		"live key":           {map[string]string{"STRIPE_SECRET_KEY": "sk_live_1"}, true},
		"live key in a file": {map[string]string{"STRIPE_SECRET_KEY_FILE": file}, true},
	} {
		err := refuseLiveKey(func(key string) string { return test.env[key] })
		if (err != nil) != test.refused {
			t.Errorf("%s: got %v, want refused: %v", name, err, test.refused)
		}
		if err != nil && strings.Contains(err.Error(), "live_1") {
			t.Errorf("%s: the key is printed: %v", name, err)
		}
	}
}
