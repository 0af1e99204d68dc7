// Package connect is the one door to Stripe: accounts, payment links, objects read again,
// webhook signatures, and events turned into billing facts. Everything goes through
// stripe-go in that library's own API version.
//
// Money is minor units in int64, times are Unix microseconds UTC (0 = never). Methods that
// act on an account take its id as an argument and refuse an empty one, so that nothing meant
// for a connected account can reach the platform's. That a team runs Trak on its own account,
// without being a platform, is decided by Config.Own and changes nothing else.
package connect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"
)

const (
	defaultTimeout   = 20 * time.Second
	maxResponseBytes = 4 << 20
	pageSize         = 100 // Stripe's maximum for one page of a list
	maxKeyLength     = 240 // Stripe's limit is 255; ":price" and ":link" are added to it
)

// Keys of the metadata that marks what this installation made at Stripe. Whoever owns the
// account can change metadata, so it finds objects again and never proves anything.
const (
	metaInstall   = "trak_install_id"
	metaWorkspace = "trak_workspace_id"
	metaAttempt   = "trak_attempt"
	metaInvoice   = "trak_invoice_id"
	metaLink      = "trak_link_id"
	metaRevision  = "trak_revision"
	metaRefund    = "trak_refund_id"
	metaConnect   = "trak_connect"
)

// Config is what a Client needs.
type Config struct {
	SecretKey string        // sk_… or rk_…
	BaseURL   string        // empty = Stripe's own address; a live key accepts no other
	InstallID string        // tells this installation's objects from another one's
	Logger    *slog.Logger  // nil = silent
	Timeout   time.Duration // of one HTTP call, 0 = 20 s
	// BackgroundRate bounds the calls of contexts that Background marked, in a second; 0 = 20.
	BackgroundRate int
	// Own says that everything happens on the key's own account: no Stripe-Account header is
	// sent, and webhooks are of that account.
	Own bool
	Now func() time.Time // this machine's clock, which is compared with Stripe's; nil = time.Now
}

// Client speaks to Stripe with one secret key. It is safe for concurrent use and never
// retries by itself: Error.Temporary tells what is worth another try with the same key.
type Client struct {
	api      *client.API
	install  string
	livemode bool
	own      bool
	log      *slog.Logger
	skew     *skew
}

