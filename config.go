package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"trak/app"
	"trak/connect"
	"trak/handlers"
	"trak/logs"
)

// configuration is what an operator may set: flags, environment and help in one. Everything
// is text here; settings checks and parses it. A Secret is given by environment or file and never
// by flag (see refuseSecretFlags), because every user of a machine can see the flags of a command.
type configuration struct {
	StripeSecretKey         Secret `env:"STRIPE_SECRET_KEY" placeholder:"KEY" help:"Stripe's secret key, sk_… or rk_…. Needed."`
	StripeSecretKeyFile     string `env:"STRIPE_SECRET_KEY_FILE" placeholder:"FILE" help:"A file that holds it."`
	AppURL                  string `name:"app-url" env:"APP_URL,NEXT_PUBLIC_APP_URL" placeholder:"URL" help:"Where people reach Trak, such as https://billing.example.com. Needed."`
	StripeWebhookSecret     Secret `env:"STRIPE_WEBHOOK_SECRET" placeholder:"SECRETS" help:"Signing secrets of the webhook endpoints, whsec_…, comma-separated."`
	StripeWebhookSecretFile string `env:"STRIPE_WEBHOOK_SECRET_FILE" placeholder:"FILE" help:"A file that holds them."`
	Webhooks                string `env:"TRAK_WEBHOOKS" default:"on" placeholder:"WORD" help:"on, or off where Stripe can't reach Trak: then Trak asks Stripe every 20 seconds what happened (${default})."`
	StripeMode              string `env:"TRAK_STRIPE_MODE" default:"connect" placeholder:"MODE" help:"connect: each workspace connects its own Stripe account. own: one workspace, paid into the key's account (${default})."`
	ConnectAccountType      string `env:"TRAK_CONNECT_ACCOUNT_TYPE" default:"express" placeholder:"TYPE" help:"Type of accounts that workspaces connect: express, or standard, whose owners stand for negative balances (${default})."`
	StripeAccountID         string `name:"stripe-account-id" env:"STRIPE_ACCOUNT_ID" placeholder:"ID" help:"In own mode: the account that the key belongs to, acct_…. Needed when a restricted key may not read it."`
	StripePublishableKey    string `env:"STRIPE_PUBLISHABLE_KEY,NEXT_PUBLIC_STRIPE_PUBLISHABLE_KEY" placeholder:"KEY" help:"Stripe's publishable key, pk_…. No page needs it; it must be of the secret key's mode."`
	Addr                    string `env:"TRAK_ADDR" default:"127.0.0.1:3000" placeholder:"ADDR" help:"Address to listen on (${default})."`
	Data                    string `env:"TRAK_DATA_DIR" default:"data" placeholder:"DIR" help:"Data directory (./${default})."`
	SecretKey               Secret `env:"TRAK_SECRET_KEY" placeholder:"KEY" help:"At least 32 bytes; encrypts secrets in the database. Without it a key is made and kept in the data directory."`
	SecretKeyFile           string `env:"TRAK_SECRET_KEY_FILE" placeholder:"FILE" help:"A file that holds it."`
	SecretKeyOld            Secret `env:"TRAK_SECRET_KEY_OLD" placeholder:"KEY" help:"The key before, for one start after it was changed: everything is then encrypted with the new one."`
	SecretKeyOldFile        string `env:"TRAK_SECRET_KEY_OLD_FILE" placeholder:"FILE" help:"A file that holds it."`
	TrustedProxies          string `env:"TRUSTED_PROXIES" placeholder:"ADDRS" help:"Addresses of your reverse proxies (10.0.0.0/8,::1); only they may say who the client is."`
	StripeAPIBase           string `name:"stripe-api-base" env:"STRIPE_API_BASE" placeholder:"URL" help:"Where a stand-in for Stripe answers, for tests. Never with a live key."`
	PayloadDays             string `env:"TRAK_PAYLOAD_DAYS" default:"90" placeholder:"DAYS" help:"After how many days what Stripe sent loses personal data; 0 = never (${default})."`
	Log                     string `env:"TRAK_LOG" default:"text" placeholder:"FORMAT" help:"Log format: text or json (${default})."`
}

// settings is a configuration that was checked, in the form that the parts of Trak take.
type settings struct {
	StripeKey      Secret
	Live           bool   // the key moves real money
	SwitchMode     bool   // the operator agrees that the data directory changes between test and live
	Own            bool   // paid into the key's own account
	OwnAccount     string // its id, may be empty
	AccountType    string // of accounts that are connected
	StripeBase     string // empty = Stripe's own address
	AppURL         string // scheme and host, without a slash at its end
	WebhookSecrets []Secret
	WebhooksOff    bool   // events are read at Stripe
	PayloadDays    int    // after which payloads lose personal data, 0 = never
	SecretKey      Secret // empty = the one in the data directory
	OldSecretKey   Secret // the one before, for one start
	Addr           string
	DataDir        string
	TrustedProxies []netip.Prefix
	Now            func() time.Time
	Logger         *slog.Logger
	Demo           *handlers.Demo // nil = this is no demo
}

