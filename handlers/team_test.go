package handlers_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"trak/app"
)

var invitationLink = regexp.MustCompile(`id="invitation-link"[^>]* value="([^"]+)"`)

// invites lets the owner of north invite somebody, and returns the path of the link.
func (w *whole) invites(email string, role app.Role) string {
	w.t.Helper()
	p := w.as("owner").post(path(w.north, "/settings/team/invitations"), "email", email, "role", string(role))
	p.has(w.t, http.StatusOK, "Send this link to "+email)
	link := html.UnescapeString(p.find(w.t, invitationLink))
	if !strings.HasPrefix(link, w.url+"/invite?token=trk_inv_") {
		w.t.Fatalf("the link is %s", link)
	}
	return strings.TrimPrefix(link, w.url)
}

func tokenIn(link string) string {
	_, token, _ := strings.Cut(link, "token=")
	return token
}

// member is the id of one of north's people, by role.
func (w *whole) member(role string) string { return w.userID(w.people[role]) }

// accepts joins by a link, as who is signed in, or as somebody new.
func (v *visitor) accepts(link string, fields ...string) page {
	v.w.t.Helper()
	v.get(link)
	return v.post("/invite", append([]string{"token", tokenIn(link)}, fields...)...)
}

func TestTeamPage(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	here := path(w.north, "/settings/team")
	w.invites("kim@new.example", app.Accountant)
	for role, sees := range map[string]struct{ has, lacks []string }{
		"owner":      {[]string{"Invite somebody", "Role of Ada Brandt", "Remove Ada Brandt", "Hand over ownership to Ada Brandt", "kim@new.example", "Expires in 7 days", "Revoke the invitation of kim@new.example"}, []string{"Role of Mira Osei", "/invite?token="}},
		"admin":      {[]string{"Invite somebody", "Role of Jon Bell", "kim@new.example"}, []string{"Role of Mira Osei", "Remove Mira Osei", "Hand over", `value="owner"`}},
		"member":     {[]string{"Owners and admins invite people"}, []string{"Invite somebody", "kim@new.example", "Role of", "Remove", "Hand over"}},
		"accountant": {[]string{"Owners and admins invite people"}, []string{"Invite somebody", "kim@new.example", "Role of", "Remove", "Hand over"}},
	} {
		p := w.as(role).get(here)
		p.has(t, http.StatusOK, append(sees.has, "Mira Osei", "Ada Brandt", "Jon Bell", "Noor Haddad", "Accountant", "Leave workspace", `<a href="`+here+`" aria-current="page">`)...)
		p.lacks(t, sees.lacks...)
		p.wellFormed(t)
	}
	w.as("owner").post(here+"/invitations", "email", "kim at home", "role", "member").
		has(t, http.StatusUnprocessableEntity, `value="kim at home"`, "Enter an email address", `<option value="member" selected>`)
	p := w.as("admin").post(here+"/invitations", "email", "lee@new.example", "role", "admin")
	if p.status != http.StatusSeeOther || strings.Contains(p.body, "trk_inv_") {
		t.Errorf("an admin is told a link: %d", p.status)
	}
	w.as("admin").get(here).has(t, http.StatusOK, "lee@new.example is invited.")
	w.as("owner").post(here+"/invitations", "email", "jon@north.example", "role", "admin").has(t, http.StatusUnprocessableEntity, "Jon Bell is in the team already")
	w.advance(8 * 24 * time.Hour)
	owner := w.newcomer("mira@north.example")
	owner.get(here).has(t, http.StatusOK, "Expired 24 hours ago")
}

// C4 over HTTP, and lists where one value is expected.
func TestOddRolesOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	at := path(w.north, "/settings/team/members/"+w.member("member")+"/role")
	for _, fields := range [][]string{{"role", "superadmin"}, {"role", ""}, {"role", "OWNER"}, {"role[]", "owner"}, {"role[0]", "owner"}, {}} {
		for kind, headers := range map[string][]string{"plain": nil, "htmx": asHTMX("x", w.url)} {
			if p := w.as("owner").try(request{http.MethodPost, at, fields}, headers...); p.status != http.StatusUnprocessableEntity {
				t.Errorf("%v, %s: %d", fields, kind, p.status)
			}
		}
	}
	w.as("owner").post(at+"?role=owner", "role", "nobody").has(t, http.StatusUnprocessableEntity)
}

