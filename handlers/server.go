// Package handlers is the pages: it parses requests, calls the use-cases of app, and renders.
// routes.go is its table of contents.
package handlers

import (
	"context"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"trak/app"
	"trak/billing"
)

// Limits of a request. What is larger or slower is refused before a handler sees it.
const (
	maxForm    = 64 << 10
	maxSignIn  = maxForm + 16<<10 // carries a form, with a mark before each name (kept_draft.go)
	maxWebhook = 256 << 10
	maxHeader  = 8 << 10

	// Every open connection keeps a buffer for what is sent. The answer to a poll fits.
	writeBuffer = 2 << 10

	readTimeout    = 10 * time.Second // headers and body
	writeTimeout   = 30 * time.Second
	idleTimeout    = 60 * time.Second
	requestTimeout = 20 * time.Second // of the work that a request causes
	maxConns       = 4096

	webhookPath = "/api/stripe/webhook"
)

// Config is what the pages are built from.
type Config struct {
	App           *app.App
	Views, Static fs.FS  // the trees that hold the folders views/ and static/
	AppURL        string // where people reach Trak: scheme and host, no slash at the end
	// TrustedProxies are believed about the client's address and scheme, and nobody else is.
	TrustedProxies []netip.Prefix
	Demo           *Demo  // nil unless this is `trak demo`
	StripeBase     string // origin of a Stripe stand-in that forms may lead to, or ""
	Logger         *slog.Logger
	Now            func() time.Time
}

// Demo is what pages show in `trak demo`.
type Demo struct {
	SandboxURL string // the Stripe stand-in's own page
	Accounts   []DemoAccount
}

// DemoAccount is an account that one click signs in to.
type DemoAccount struct{ Role, Email, Password string }

// Server is Trak over HTTP.
type Server struct {
	app     *app.App
	fiber   *fiber.App
	assets  *assets
	views   *template.Template
	session *scs.SessionManager
	log     *slog.Logger
	now     func() time.Time
	demo    *Demo
	rows    rowForms
	amounts billing.Amounts

	url     string // AppURL
	host    []byte // of it
	https   bool
	proxies []netip.Prefix
	headers []header
	start   fasthttp.ResponseHeader // with these headers
	paths   map[string][]string     // the routes' patterns by method
}

// New builds the server. It returns an error when a template or a static file is wrong.
func New(c Config) (*Server, error) {
	u, err := url.Parse(c.AppURL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the address of the app is no URL: %q", c.AppURL)
	}
	h := &Server{
		app: c.App, log: c.Logger, now: c.Now, demo: c.Demo, proxies: c.TrustedProxies,
		url: c.AppURL, host: []byte(withoutDefaultPort(u.Scheme, u.Host)), https: u.Scheme == "https",
	}
	if h.assets, err = newAssets(c.Static); err != nil {
		return nil, err
	}
	if h.views, err = parseViews(c.Views, h.assets); err != nil {
		return nil, err
	}
	h.session = newSessionManager(c.App, h.https)
	h.headers = securityHeaders(h.https, formTargets(c))
	for _, header := range h.headers {
		h.start.SetCanonical(header.name, header.value)
	}
	h.fiber = fiber.New(fiber.Config{
		Immutable: true, CaseSensitive: true, StrictRouting: true,
		BodyLimit: maxForm, ReadBufferSize: maxHeader, WriteBufferSize: writeBuffer, Concurrency: maxConns,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		EnableTrustedProxyCheck:      true, // with no proxy on the list: Fiber believes no forwarded header
		DisablePreParseMultipartForm: true, DisableStartupMessage: true,
		ErrorHandler: h.fail,
	})
	h.fiber.Server().CloseOnShutdown = true
	h.fiber.Server().HeaderReceived = func(r *fasthttp.RequestHeader) fasthttp.RequestConfig {
		switch string(r.RequestURI()) {
		case webhookPath:
			return fasthttp.RequestConfig{MaxRequestBodySize: maxWebhook}
		case "/signin", "/signin/code", "/signin/passkey", "/demo/signin":
			return fasthttp.RequestConfig{MaxRequestBodySize: maxSignIn}
		}
		if limits, ok := h.downloadLimits(r); ok {
			return limits
		}
		return h.uploadLimits(r)
	}
	h.routes()
	h.paths = map[string][]string{}
	for _, r := range h.fiber.GetRoutes(true) {
		h.paths[r.Method] = append(h.paths[r.Method], r.Path)
	}
	return h, nil
}

// Listener serves on ln until Shutdown.
func (h *Server) Listener(ln net.Listener) error { return h.fiber.Listener(patient{ln, h.log}) }

// Shutdown stops taking connections and waits for the requests under way, until ctx ends.
func (h *Server) Shutdown(ctx context.Context) error { return h.fiber.ShutdownWithContext(ctx) }

// Fiber is the router, for tests.
func (h *Server) Fiber() *fiber.App { return h.fiber }

// formTargets are the origins beside our own that forms may lead to.
func formTargets(c Config) []string {
	all := []string{"https://connect.stripe.com", "https://checkout.stripe.com", "https://buy.stripe.com"}
	standIns := []string{c.StripeBase}
	if c.Demo != nil {
		standIns = append(standIns, c.Demo.SandboxURL)
	}
	for _, s := range standIns {
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			all = append(all, u.Scheme+"://"+u.Host)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func withoutDefaultPort(scheme, host string) string {
	port := map[string]string{"http": ":80", "https": ":443"}[scheme]
	return strings.ToLower(strings.TrimSuffix(host, port))
}