// stripeAPI is the only address that a live key is ever sent to.
const stripeAPI = "https://api.stripe.com"

// minSecretKey is the length of TRAK_SECRET_KEY in bytes: that of an AES-256 key.
const minSecretKey = 32

// settings parses the configuration. All that is wrong comes back together, as problems.
func (c configuration) settings() (settings, error) {
	var p problems
	s := settings{DataDir: c.Data, Now: time.Now}

	s.StripeKey = p.secret("STRIPE_SECRET_KEY", c.StripeSecretKey, c.StripeSecretKeyFile)
	keyKnown := p.checkStripeKey(s.StripeKey)
	if keyKnown {
		s.Live, _ = connect.Mode(string(s.StripeKey))
		p.checkPublishableKey(c.StripePublishableKey, s.Live)
	}
	s.Own = p.stripeMode(c.StripeMode)
	s.OwnAccount = p.ownAccount(c.StripeAccountID, s.Own)
	s.AccountType = p.accountType(c.ConnectAccountType)
	s.StripeBase = p.stripeBase(c.StripeAPIBase, s.Live)
	s.AppURL = p.appURL(c.AppURL, s.Live)
	s.WebhookSecrets = p.webhookSecrets(p.secret("STRIPE_WEBHOOK_SECRET", c.StripeWebhookSecret, c.StripeWebhookSecretFile))
	s.WebhooksOff = p.webhooksOff(c.Webhooks)
	s.PayloadDays = p.payloadDays(c.PayloadDays)
	s.SecretKey, s.OldSecretKey = p.secretKeys(c)
	s.Addr = p.addr(c.Addr)
	s.TrustedProxies = p.trustedProxies(c.TrustedProxies)
	s.Logger = p.logger(c.Log)
	p.checkDataDir(c.Data)

	if len(p) > 0 {
		return settings{}, p
	}
	return s, nil
}

// refuseLiveKey keeps a demo from being started where real money is configured: somebody may
// have meant "trak serve". The demo itself never reads a key from the environment.
func refuseLiveKey(getenv func(string) string) error {
	const name = "STRIPE_SECRET_KEY"
	var p problems
	if live, _ := connect.Mode(string(p.secret(name, Secret(getenv(name)), getenv(name+"_FILE")))); live {
		return problems{{name, "is a live key, and the demo is for made-up money", "Run \"trak serve\", or run the demo without it: env -u " + name + " -u " + name + "_FILE trak demo"}}
	}
	return nil
}

// problems is all that is wrong with a configuration. What it says never holds a secret.
type problems []problem

type problem struct{ name, what, remedy string }

func (p *problems) add(name, what, remedy string) {
	*p = append(*p, problem{name, what, remedy})
}

func (p problems) Error() string {
	names := make([]string, len(p))
	for i, one := range p {
		names[i] = one.name + " " + one.what
	}
	return "the configuration is not complete: " + strings.Join(names, "; ")
}

// explain is for the console: every problem with its remedy below it.
func (p problems) explain() string {
	var b strings.Builder
	if len(p) == 1 {
		b.WriteString("Trak did not start, because of one setting:\n")
	} else {
		fmt.Fprintf(&b, "Trak did not start, because of %d settings:\n", len(p))
	}
	for _, one := range p {
		fmt.Fprintf(&b, "\n  %s %s.\n    %s\n", one.name, one.what, one.remedy)
	}
	return b.String()
}

// secret is the value of a setting that may also be given by a file. A file's last line may
// end in a newline, as editors write it.
func (p *problems) secret(name string, value Secret, file string) Secret {
	if file == "" {
		return value
	}
	if value != "" {
		p.add(name, "and "+name+"_FILE are both given", "Keep one of them.")
		return value
	}
	content, err := os.ReadFile(file)
	if err != nil {
		// The path stays out of it: a secret that was put here by mistake would be printed.
		p.add(name+"_FILE", "names a file that can't be read ("+reason(err)+")", "Check the path, and that Trak's user may read it.")
		return ""
	}
	value = Secret(strings.TrimRight(string(content), "\r\n"))
	if value == "" {
		p.add(name+"_FILE", "names an empty file", "Write the value into it, or leave the setting out.")
	}
	return value
}

// reason is an error of the file system without the path.
func reason(err error) string {
	if e, ok := err.(*os.PathError); ok {
		return e.Err.Error()
	}
	return "unreadable"
}

// found says whether another problem with this setting was found already.
func (p problems) found(name string) bool {
	for _, one := range p {
		if one.name == name || one.name == name+"_FILE" {
			return true
		}
	}
	return false
}

