package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// E2: a page without a session takes nothing from another site either.
func TestOtherSitesWithoutASession(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, headers := range map[string][]string{
		"another origin": {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, "null": {"Sec-Fetch-Site", "", "Origin", "null"},
		"another site": {"Sec-Fetch-Site", "cross-site"}, "a sibling": {"Sec-Fetch-Site", "same-site"},
	} {
		if a := w.browser().post("/i/nobodys/viewed", nil, headers...); a.status != 403 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if a := w.browser().post("/i/nobodys/viewed", nil); a.status != 404 {
		t.Errorf("our own page: %d", a.status)
	}
}

// D6: nothing that was put into a session before signing in is there afterwards, and a form's
// token from before is worth nothing.
func TestSigningInBeginsAnew(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.user("mira@north.example")
	b := w.browser()
	b.get("/signin")
	before := b.token
	ctx, err := w.h.session.Load(context.Background(), b.session())
	if err != nil {
		t.Fatal(err)
	}
	w.h.session.Put(ctx, keyFlash, "Planted by somebody else.")
	if _, _, err := w.h.session.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if a := b.post("/signin", url.Values{"email": {"mira@north.example"}, "password": {password}}); a.status != 303 {
		t.Fatalf("%d", a.status)
	}
	if a := b.get("/workspaces"); a.status != 200 || strings.Contains(a.body, "Planted") {
		t.Errorf("%d, or what was planted is shown", a.status)
	}
	if a := b.post("/theme", url.Values{"csrf": {before}, "theme": {"dark"}}); a.status != 403 {
		t.Errorf("with the token from before: %d", a.status)
	}
}

// D8: a session that only holds a form's token lasts an hour.
func TestAnonymousSessionEnds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.user("mira@north.example")
	b := w.browser()
	b.get("/signin")
	w.pass(61 * time.Minute)
	if a := b.post("/signin", url.Values{"email": {"mira@north.example"}, "password": {password}}); a.status != 403 {
		t.Errorf("%d", a.status)
	}
}

// Pages go out compressed: a token that stood there as it is could be guessed from their length.
func TestTokensAreMasked(t *testing.T) {
	t.Parallel()
	const token = "the token of a session"
	one, two := masked(token), masked(token)
	if one == two || !unmasked([]byte(one), token) || !unmasked([]byte(two), token) {
		t.Errorf("%q, %q", one, two)
	}
	n := 0 // of a hundred masks none begins like another
	seen := map[string]bool{}
	for range 100 {
		if m := masked(token)[:8]; !seen[m] {
			seen[m] = true
			n++
		}
	}
	if n != 100 {
		t.Errorf("%d of 100 masks differ", n)
	}
	for _, wrong := range []string{"", token, one + "A", one[:len(one)-4], strings.Repeat("A", len(one)), "%%%"} {
		if unmasked([]byte(wrong), token) {
			t.Errorf("%q passes", wrong)
		}
	}
	if unmasked([]byte(masked("")), "") || unmasked(nil, "") {
		t.Error("without a token everything passes")
	}
}

// What a handler keeps of a request does not change with the next one, and work ends in time.
func TestHandlersAreSafe(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var kept []string
	var left time.Duration
	w.h.Fiber().Get("/kept/:id", func(c *fiber.Ctx) error {
		kept = append(kept, c.Params("id"), c.Query("q"), c.Get("X-Kept"), c.Cookies("kept"))
		end, _ := c.UserContext().Deadline()
		left = time.Until(end)
		return nil
	})
	var want []string
	for i := range 4 {
		v := fmt.Sprintf("value%d%d%d", i, i, i)
		r := httptest.NewRequest(http.MethodGet, "/kept/"+v+"?q="+v, nil)
		r.Header.Set("Cookie", "kept="+v)
		w.browser().send(r, "X-Kept", v)
		want = append(want, v, v, v, v)
	}
	if !slices.Equal(kept, want) {
		t.Errorf("kept %q", kept)
	}
	if left <= 0 || left > requestTimeout {
		t.Errorf("a request may take %s", left)
	}
}

// C1: what somebody may is asked before what they sent is read.
func TestPermissionComesFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, ws := w.user("mira@north.example")
	jon, err := w.app.CreateUser(context.Background(), app.NewUser{Email: "jon@north.example", Name: "Jon", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.app.AddMember(context.Background(), ws.ID, jon.ID, app.Member); err != nil {
		t.Fatal(err)
	}
	b := w.signedIn("jon@north.example")
	tooLong := url.Values{"note": {strings.Repeat("a", maxField+1)}}
	tried := 0
	for _, pattern := range w.h.paths[http.MethodPost] {
		if !strings.HasPrefix(pattern, "/w/:slug/") {
			continue
		}
		path := strings.NewReplacer(":slug", ws.Slug, ":id", "0190", ":payment", "0191").Replace(pattern)
		if a := b.post(path, url.Values{}); a.status != 403 {
			continue // what members may
		}
		tried++
		if a := b.post(path, tooLong); a.status != 403 {
			t.Errorf("%s reads the form first: %d", path, a.status)
		}
	}
	if tried < 5 {
		t.Errorf("only %d routes that members may not use", tried)
	}
}

// D3: the set-up link is worth nothing once there is a user, however that came to be.
func TestSetupLinkIsForTheFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	link, err := w.app.SetupLink(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	if a := b.get(link); a.status != 200 {
		t.Fatalf("%d", a.status)
	}
	w.user("mira@north.example")
	if a := b.get(link); a.status != 404 {
		t.Errorf("%d", a.status)
	}
	_, token, _ := strings.Cut(link, "token=")
	if a := b.post("/setup", url.Values{"token": {token}, "name": {"Eve"}}); a.status != 404 {
		t.Errorf("the form: %d", a.status)
	}
}
