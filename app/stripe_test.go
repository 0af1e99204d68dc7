package app_test

import (
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"trak/app"
	"trak/db"
)

// atStripe lists what the sandbox has of a kind (accounts, payment_links, prices, …) on an
// account, "" for the platform's own.
func (w *world) atStripe(account, kind string) (list []map[string]any) {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, w.sandbox.URL()+"/v1/"+kind+"?limit=100", nil)
	must(w.t, err)
	r.Header.Set("Authorization", "Bearer sk_test_sandbox")
	if account != "" {
		r.Header.Set("Stripe-Account", account)
	}
	res, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer func() { _ = res.Body.Close() }()
	var answer struct{ Data []map[string]any }
	must(w.t, json.NewDecoder(res.Body).Decode(&answer))
	return answer.Data
}

// active counts the links that can be paid.
func active(links []map[string]any) (n int) {
	for _, l := range links {
		if l["active"] == true {
			n++
		}
	}
	return n
}

// file is the world's database beside its server, for what only SQL can do or see.
func (w *world) file() *sql.DB {
	w.t.Helper()
	if w.raw == nil {
		var err error
		w.raw, err = sql.Open("sqlite3", "file:"+filepath.Join(w.dir, db.FileName)+"?_busy_timeout=10000&_txlock=immediate")
		must(w.t, err)
		w.raw.SetMaxOpenConns(1)
		w.t.Cleanup(func() { _ = w.raw.Close() })
	}
	return w.raw
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	must(w.t, ignore(w.file().Exec(query, args...)))
}

// ask is the one value that a query gives.
func ask[T any](w *world, query string, args ...any) (v T) {
	w.t.Helper()
	must(w.t, w.file().QueryRow(query, args...).Scan(&v))
	return v
}

// through restarts Trak with something between it and the sandbox.
func (w *world) through() *between {
	w.t.Helper()
	w.stop()
	b := newBetween(w.t, w.sandbox.URL())
	w.stripe = b.URL
	w.start()
	return b
}

// stranger is the owner of another workspace.
func (w *world) stranger() app.Actor {
	w.t.Helper()
	return w.person("Tomas Lind", "tomas@south.example", "Southwark Prints", app.Owner)
}

// between stands between Trak and the sandbox.
type between struct {
	*httptest.Server
	mu       sync.Mutex
	watch    string                                          // method and path, as in "POST /v1/accounts"
	answered func(w http.ResponseWriter, res *http.Response) // instead of passing the answer on
	before   bool                                            // and instead of passing the call on
	calls    []string
}

// newBetween passes everything on to the sandbox, except for the answers that on is asked about.
func newBetween(t *testing.T, sandbox string) *between {
	t.Helper()
	target, err := url.Parse(sandbox)
	must(t, err)
	b := &between{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Method + " " + r.URL.Path
		b.mu.Lock()
		b.calls = append(b.calls, call)
		answered := b.answered
		if answered != nil && !strings.HasPrefix(call, b.watch) {
			answered = nil
		}
		before := b.before
		b.mu.Unlock()
		switch {
		case answered == nil:
			proxy.ServeHTTP(w, r)
			return
		case before:
			answered(w, nil)
			return
		}
		out := r.Clone(r.Context())
		out.RequestURI, out.URL.Scheme, out.URL.Host, out.Host = "", target.Scheme, target.Host, target.Host
		res, err := http.DefaultTransport.RoundTrip(out)
		if r.Context().Err() != nil {
			return // Trak did not wait for it
		}
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		res.Body = io.NopCloser(strings.NewReader(string(body)))
		answered(w, res)
	}))
	t.Cleanup(b.Close)
	return b
}

// on replaces the answers to calls that begin so. Their effect at Stripe stands.
func (b *between) on(call string, answered func(http.ResponseWriter, *http.Response)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watch, b.answered, b.before = call, answered, false
}

// onBefore answers calls that begin so itself: they have no effect at Stripe.
func (b *between) onBefore(call string, answered func(http.ResponseWriter, *http.Response)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watch, b.answered, b.before = call, answered, true
}

// lose cuts the connection in the middle of an answer: without its beginning, Go's client would
// send the request again by itself.
func lose(w http.ResponseWriter, _ *http.Response) {
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// off passes all answers on again.
func (b *between) off() { b.on("", nil) }

// pass gives an answer to Trak as it came.
func pass(w http.ResponseWriter, res *http.Response) {
	w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
	w.Header().Set("Request-Id", res.Header.Get("Request-Id"))
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body)
}

// times counts the calls that begin so.
func (b *between) times(call string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		if strings.HasPrefix(c, call) {
			n++
		}
	}
	return n
}