// checkStripeKey says whether key is a secret or restricted key of Stripe's.
func (p *problems) checkStripeKey(secret Secret) bool {
	const name = "STRIPE_SECRET_KEY"
	const remedy = "Copy the secret key (sk_test_… to try, sk_live_… for real money) from Stripe's dashboard, under Developers, API keys."
	key := string(secret)
	switch _, err := connect.Mode(key); {
	case key == "":
		if !p.found(name) {
			p.add(name, "is missing", remedy)
		}
	case err != nil:
		p.add(name, err.Error(), remedy)
	case strings.HasPrefix(key, "pk_"):
		p.add(name, "holds a publishable key (pk_…)", remedy)
	default:
		return true
	}
	return false
}

func (p *problems) checkPublishableKey(key string, live bool) {
	const name = "STRIPE_PUBLISHABLE_KEY"
	if key == "" {
		return
	}
	keyLive, err := connect.Mode(key)
	switch {
	case !strings.HasPrefix(key, "pk_"):
		p.add(name, "does not start with pk_test_ or pk_live_", "Copy the publishable key from Stripe's dashboard, or leave it out: no page needs it.")
	case err != nil:
		p.add(name, err.Error(), "Copy the publishable key from Stripe's dashboard, or leave it out: no page needs it.")
	case keyLive != live:
		p.add(name, "is a "+app.ModeName(keyLive)+" key and STRIPE_SECRET_KEY is a "+app.ModeName(live)+" one", "Take both from the same mode of Stripe's dashboard.")
	}
}

// maxPayloadDays is a hundred years.
const maxPayloadDays = 36_500

func (p *problems) payloadDays(value string) int {
	days, err := strconv.Atoi(value)
	if err != nil || days < 0 || days > maxPayloadDays {
		p.add("TRAK_PAYLOAD_DAYS", "is no number of days", "Write a whole number such as 90, or 0 to keep what Stripe sent for ever.")
	}
	return days
}

// stripeMode says whether Trak runs in own mode.
func (p *problems) stripeMode(value string) (own bool) {
	switch value {
	case "connect":
		return false
	case "own":
		return true
	}
	p.add("TRAK_STRIPE_MODE", "is neither connect nor own", "Write own when Trak is for your team alone, paid into your own Stripe account; else leave it out.")
	return false
}

func (p *problems) accountType(value string) string {
	if value != connect.Express && value != connect.Standard {
		p.add("TRAK_CONNECT_ACCOUNT_TYPE", "is neither express nor standard", "Write standard when the owners of connected accounts shall stand for negative balances; else leave it out.")
	}
	return value
}

func (p *problems) ownAccount(value string, own bool) string {
	const name = "STRIPE_ACCOUNT_ID"
	rest, ok := strings.CutPrefix(value, "acct_")
	switch {
	case value == "":
	case !own:
		p.add(name, "is set, and TRAK_STRIPE_MODE is not own", "Leave it out: workspaces connect their accounts on their Connect page.")
	case !ok || rest == "" || strings.ContainsFunc(rest, func(r rune) bool { return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') }):
		p.add(name, "is not the id of an account", "It begins with acct_; Stripe's dashboard shows it under Settings, Account details. Or leave it out.")
	}
	return value
}

// stripeBase is empty for Stripe's own address.
func (p *problems) stripeBase(value string, live bool) string {
	const name = "STRIPE_API_BASE"
	base := strings.TrimRight(value, "/")
	if base == "" || base == stripeAPI {
		return ""
	}
	if live {
		p.add(name, "is set together with a live key", "Leave it out: a live key is sent to Stripe alone. A stand-in such as \"trak sandbox\" needs a test key.")
		return ""
	}
	if what := originFault(base); what != "" {
		p.add(name, what, "Write it like http://127.0.0.1:3001, which \"trak sandbox\" prints.")
		return ""
	}
	return base
}

// appURL brings APP_URL to the form that browsers send as an origin: lower case, no default
// port, no slash at its end.
func (p *problems) appURL(value string, live bool) string {
	const name = "APP_URL"
	const remedy = "Write the address that people type, like https://billing.example.com or http://localhost:3000."
	value = strings.TrimSuffix(value, "/")
	if value == "" {
		p.add(name, "is missing", remedy)
		return ""
	}
	if what := originFault(value); what != "" {
		p.add(name, what, remedy)
		return ""
	}
	u, _ := url.Parse(value) // parsed before, by originFault
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if live && scheme != "https" {
		p.add(name, "must begin with https:// when STRIPE_SECRET_KEY is a live key", "Put a reverse proxy with TLS in front of Trak (deploy/Caddyfile is one), or use a test key.")
		return ""
	}
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
	return scheme + "://" + host
}

// originFault says what keeps value from being a scheme and a host; empty = nothing.
func originFault(value string) string {
	u, err := url.Parse(value)
	switch {
	case err != nil:
		return "is not an address"
	case !strings.EqualFold(u.Scheme, "http") && !strings.EqualFold(u.Scheme, "https"):
		return "does not begin with http:// or https://"
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":"):
		return "has no host"
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r > '~' }):
		return "has letters that no host has; use its xn-- form"
	case u.User != nil:
		return "has a user name in it"
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(value, "#"):
		return "has more than scheme and host"
	case u.Port() != "" && !validPort(u.Port()):
		return "has a port that is not between 1 and 65535"
	}
	return ""
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// webhookSecrets splits the list. An empty secret would verify what anybody signs, so an
// empty entry is a fault and never left out in silence.
func (p *problems) webhookSecrets(value Secret) []Secret {
	const name = "STRIPE_WEBHOOK_SECRET"
	if value == "" {
		return nil
	}
	var secrets []Secret
	for entry := range strings.SplitSeq(string(value), ",") {
		entry = strings.TrimSpace(entry)
		secrets = append(secrets, Secret(entry))
		switch rest, ok := strings.CutPrefix(entry, "whsec_"); {
		case entry == "":
			p.add(name, "has an empty entry", "Separate secrets with one comma, without one at the end; or leave the setting out.")
			return nil
		case !ok || rest == "" || strings.ContainsAny(rest, " \t\r\n"):
			p.add(name, fmt.Sprintf("has an entry (number %d) that is no signing secret", len(secrets)), "A signing secret begins with whsec_; Stripe shows it with the webhook endpoint. Or run \"trak webhook ensure\" instead.")
			return nil
		}
	}
	return secrets
}