// C2, C3 and C7: the same answer to a form and to htmx.
func TestOwnersOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	team := path(w.north, "/settings/team")
	owner, admin := team+"/members/"+w.member("owner"), team+"/members/"+w.member("admin")
	w.as("owner")
	w.as("admin")
	before := w.rows("")
	for kind, headers := range map[string][]string{"plain": nil, "htmx": asHTMX("x", w.url)} {
		for what, r := range map[string]request{
			"promotes themselves":  {http.MethodPost, admin + "/role", []string{"role", "owner"}},
			"demotes an owner":     {http.MethodPost, owner + "/role", []string{"role", "member"}},
			"removes an owner":     {http.MethodPost, owner + "/remove", nil},
			"asks to remove one":   {http.MethodGet, owner + "/remove", nil},
			"takes the ownership":  {http.MethodPost, admin + "/owner", nil},
			"invites another":      {http.MethodPost, team + "/invitations", []string{"email", "kim@new.example", "role", "owner"}},
			"asks about ownership": {http.MethodGet, admin + "/owner", nil},
		} {
			p := w.as("admin").try(r, headers...)
			if p.status != http.StatusForbidden || !strings.Contains(p.body, "Only owners can make, change or remove owners. Ask Mira Osei.") {
				t.Errorf("an admin %s, %s: %d %s", what, kind, p.status, p.main())
			}
		}
		for what, r := range map[string]request{
			"leaves":          {http.MethodPost, team + "/leave", nil},
			"is demoted":      {http.MethodPost, owner + "/role", []string{"role", "admin"}},
			"is removed":      {http.MethodPost, owner + "/remove", nil},
			"hands to nobody": {http.MethodPost, owner + "/owner", nil},
		} {
			p := w.as("owner").try(r, headers...)
			if p.status != http.StatusConflict || what != "hands to nobody" && !strings.Contains(p.body, "Make somebody else an owner first") {
				t.Errorf("the last owner %s, %s: %d %s", what, kind, p.status, p.main())
			}
		}
	}
	w.unchanged(t, before, "", "what may not be")
	ask := w.as("owner").get(team + "/leave")
	ask.has(t, http.StatusOK, "You can&#39;t leave Northlight Studio yet", "Make somebody else an owner first")
	ask.lacks(t, "<button class=\"btn danger\"")

	ask = w.as("owner").get(admin + "/owner")
	ask.has(t, http.StatusOK, "Hand over to Ada Brandt?", "Hand over ownership", "you become an admin")
	w.as("owner").post(admin+"/owner").has(t, http.StatusSeeOther)
	w.as("admin").get(team).has(t, http.StatusOK, "Role of Mira Osei", "Hand over ownership to")
	w.as("owner").post(admin+"/role", "role", "member").has(t, http.StatusForbidden)
}

// C5: a change of role holds from the next request on, polls included.
func TestRolesHoldAtOnce(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	admin, tiles := w.as("admin"), path(w.north, "/payments/tiles")
	w.as("owner")
	admin.get(tiles).has(t, http.StatusOK) // from here on polls may go by what they were for two seconds
	admin.get(path(w.north, "/payments/connect/status")).has(t, http.StatusOK, "data-primary>Connect with Stripe")
	w.as("owner").post(path(w.north, "/settings/team/members/"+w.member("admin")+"/role"), "role", "accountant").has(t, http.StatusSeeOther)
	admin.get(path(w.north, "/payments/connect/status")).lacks(t, "data-primary>Connect with Stripe")
	admin.post(path(w.north, "/payments/connect"), "country", "DE").has(t, http.StatusForbidden, "Only owners and admins can manage the Stripe connection.")
	admin.get(path(w.north, "/payments/invoices/new")).has(t, http.StatusForbidden, "Only owners, admins and members can edit invoices.")
}

