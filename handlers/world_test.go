package handlers

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"trak/app"
	"trak/auth"
	"trak/connect"
	"trak/db"
	"trak/db/dbtest"
	"trak/logs"
)

// world is a Trak of its own: a real database, and a clock that the test moves.
type world struct {
	t   *testing.T
	h   *Server
	app *app.App
	dir string
	log *syncBuffer

	mu    sync.Mutex
	shift time.Duration
	still time.Time // the clock stands here, but for shift; zero = it goes
}

const (
	origin   = "http://trak.example"
	password = "otter lamp quarry mint"
)

// setup changes the configuration before the server is built.
func setup(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), log: &syncBuffer{}}
	ctx := context.Background()
	logger := logs.New(w.log, logs.JSON, slog.LevelDebug)
	dbtest.Prepare(t, w.dir, os.DirFS("../db/migrations"))
	database, err := db.Open(ctx, w.dir, db.Options{
		Migrations: db.Migrations{FS: os.DirFS("../db/migrations")}, Now: w.now, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close() })
	stripe, err := connect.New(connect.Config{SecretKey: "sk_test_handlers", BaseURL: "http://127.0.0.1:1", InstallID: "install"})
	if err != nil {
		t.Fatal(err)
	}
	box, err := auth.NewBox(auth.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	w.app, err = app.New(ctx, app.Config{
		DB: database, Stripe: stripe, AppURL: origin, Secrets: box, Limits: auth.NewLimits(w.now), Now: w.now, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	config := Config{App: w.app, Views: repo, Static: repo, AppURL: origin, Logger: logger, Now: w.now}
	for _, f := range change {
		f(&config)
	}
	if w.h, err = New(config); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.still.IsZero() {
		return w.still.Add(w.shift)
	}
	return time.Now().Add(w.shift)
}

// stopClock has time pass by pass alone.
func (w *world) stopClock() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.still = time.Now()
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shift += d
}

// user makes somebody with a workspace of theirs, and returns the workspace's slug.
func (w *world) user(email string) (app.User, app.Workspace) {
	w.t.Helper()
	ctx := context.Background()
	name, _, _ := strings.Cut(email, "@")
	u, err := w.app.CreateUser(ctx, app.NewUser{Email: email, Name: name, Password: password})
	if err != nil {
		w.t.Fatal(err)
	}
	ws, err := w.app.CreateWorkspace(ctx, u.ID, app.NewWorkspace{Name: name + " Studio", Country: "AT", Currency: "eur", TimeZone: "Europe/Vienna"})
	if err != nil {
		w.t.Fatal(err)
	}
	return u, ws
}

// databaseHolds says whether the text stands anywhere in the files of the database.
func (w *world) databaseHolds(text string) bool {
	w.t.Helper()
	for _, name := range []string{db.FileName, db.FileName + "-wal"} {
		b, err := os.ReadFile(filepath.Join(w.dir, name))
		if err != nil {
			w.t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

// browser keeps the cookie and the token of the last page's form.
type browser struct {
	w      *world
	cookie string // name=value
	token  string
	header map[string]string // of each request
}

type answer struct {
	status int
	body   string
	http.Header
}

func (w *world) browser() *browser { return &browser{w: w, header: map[string]string{}} }

// signedIn is a browser in which the user has signed in.
func (w *world) signedIn(email string) *browser {
	w.t.Helper()
	b := w.browser()
	b.get("/signin")
	if a := b.post("/signin", url.Values{"email": {email}, "password": {password}}); a.status != 303 {
		w.t.Fatalf("sign in: %d %s", a.status, a.body)
	}
	b.get("/workspaces")
	return b
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func (b *browser) get(path string, headers ...string) answer {
	b.w.t.Helper()
	return b.send(httptest.NewRequest(http.MethodGet, path, nil), headers...)
}

// post sends a form as a browser would from our own page, with the last token.
func (b *browser) post(path string, form url.Values, headers ...string) answer {
	b.w.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	if !form.Has("csrf") {
		form.Set("csrf", b.token)
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r, headers...)
}

func (b *browser) send(r *http.Request, headers ...string) answer {
	b.w.t.Helper()
	r.Host = "trak.example"
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	for name, value := range b.header {
		r.Header.Set(name, value)
	}
	for i := 0; i < len(headers); i += 2 {
		switch {
		case headers[i] == "Host":
			r.Host = headers[i+1]
		case headers[i+1] == "":
			r.Header.Del(headers[i])
		default:
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	res, err := b.w.h.Fiber().Test(r, -1)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		b.cookie = c.Name + "=" + c.Value
		if c.Value == "" {
			b.cookie = ""
		}
	}
	if m := csrfField.FindSubmatch(body); m != nil {
		b.token = string(m[1])
	}
	return answer{res.StatusCode, string(body), res.Header}
}

// value of the session's cookie.
func (b *browser) session() string {
	_, v, _ := strings.Cut(b.cookie, "=")
	return v
}

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func behindProxy(c *Config) {
	c.AppURL = "https://trak.example"
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/32")} // where fiber.App.Test calls from
}