// webhooksOff says whether Trak lives without deliveries.
func (p *problems) webhooksOff(value string) bool {
	if value != "on" && value != "off" {
		p.add("TRAK_WEBHOOKS", "is neither on nor off", "Write off when Stripe can't reach this Trak; else leave it out.")
	}
	return value == "off"
}

// secretKeys are the key that encrypts secrets in the database and the one before it, both empty
// when they are not given.
func (p *problems) secretKeys(c configuration) (key, old Secret) {
	const name = "TRAK_SECRET_KEY"
	key = p.secret(name, c.SecretKey, c.SecretKeyFile)
	old = p.secret(name+"_OLD", c.SecretKeyOld, c.SecretKeyOldFile)
	if key != "" && len(key) < minSecretKey {
		p.add(name, fmt.Sprintf("has %d bytes, and at least %d are needed", len(key), minSecretKey), "Make one with \"openssl rand -base64 32\", or leave it out: Trak then makes and keeps one in the data directory.")
	}
	switch {
	case old == "":
	case len(old) < minSecretKey:
		p.add(name+"_OLD", fmt.Sprintf("has %d bytes, and no key has fewer than %d", len(old), minSecretKey), "Take the value that TRAK_SECRET_KEY had before, or leave it out.")
	case old == key:
		p.add(name+"_OLD", "is the same as "+name, "Put the new key into "+name+" and the one before into "+name+"_OLD, or leave that out.")
	}
	return key, old
}

func (p *problems) addr(value string) string {
	host, port, err := net.SplitHostPort(value)
	n, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || strings.ContainsAny(host, " /") {
		p.add("TRAK_ADDR", "is not a host and a port", "Write it like 127.0.0.1:3000, or :3000 for all of the machine's addresses.")
		return ""
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10))
}

// trustedProxies refuses lists that trust everybody: then anybody could choose the address
// that sign-in limits count by.
func (p *problems) trustedProxies(value string) []netip.Prefix {
	const name = "TRUSTED_PROXIES"
	const remedy = "List the addresses of your own proxies, like 127.0.0.1,10.0.0.0/8."
	if value == "" {
		return nil
	}
	var proxies []netip.Prefix
	for entry := range strings.SplitSeq(value, ",") {
		entry = strings.TrimSpace(entry)
		prefix, err := parsePrefix(entry)
		switch {
		case entry == "*" || err == nil && prefix.Bits() == 0:
			p.add(name, "trusts everybody", remedy)
			return nil
		case err != nil:
			p.add(name, fmt.Sprintf("has an entry that is no address (%q)", entry), remedy)
			return nil
		}
		proxies = append(proxies, prefix)
	}
	return proxies
}

// parsePrefix reads a network (10.0.0.0/8) or one address.
func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		prefix, err := netip.ParsePrefix(s)
		return prefix.Masked(), err
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	addr = addr.Unmap().WithZone("")
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

func (p *problems) logger(format string) *slog.Logger {
	if format != logs.Text && format != logs.JSON {
		p.add("TRAK_LOG", "is neither text nor json", "Write one of the two, or leave it out.")
	}
	return logs.New(os.Stderr, format, slog.LevelInfo)
}