// C6: who is removed sees that from the next request on, in every page that is open.
func TestRemovedWithAPageOpen(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	member, tiles, here := w.as("member"), path(w.north, "/payments/tiles"), path(w.north, "/payments")
	second := w.newcomer(w.people["member"])
	second.get(here).has(t, http.StatusOK)
	removal := path(w.north, "/settings/team/members/"+w.member("member")+"/remove")
	w.as("owner").get(removal).has(t, http.StatusOK, "Remove Jon Bell?", "Remove member")
	member.get(tiles).has(t, http.StatusOK) // from here on polls may go by what they were for two seconds
	w.as("owner").post(removal).has(t, http.StatusSeeOther)
	for _, v := range []*visitor{member, second} {
		poll := v.try(request{http.MethodGet, tiles, nil}, asHTMX("section#overview", w.url+here)...)
		if poll.status != http.StatusNotFound || poll.header.Get("HX-Redirect") != here || strings.Contains(poll.body, "<") {
			t.Errorf("a poll: %d, leads to %q: %s", poll.status, poll.header.Get("HX-Redirect"), poll.body)
		}
		p := v.get(here)
		p.has(t, http.StatusNotFound, "You are no longer in this workspace", "ask them to invite you again")
		p.lacks(t, "Northlight", "Mira", "went wrong")
		v.post(path(w.north, "/clients"), "name", "Late").has(t, http.StatusNotFound, "You are no longer in this workspace")
		v.post("/workspaces/switch", "slug", w.north.Workspace.Slug).has(t, http.StatusNotFound)
	}
	w.as("stranger").get(here).lacks(t, "You are no longer")

	// Nothing is left for them but to be invited, or to begin a workspace.
	if p := member.get("/"); p.status != http.StatusSeeOther || p.header.Get("Location") != "/workspaces" {
		t.Errorf("the start page: %d to %q", p.status, p.header.Get("Location"))
	}
	member.get("/workspaces").has(t, http.StatusOK, "You are in no workspace.", "invite jon@north.example", "Create workspace")
	member.accepts(w.invites("jon@north.example", app.Accountant)).has(t, http.StatusSeeOther)
	member.get(here).has(t, http.StatusOK, "Welcome to the team.", "Accountant")
}

func TestLeaving(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	admin, team := w.as("admin"), path(w.north, "/settings/team")
	must(t, w.app.AddMember(context.Background(), w.south.WorkspaceID, w.member("admin"), app.Member))
	admin.get(team+"/leave").has(t, http.StatusOK, "Leave Northlight Studio?", "Leave workspace")
	if p := admin.post(team + "/members/" + w.member("admin") + "/remove"); p.status != http.StatusSeeOther || p.header.Get("Location") != "/" {
		t.Errorf("removing oneself: %d to %q", p.status, p.header.Get("Location"))
	}
	if p := admin.get("/"); p.header.Get("Location") != path(w.south, "/payments") {
		t.Errorf("then to %q", p.header.Get("Location"))
	}
	admin.get(path(w.south, "/payments")).has(t, http.StatusOK, "You left Northlight Studio.")
}

// D1, D2: an invitation from the link to the team's pages.
func TestInvitationOfSomebodyNew(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	link := w.invites("kim@new.example", app.Member)
	kim := w.newcomer("")
	p := kim.get(link)
	p.has(t, http.StatusOK, "Join Northlight Studio", "Mira Osei invites <b>kim@new.example</b> to join as a member.", `autocomplete="new-password"`, "Create account and join")
	p.wellFormed(t)
	p = kim.accepts(link, "name", "Kim", "password", "short")
	p.has(t, http.StatusUnprocessableEntity, `value="Kim"`, "Use at least 12 characters", "Join Northlight Studio")
	p.lacks(t, `value="short"`)
	before := kim.session()
	p = kim.accepts(link, "name", "Kim", "email", "mira@north.example", "password", secret)
	if p.status != http.StatusSeeOther || p.header.Get("Location") != path(w.north, "/payments") || kim.session() == before {
		t.Fatalf("%d to %q, a new session: %v", p.status, p.header.Get("Location"), kim.session() != before)
	}
	kim.get(path(w.north, "/payments")).has(t, http.StatusOK, "Welcome to the team.", "kim@new.example")
	w.newcomer("kim@new.example").get(path(w.north, "/clients")).has(t, http.StatusOK)

	used := kim.get(link)
	used.has(t, http.StatusNotFound, "This invitation doesn't work any more")
	kim.get("/invite?token=trk_inv_nobodys").sameAs(t, used, "a used link, and one that is nobody's")
	kim.get("/invite").sameAs(t, used, "no token")
	kim.accepts(link).sameAs(t, used, "a used link that is accepted")
	if strings.Contains(w.logged(), tokenIn(link)) {
		t.Error("the token is in the log")
	}
}

