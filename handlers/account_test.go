package handlers

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"trak/app"
	"trak/db"
)

// number asks the database behind Trak's back.
func (w *world) number(query string, args ...any) (n int64) {
	w.t.Helper()
	file, err := sql.Open("sqlite3", "file:"+filepath.Join(w.dir, db.FileName)+"?mode=ro")
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if err := file.QueryRow(query, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

var endButton = regexp.MustCompile(`name="session" value="([^"]+)" aria-label="End the session of ([^"]+)"`)

// D10: a person sees where they are signed in, and ends one or all.
func TestSessions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	u, _ := w.user("mira@north.example")
	kim, _ := w.user("kim@north.example")
	here := w.signedIn("mira@north.example")
	phone := w.browser()
	phone.header["User-Agent"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1 <b>"
	phone.get("/signin")
	phone.post("/signin", url.Values{"email": {"mira@north.example"}, "password": {password}})
	other := w.signedIn("kim@north.example")
	w.pass(3 * time.Minute)
	page := here.get("/account/security")
	handles := map[string]string{}
	for _, m := range endButton.FindAllStringSubmatch(page.body, -1) {
		handles[m[2]] = m[1]
	}
	if len(handles) != 2 || handles["Safari on iPhone"] == "" || strings.Count(page.body, "This one") != 1 || !strings.Contains(page.body, "Last used 3 minutes ago, signed in 3 minutes ago") || !strings.Contains(page.body, ">0.0.0.0<") {
		t.Fatalf("%v %s", handles, page.body)
	}
	for _, handle := range handles {
		b := w.browser()
		b.cookie = "trak=" + handle
		if a := b.get("/workspaces"); a.status != 303 {
			t.Error("a handle opens something")
		}
	}
	t.Run("nobody ends another person's, or one that is not there", func(t *testing.T) {
		theirs, err := w.app.SessionsOf(context.Background(), kim.ID)
		if err != nil || len(theirs) != 1 {
			t.Fatalf("%v %v", theirs, err)
		}
		for _, handle := range []string{theirs[0].Handle, "x", ""} {
			if a := here.post("/account/security/sessions/end", url.Values{"session": {handle}}); a.status != 404 {
				t.Errorf("%q: %d", handle, a.status)
			}
		}
		if a := other.get("/workspaces"); a.status != 200 {
			t.Errorf("and yet it ended: %d", a.status)
		}
	})
	t.Run("one is ended, and the others go on", func(t *testing.T) {
		if a := here.post("/account/security/sessions/end", url.Values{"session": {handles["Safari on iPhone"]}}); a.status != 303 || a.Get("Location") != "/account/security" {
			t.Fatalf("%d to %q", a.status, a.Get("Location"))
		}
		if a := phone.get("/workspaces"); a.status != 303 {
			t.Errorf("it goes on: %d", a.status)
		}
		if a := here.get("/account/security"); a.status != 200 || strings.Contains(a.body, "iPhone") {
			t.Errorf("%d, or it is still listed", a.status)
		}
	})
	t.Run("all are ended, this one as well", func(t *testing.T) {
		second := w.signedIn("mira@north.example")
		cookie := here.cookie
		if a := here.post("/account/security/sessions/end", url.Values{"session": {"everywhere"}}); a.status != 303 || a.Get("Location") != "/signin" || here.cookie != "" {
			t.Fatalf("%d to %q", a.status, a.Get("Location"))
		}
		here.cookie = cookie
		for _, b := range []*browser{here, second} {
			if a := b.get("/workspaces"); a.status != 303 {
				t.Errorf("%d", a.status)
			}
		}
	})
	t.Run("what is under way can't bring one back, not even under another token", func(t *testing.T) {
		for name, end := range map[string]func(handle string) error{
			"everywhere": func(string) error { return w.app.EndSessionsOf(context.Background(), u.ID) },
			"this one":   func(handle string) error { return w.app.EndSession(context.Background(), u.ID, handle) },
			"a password": func(string) error {
				return w.app.ChangePassword(context.Background(), u.ID, password, "otter lamp quarry mint two", "192.0.2.1", "")
			},
		} {
			for _, renewed := range []bool{true, false} { // before it ended, after it ended
				b := w.signedIn("mira@north.example")
				late, err := w.h.session.Load(context.Background(), b.session())
				if err != nil {
					t.Fatal(err)
				}
				handle := w.h.session.GetString(late, app.SessionHandle)
				if renewed {
					if err := w.h.renewSession(late); err != nil {
						t.Fatal(err)
					}
				}
				if err := end(handle); err != nil {
					t.Fatal(err)
				}
				if !renewed && w.h.renewSession(late) == nil {
					t.Errorf("%s: what was ended is renewed", name)
				}
				w.h.session.Put(late, "x", "y")
				token, _, err := w.h.session.Commit(late)
				if err != nil {
					t.Fatal(err)
				}
				b.cookie = "trak=" + token
				if a := b.get("/workspaces"); a.status != 303 {
					t.Errorf("%s, renewed before %v: %d", name, renewed, a.status)
				}
				if name == "a password" {
					if err := w.app.ChangePassword(context.Background(), u.ID, "otter lamp quarry mint two", password, "192.0.2.1", ""); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

// D7 and D11: with the password go all other sessions, and the links that were mailed.
func TestChangePassword(t *testing.T) {
	t.Parallel()
	w := setup(t)
	u, _ := w.user("mira@north.example")
	w.user("kim@north.example")
	here, there, kim := w.signedIn("mira@north.example"), w.signedIn("mira@north.example"), w.signedIn("kim@north.example")
	here.get("/account/security/password")
	const better = "paper lantern quiet harbour"
	t.Run("the present one is asked for, and both are said to be wrong beside their fields", func(t *testing.T) {
		a := here.post("/account/security/password", url.Values{"current": {"not this one"}, "password": {"password1234"}})
		for _, want := range []string{"This is not your password", "Many people use this one", `autocomplete="current-password"`, `autocomplete="new-password"`, "2 fields need another look"} {
			if a.status != 422 || !strings.Contains(a.body, want) {
				t.Errorf("%d without %q", a.status, want)
			}
		}
		if strings.Contains(a.body, "not this one") || strings.Contains(a.body, "password1234") {
			t.Error("a password comes back")
		}
	})
	t.Run("a new one has to be good", func(t *testing.T) { // D16
		for _, bad := range []string{"", "k9#vLq2!xWd", strings.Repeat("x7 ", 400), "LetMeInPlease!", "482915703366", "ｐａｓｓｗｏｒｄ１２３４", password} {
			if a := here.post("/account/security/password", url.Values{"current": {password}, "password": {bad}}); a.status != 422 || !strings.Contains(a.body, `id="password-error"`) {
				t.Errorf("%.20q: %d", bad, a.status)
			}
		}
		if a := here.post("/account/security/password", url.Values{"current": {password}, "password": {strings.Repeat("x", 20_000)}}); a.status != 413 {
			t.Errorf("20,000 bytes: %d", a.status)
		}
	})
	t.Run("here the session goes on under another token, all others end", func(t *testing.T) {
		before := here.cookie
		if a := here.post("/account/security/password", url.Values{"current": {password}, "password": {better}}); a.status != 303 || here.cookie == before {
			t.Fatalf("%d, or the token stays", a.status)
		}
		if a := here.get("/account/security"); a.status != 200 || !strings.Contains(a.body, "You are signed out everywhere else") {
			t.Errorf("%d", a.status)
		}
		old := w.browser()
		old.cookie = before
		for who, b := range map[string]*browser{"another browser": there, "the token before": old} {
			if a := b.get("/workspaces"); a.status != 303 {
				t.Errorf("%s: %d", who, a.status)
			}
		}
		if a := kim.get("/workspaces"); a.status != 200 {
			t.Errorf("somebody else: %d", a.status)
		}
		if n := w.number("SELECT count(*) FROM messages WHERE subject = 'Your password was changed' AND recipient = 'mira@north.example'"); n != 1 {
			t.Errorf("%d messages tell of it", n)
		}
	})
	t.Run("the old one signs in no more, the new one does, composed or not", func(t *testing.T) {
		b := w.browser()
		b.get("/signin")
		if a := b.post("/signin", url.Values{"email": {"mira@north.example"}, "password": {password}}); a.status != 422 {
			t.Errorf("the old one: %d", a.status)
		}
		if a := b.post("/signin", url.Values{"email": {"mira@north.example"}, "password": {better}}); a.status != 303 {
			t.Errorf("the new one: %d", a.status)
		}
	})
	t.Run("guessing the present one is slowed down", func(t *testing.T) {
		w.pass(20 * time.Minute)
		var last answer
		for range 11 {
			last = here.post("/account/security/password", url.Values{"current": {"wrong"}, "password": {password}})
		}
		if last.status != 429 || last.Get("Retry-After") == "" {
			t.Errorf("%d", last.status)
		}
	})
	if _, err := w.app.UserByID(context.Background(), u.ID); err != nil {
		t.Error(err)
	}
}

// D20: many who sign in at once take turns, and neither memory nor others suffer. It runs alone:
// the memory of all tests is one.
func TestManySignInsAtOnce(t *testing.T) {
	w := setup(t)
	w.user("mira@north.example")
	browsers := make([]*browser, 50)
	for i := range browsers {
		browsers[i] = w.browser()
		browsers[i].get("/signin")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	statuses := make([]int, len(browsers))
	for i, b := range browsers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			statuses[i] = b.post("/signin", url.Values{"email": {fmt.Sprintf("nobody%d@north.example", i%25)}, "password": {password}}).status
		}()
	}
	wg.Wait()
	runtime.ReadMemStats(&after)
	answers := map[int]int{}
	for _, s := range statuses {
		answers[s]++
	}
	if answers[422]+answers[429] != len(browsers) || answers[422] == 0 {
		t.Errorf("answers %v", answers)
	}
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 256<<20 {
		t.Errorf("the heap has grown by %d MB", grown>>20)
	}
}

func TestDeviceText(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0":                                                               "Firefox on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15":                          "Safari on Mac",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36":                                "Chrome on Android",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0":                  "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36":                                 "Chrome on ChromeOS",
		"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0":                                                                         "Firefox on Linux",
		"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1":                 "Safari on iPad",
		"curl/8.9.1": "curl", "": "Unknown browser", "<script>": "Unknown browser",
	} {
		if got := deviceText(agent); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
