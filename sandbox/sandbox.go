// Package sandbox is a stand-in for Stripe, over real HTTP: the part of its API that invoices
// need, its hosted pages (onboarding, Checkout, dashboard) and its signed webhooks. It serves
// the demo and the tests; no money moves. It speaks API version 2023-10-16 to any client of
// that version and knows nothing of who calls it. Its own page, and /sim/ for programs, switch
// how it behaves: Knobs misbehave as Stripe and the network sometimes do, Answers settle what
// Stripe has documented nowhere.
//
// Everything lives in memory behind one mutex, and in a file between runs if wanted. Objects are
// JSON-like maps that begin as blank objects of Stripe's own description (see gen/main.go), so
// that they carry every documented key, null included.
package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options says how a sandbox behaves. The zero value is a usable one.
type Options struct {
	Now       func() time.Time // clock; nil is time.Now
	Seed      uint64           // ids follow from it; 0 picks one at random
	SecretKey string           // the API key that it accepts; default "sk_test_sandbox"
	Logger    *slog.Logger     // nil discards
	Version   string           // API version of events; default "2023-10-16"
	State     string           // file to keep everything in between runs; empty keeps nothing
	Answers   *Answers         // nil takes those of the environment, see answersEnv
}

// Server is one sandbox: an http.Handler, or, with Start, a listening server.
type Server struct {
	clock       func() time.Time
	ahead       atomic.Int64 // what Advance has added to the clock
	secretKey   string
	version     string
	log         *slog.Logger
	state       string // file, may be empty
	platform    string // the platform's own account, acct_…
	application string // the platform as connected accounts see it, ca_…
	handler     http.Handler

	stop     context.CancelFunc // ends deliveries and hanging calls
	stopped  context.Context
	webhooks *http.Client
	sending  sync.WaitGroup

	mu     sync.Mutex
	base   string // of the hosted pages' addresses
	server *http.Server
	store
	idempotency map[string]*remembered
	keys        []string // of idempotency, oldest first
	knobs       Knobs
	calls       Calls
	called      rate // every call
	taken       rate // those that were not limited
	answers     Answers
	random      *mathrand.Rand // for shuffled deliveries
	sender      sender
}

// New makes a sandbox that has the platform's own account and nothing else.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Seed == 0 {
		var seed [8]byte
		rand.Read(seed[:]) // never fails (crypto/rand)
		o.Seed = binary.LittleEndian.Uint64(seed[:])
	}
	if o.SecretKey == "" {
		o.SecretKey = "sk_test_sandbox"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "2023-10-16"
	}
	s := &Server{
		clock: o.Now, secretKey: o.SecretKey, version: o.Version, log: o.Logger, state: o.State,
		webhooks:    newWebhookClient(),
		store:       newStore(o.Seed),
		idempotency: map[string]*remembered{},
		random:      mathrand.New(mathrand.NewPCG(o.Seed, 0)),
	}
	if o.Answers == nil {
		s.answers = answersFromEnv()
	} else {
		s.answers = *o.Answers
	}
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.application = s.newID("ca_", 32)
	s.platform = s.newPlatform()
	s.newBank("")
	s.handler = s.routes()
	return s
}

// ServeHTTP answers the API below /v1/ and the hosted pages elsewhere. It answers only under
// a loopback name, so that no page on the internet reaches it through a browser.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isLoopback(r.Host) {
		http.Error(w, "the sandbox answers on this machine only", http.StatusMisdirectedRequest)
		return
	}
	s.mu.Lock()
	if s.base == "" {
		s.base = "http://" + r.Host
	}
	s.mu.Unlock()
	limit := int64(maxBody)
	if isMultipart(r) {
		limit = maxUpload
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	s.handler.ServeHTTP(w, r)
}

// Start listens on addr, whose host must be a loopback one, and serves until Close. Port 0
// picks a free port; URL then tells it. A sandbox whose state was kept goes on at the address
// that it had, because every link it made begins with that.
func (s *Server) Start(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("sandbox address %q: %w", addr, err)
	}
	if !isLoopback(addr) {
		return fmt.Errorf("sandbox address %q: it listens on this machine only, such as 127.0.0.1:0", addr)
	}
	if s.state != "" {
		known, err := s.load(s.state)
		if err != nil {
			return err
		}
		if known {
			addr = s.savedAddr(addr)
		}
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("start the sandbox: %w", err)
	}
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	s.mu.Lock()
	s.server = server
	s.base = "http://" + net.JoinHostPort(host, port)
	s.mu.Unlock()
	if s.state != "" {
		s.sending.Go(func() { s.keepSaved(s.stopped, s.state) })
	}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("sandbox stopped", "error", err)
		}
	}()
	return nil
}

// URL is the address of the API and of the hosted pages, without a slash at its end. It is
// empty before Start, or before the first request when another server serves the handler.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.base
}

// Close stops listening, cuts calls and deliveries that are under way, and makes no further
// attempt. Nothing runs once it has returned.
func (s *Server) Close() error {
	s.stop()
	s.mu.Lock()
	s.closeSender()
	server := s.server
	s.mu.Unlock()
	s.sending.Wait()
	if server == nil {
		return nil
	}
	return server.Close()
}

// isLoopback reports whether host, with or without a port, names this machine.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