func TestInvitationOfSomebodyWithAnAccount(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	link := w.invites("tomas@south.example", app.Admin)
	tomas := w.newcomer("")
	p := tomas.get(link)
	p.has(t, http.StatusOK, "There is an account with this address.", `href="/signin?next=`+html.EscapeString(url.QueryEscape(link))+`"`)
	p.lacks(t, "Create account", `name="password"`)
	// Nobody takes the account over without its password.
	tomas.accepts(link, "name", "Mallory", "password", secret+" another").has(t, http.StatusConflict, "There is an account with this address.")
	tomas.get("/signin?next=" + url.QueryEscape(link))
	if p := tomas.post("/signin", "email", "tomas@south.example", "password", secret, "next", link); p.header.Get("Location") != link {
		t.Fatalf("after signing in: %d to %q", p.status, p.header.Get("Location"))
	}

	// Somebody else is told so, and may sign out and come back.
	other := w.as("member")
	p = other.get(link)
	p.has(t, http.StatusOK, "You are signed in as <b>jon@north.example</b>", "Sign out")
	p.lacks(t, ">Join Northlight Studio</button>")
	other.accepts(link).has(t, http.StatusForbidden, "You are signed in as <b>jon@north.example</b>")
	if p := other.post("/signout", "next", link); p.header.Get("Location") != link {
		t.Errorf("after signing out: %d to %q", p.status, p.header.Get("Location"))
	}

	before := tomas.session()
	tomas.get(link).has(t, http.StatusOK, ">Join Northlight Studio</button>")
	tomas.accepts(link).has(t, http.StatusSeeOther)
	if tomas.session() == before {
		t.Error("the session's token stays as what its holder may changes")
	}
	tomas.get("/workspaces").has(t, http.StatusOK, "Northlight Studio", "Southwark Prints", "Admin", "Owner")
	tomas.get(path(w.north, "/settings/team")).has(t, http.StatusOK, "Invite somebody")
}

// Where sign-out leads is a page of ours.
func TestSignOutLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, ""} {
		v := w.newcomer("jon@north.example")
		if p := v.post("/signout", "next", next); p.header.Get("Location") != "/signin" {
			t.Errorf("%q: to %q", next, p.header.Get("Location"))
		}
	}
}

// Who guesses at links has to wait.
func TestInvitationsAreNotGuessed(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	v := w.newcomer("")
	link, last := w.invites("kim@new.example", app.Member), 0
	for range 40 {
		last = v.get("/invite?token=trk_inv_guess").status
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the fortieth guess: %d", last)
	}
	v.accepts(link, "name", "Kim", "password", secret).has(t, http.StatusTooManyRequests)
	w.advance(time.Minute)
	v.accepts(link, "name", "Kim", "password", secret).has(t, http.StatusSeeOther)
}

// D5: the page says when it goes on, and nothing is lost.
func TestTooManyInvitations(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	at := path(w.north, "/settings/team/invitations")
	for range 5 {
		w.invites("kim@new.example", app.Member)
	}
	p := w.as("owner").post(at, "email", "kim@new.example", "role", "admin")
	p.has(t, http.StatusTooManyRequests, "That is a lot of mail for one day. Try again in 24 hours.", `value="kim@new.example"`)
	if p.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

var (
	forms = regexp.MustCompile(`<form\b[^>]*\baction="([^"]*)"`)
	links = regexp.MustCompile(`\s(href|hx-get|hx-post)="(/w/[^"]*)"`)
)

// No page offers somebody what they may not do, whatever their role.
func TestPagesOfferOnlyWhatIsAllowed(t *testing.T) {
	t.Parallel()
	w, north, _ := newHalves(t)
	for _, key := range keys(func(method, pattern string, r rule) bool {
		return method == http.MethodGet && strings.Contains(pattern, ":slug") && r.status == 0
	}) {
		r := rules[key]
		for _, role := range app.Roles() {
			if !role.May(app.Permission(r.may)) {
				continue
			}
			req := north.request(key, north.slug, north.ids[r.of])
			body := w.as(string(role)).get(req.path).body
			offered := map[string]bool{}
			for _, m := range forms.FindAllStringSubmatch(body, -1) {
				if strings.HasPrefix(m[1], "/w/") {
					offered["POST "+html.UnescapeString(m[1])] = true
				}
			}
			for _, m := range links.FindAllStringSubmatch(body, -1) {
				method := "GET "
				if m[1] == "hx-post" {
					method = "POST "
				}
				offered[method+html.UnescapeString(m[2])] = true
			}
			for offer := range offered {
				if may := neededFor(offer); may != "" && !role.May(app.Permission(may)) {
					t.Errorf("%s offers a %s to do %s, which needs: %s", key, role, offer, may)
				}
			}
		}
	}
}

// neededFor is the permission of the route that an offer leads to, "" when it is none of a
// workspace's.
func neededFor(offer string) string {
	offer, _, _ = strings.Cut(offer, "?")
	best, may := -1, ""
	for key, r := range rules {
		pattern := regexp.MustCompile(`:[a-z]+`).ReplaceAllString(regexp.QuoteMeta(key), `[^/]+`)
		fixed := len(regexp.MustCompile(`:[a-z]+`).ReplaceAllString(key, ""))
		if strings.Contains(key, ":slug") && fixed > best && regexp.MustCompile("^"+pattern+"$").MatchString(offer) {
			best, may = fixed, r.may
		}
	}
	return may
}