// New checks cfg and returns a Client. It makes no call.
func New(cfg Config) (*Client, error) {
	livemode, err := Mode(cfg.SecretKey)
	if err != nil {
		return nil, fmt.Errorf("stripe secret key: %w", err)
	}
	if strings.HasPrefix(cfg.SecretKey, "pk_") {
		return nil, errors.New("stripe secret key: this is a publishable key (pk_…), the secret one starts with sk_ or rk_")
	}
	if cfg.InstallID == "" {
		return nil, errors.New("stripe client: the install id is missing")
	}
	if err := checkBaseURL(cfg.BaseURL, livemode); err != nil {
		return nil, err
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	clock := &skew{now: cfg.Now}
	return &Client{
		api:      client.New(cfg.SecretKey, backends(cfg, clock)),
		install:  cfg.InstallID,
		livemode: livemode,
		own:      cfg.Own,
		log:      cfg.Logger,
		skew:     clock,
	}, nil
}

// Livemode reports whether the key moves real money.
func (c *Client) Livemode() bool { return c.livemode }

// Mode tells whether a secret, restricted or publishable key of Stripe's is a live one. Its
// errors say what is wrong and never repeat the key.
func Mode(key string) (livemode bool, err error) {
	switch {
	case key == "":
		return false, errors.New("is empty")
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return false, errors.New("contains a space or a character that no key has")
	case strings.HasPrefix(key, "whsec_"):
		return false, errors.New("is a webhook secret (whsec_…), not an API key")
	}
	for _, kind := range []string{"sk", "rk", "pk"} {
		for mode, live := range map[string]bool{"test": false, "live": true} {
			if rest, ok := strings.CutPrefix(key, kind+"_"+mode+"_"); ok {
				if rest == "" {
					return false, errors.New("ends after its prefix")
				}
				return live, nil
			}
		}
	}
	return false, errors.New("does not start with sk_test_, sk_live_, rk_test_, rk_live_, pk_test_ or pk_live_")
}

func checkBaseURL(base string, livemode bool) error {
	if base == "" {
		return nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("stripe API base: is not an http or https address")
	}
	if livemode && strings.TrimRight(base, "/") != stripe.APIURL {
		return errors.New("stripe API base: a live key may only be sent to " + stripe.APIURL)
	}
	return nil
}

// backends gives each of stripe-go's three backends a configuration of its own: a shared one
// is overwritten by the first, which would send the others' calls to the real Stripe.
func backends(cfg Config, clock *skew) *stripe.Backends {
	httpClient := &http.Client{
		Timeout:       cfg.Timeout,
		Transport:     transport{next: http.DefaultTransport.(*http.Transport).Clone(), pace: newPace(cfg.BackgroundRate), clock: clock},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	backend := func(kind stripe.SupportedBackend) stripe.Backend {
		config := &stripe.BackendConfig{
			HTTPClient:        httpClient,
			LeveledLogger:     silent{},
			MaxNetworkRetries: stripe.Int64(0), // its back-off ignores the context
			EnableTelemetry:   stripe.Bool(false),
		}
		if cfg.BaseURL != "" {
			config.URL = stripe.String(cfg.BaseURL)
		}
		return stripe.GetBackendWithConfig(kind, config)
	}
	return &stripe.Backends{
		API:     backend(stripe.APIBackend),
		Connect: backend(stripe.ConnectBackend),
		Uploads: backend(stripe.UploadsBackend),
	}
}

// transport bounds the size of answers and the rate of calls, notes when answers were made, and
// keeps to itself what this machine is: stripe-go would send the output of uname along.
type transport struct {
	next  http.RoundTripper
	pace  *pace
	clock *skew
}

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.pace.wait(req.Context()); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Del("X-Stripe-Client-User-Agent")
	began := t.clock.now()
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	t.clock.note(resp, began)
	if resp.StatusCode == http.StatusTooManyRequests {
		t.pace.rest(cmp.Or(retryAfter(resp.Header), defaultLimited))
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxResponseBytes)
	return resp, nil
}

// silent is stripe-go's logger. Its messages quote parts of answers, which can hold personal
// data and client secrets; Client.fail logs what is safe instead.
type silent struct{}

func (silent) Debugf(string, ...any) {}
func (silent) Infof(string, ...any)  {}
func (silent) Warnf(string, ...any)  {}
func (silent) Errorf(string, ...any) {}

// onPlatform makes the parameters of a call on the platform's own account. An empty key is
// replaced by a random one: for calls where trying again must really try again.
func onPlatform(ctx context.Context, key string) (stripe.Params, error) {
	if len(key) > maxKeyLength {
		return stripe.Params{}, invalid("the idempotency key is too long")
	}
	if key == "" {
		key = uuid.NewString()
	}
	return stripe.Params{Context: ctx, IdempotencyKey: &key}, nil
}

// header is the only place that decides which Stripe-Account header is sent: that of the
// connected account, and none (nil) when everything happens on the key's own account.
func (c *Client) header(account string) (*string, error) {
	switch {
	case !plainID(account):
		return nil, invalid("the account id is missing or malformed")
	case c.own:
		return nil, nil
	}
	return &account, nil
}

// onAccount makes the parameters of a call on an account that is paid.
func (c *Client) onAccount(ctx context.Context, account, key string) (stripe.Params, error) {
	p, err := onPlatform(ctx, key)
	if err != nil {
		return p, err
	}
	p.StripeAccount, err = c.header(account)
	return p, err
}

// listOn makes the parameters of one page of a list on an account that is paid.
func (c *Client) listOn(ctx context.Context, account string) (stripe.ListParams, error) {
	header, err := c.header(account)
	return stripe.ListParams{Context: ctx, Limit: stripe.Int64(pageSize), StripeAccount: header}, err
}

// readOn makes the parameters of a GET of one object on an account that is paid.
func (c *Client) readOn(ctx context.Context, account, id string) (stripe.Params, error) {
	header, err := c.header(account)
	if err == nil && !plainID(id) {
		err = invalid("the id is missing or malformed")
	}
	return stripe.Params{Context: ctx, StripeAccount: header}, err
}

// plainID reports whether id may stand in the path of a request. Some ids come from a query
// string: an empty one would turn the read of an object into that of a list.
func plainID(id string) bool {
	if id == "" || len(id) > maxIDLength {
		return false
	}
	for i := 0; i < len(id); i++ {
		ch := id[i]
		if ch != '_' && ch != '-' && (ch < '0' || ch > '9') && (ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z') {
			return false
		}
	}
	return true
}

// optional leaves a parameter out when it is empty: sent empty, it would be unset at Stripe.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// clip cuts s to at most n characters, Stripe's limit for a parameter.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
