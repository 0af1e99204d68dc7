package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"trak/app"
)

// Every route is tried by people who may not, and from where they may not. Nothing may change.
func TestRoutesRefuse(t *testing.T) {
	t.Parallel()
	w, north, south := newHalves(t)
	for _, role := range []string{"owner", "admin", "member", "accountant", "both"} {
		w.as(role)
	}
	t.Run("who is not signed in", func(t *testing.T) { refusesStrangers(t, w, north) })
	t.Run("another workspace", func(t *testing.T) { refusesOtherWorkspaces(t, w, north, south) })
	t.Run("what another workspace does", func(t *testing.T) { countsOnlyItsOwn(t, w, north, south) })
	t.Run("a role without the permission", func(t *testing.T) { refusesRoles(t, w, north) })
	t.Run("another site", func(t *testing.T) { refusesOtherSites(t, w, north) })
}

// B2 of the catalogue of attacks.
func refusesStrangers(t *testing.T, w *whole, north *half) {
	strangers := map[string]*visitor{"without a cookie": w.newcomer(""), "with a cookie of nobody's": w.newcomer(""), "signed out": w.newcomer("jon@north.example")}
	strangers["without a cookie"].client.Jar = nil
	strangers["signed out"].post("/signout").has(t, http.StatusSeeOther)
	before := w.rows("")
	for _, key := range keys(func(_, _ string, r rule) bool { return r.may != anyone }) {
		for who, v := range strangers {
			r := north.request(key, north.slug, north.ids[rules[key].of])
			p := v.try(r)
			to := "/signin"
			if r.method == http.MethodGet && r.path != "/" {
				to += "?next=" + url.QueryEscape(r.path)
			}
			if r.carried() { // what was typed goes along: see kept_draft.go
				p.has(t, http.StatusUnauthorized, `action="/signin"`, `name="kept.summary" value="Signs"`)
			} else if p.status != http.StatusSeeOther || p.header.Get("Location") != to {
				t.Errorf("%s, %s: %d to %q", key, who, p.status, p.header.Get("Location"))
			}
			p = v.try(r, asHTMX("x", w.url+"/w/here")...)
			if p.status != http.StatusUnauthorized || p.header.Get("HX-Redirect") != "/signin?next=%2Fw%2Fhere" || strings.Contains(p.body, "<") {
				t.Errorf("%s, %s, by htmx: %d to %q", key, who, p.status, p.header.Get("HX-Redirect"))
			}
		}
	}
	w.unchanged(t, before, "", "strangers")
}

// B1, B4 and B5: another workspace's ids are answered like ids that nothing has.
// Attacks B7 and B9.
func refusesOtherWorkspaces(t *testing.T, w *whole, north, south *half) {
	nowhere := south.nowhere()
	for _, key := range keys(func(_, _ string, r rule) bool { return r.may != anyone }) {
		r := rules[key]
		before := w.rows(w.south.WorkspaceID)
		for _, role := range []string{"owner", "admin", "member", "accountant", "both"} {
			v, what := w.as(role), key+" as "+role
			tenant := strings.Contains(key, ":slug")
			if tenant && role != "both" { // a workspace that they don't belong to
				v.refuses(t, what+", address of the other workspace", http.StatusNotFound,
					south.request(key, south.slug, south.ids[r.of]), nowhere.request(key, nowhere.slug, nowhere.ids[r.of]))
			}
			mayNot := tenant && role != "both" && !app.Role(role).May(app.Permission(r.may))
			switch {
			case mayNot: // refused before anything is looked for
			case r.of != "":
				v.refuses(t, what+", id of the other workspace", http.StatusNotFound,
					south.request(key, north.slug, south.ids[r.of]), nowhere.request(key, north.slug, nowhere.ids[r.of]))
				if strings.Contains(key, ":payment") { // B9: one's own invoice, and a payment of the other workspace
					mixed := north.request(key, north.slug, north.ids[r.of])
					mixed.path = strings.Replace(mixed.path, north.paymentOf(north.ids[r.of]), south.paymentOf(south.ids[r.of]), 1)
					if got := v.try(mixed); got.status != http.StatusNotFound {
						t.Errorf("%s with a payment of the other workspace: %d", what, got.status)
					}
				}
				for _, kind := range []thing{client, project, draft, open, paid, event, dispute, teammate, invitation} {
					got := v.try(south.request(key, north.slug, south.ids[kind]))
					if got.status != http.StatusNotFound {
						t.Errorf("%s with a %s of the other workspace: %d", what, kind, got.status)
					}
				}
				for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
					theirs, nobodys := south.request(key, north.slug, south.ids[r.of]), nowhere.request(key, north.slug, nowhere.ids[r.of])
					theirs.method, nobodys.method = method, method
					got := v.try(theirs)
					got.sameAs(t, v.try(nobodys), what+" by "+method)
					_, pattern, _ := strings.Cut(key, " ")
					twin, ok := rules[method+" "+pattern]
					if ok && role != "both" && !app.Role(role).May(app.Permission(twin.may)) {
						continue // refused before anything is looked for
					}
					if got.status != http.StatusNotFound && got.status != http.StatusMethodNotAllowed {
						t.Errorf("%s by %s: %d", what, method, got.status)
					}
				}
			case r.query != nil || r.form != nil:
				names := role == "both" && !tenant // they may go there
				got, otherwise := v.try(south.request(key, north.slug, "")), v.try(nowhere.request(key, north.slug, ""))
				if !names && got.status != otherwise.status {
					t.Errorf("%s, naming what is in the other workspace: %d, otherwise %d", what, got.status, otherwise.status)
				}
				if role != "both" {
					got.lacks(t, south.mark)
				}
				if key == "POST /workspaces/switch" && !names && got.status != http.StatusNotFound {
					t.Errorf("%s: %d", what, got.status)
				}
			}
		}
		w.unchanged(t, before, w.south.WorkspaceID, key)
	}
}

// countsOnlyItsOwn is B6: no list, counter or sum moves when something happens elsewhere.
// Attack B7.
func countsOnlyItsOwn(t *testing.T, w *whole, north, south *half) {
	owner := w.as("owner")
	pages := map[string]page{}
	for _, rest := range []string{"/clients", "/clients?archived=1", "/payments/events", "/payments/events?state=applied", "/payments/events/" + north.ids[event],
		"/projects", "/projects?archived=1", "/projects/" + north.ids[project], "/projects/" + north.ids[project] + "/sums", "/payments", "/payments/tiles", "/payments/history", "/payments/attention", "/payments/disputes", "/payments/disputes/" + north.ids[dispute], "/payments/connect", "/settings/team",
		"/payments/invoices", "/payments/invoices?tab=open", "/payments/invoices?tab=overdue", "/payments/invoices?tab=paid", "/payments/invoices?tab=draft", "/payments/invoices?tab=closed",
		"/payments/invoices/clients/suggest?client="} {
		pages[rest] = owner.get(path(north.owner, rest))
		if pages[rest].status != http.StatusOK {
			t.Errorf("%s: %d", rest, pages[rest].status)
		}
		pages[rest].lacks(t, south.mark)
	}
	south.make(client)
	south.make(draft)
	south.make(open)
	south.make(recorded)
	south.make(strayed)
	south.make(teammate)
	south.make(invitation)
	w.pay(south.owner, south.make(open), "4242424242424242")
	archived := south.make(client)
	must(t, w.app.ArchiveClient(t.Context(), south.owner, archived, true))
	must(t, w.app.ArchiveProject(t.Context(), south.owner, south.make(project), true))
	must(t, w.app.VoidInvoice(t.Context(), south.owner, south.make(open)))
	for rest, before := range pages {
		owner.get(path(north.owner, rest)).sameAs(t, before, rest+" after something happened in the other workspace")
	}
}

// refuses fails unless both requests get the same answer, with the status, plain and by htmx,
// also when fields and headers name the other workspace.
func (v *visitor) refuses(t *testing.T, what string, status int, theirs, nobodys request) {
	t.Helper()
	south := v.w.south
	theirs.form = slices.Concat(theirs.form, []string{"workspace_id", south.WorkspaceID, "workspace", south.Workspace.Slug, "slug", south.Workspace.Slug})
	for kind, headers := range map[string][]string{
		"plain":  {"X-Workspace-Id", south.WorkspaceID, "Referer", v.w.url + path(south, "/payments")},
		"htmx":   asHTMX("div#invoice", v.w.url+path(south, "/payments/invoices")),
		"a part": asHTMX("div#composer", v.w.url+path(south, "/payments")),
	} {
		got := v.try(theirs, headers...)
		got.sameAs(t, v.try(nobodys, headers...), fmt.Sprintf("%s, %s", what, kind))
		if got.status != status {
			t.Errorf("%s, %s: %d", what, kind, got.status)
		}
	}
}

// C1: inside one's own workspace the answer is 403 and says who may.
// Attack C7.
func refusesRoles(t *testing.T, w *whole, north *half) {
	tried := 0
	for _, key := range keys(func(_, pattern string, _ rule) bool { return strings.Contains(pattern, ":slug") }) {
		r := rules[key]
		for _, role := range app.Roles() {
			if role.May(app.Permission(r.may)) {
				continue
			}
			tried++
			before := w.rows("")
			req := north.request(key, north.slug, north.ids[r.of])
			for kind, headers := range map[string][]string{"plain": nil, "htmx": asHTMX("x", w.url)} {
				p := w.as(string(role)).try(req, headers...)
				if p.status != http.StatusForbidden || !strings.Contains(p.body, "Only "+rolesOf(app.Permission(r.may))+" can "+r.may+". Ask ") || !strings.Contains(p.body, "Mira Osei") {
					t.Errorf("%s as %s, %s: %d %s", key, role, kind, p.status, p.main())
				}
			}
			w.unchanged(t, before, "", key+" as "+string(role))
		}
	}
	if tried == 0 {
		t.Error("there is no route that some role may not use")
	}
}

func rolesOf(p app.Permission) string {
	switch {
	case app.Member.May(p):
		return "owners, admins and members"
	case app.Admin.May(p):
		return "owners and admins"
	}
	return "owners"
}

// E1, E2, E4 and E5: a change that does not come from a page of this session.
func refusesOtherSites(t *testing.T, w *whole, north *half) {
	owner := w.as("owner")
	stranger := w.newcomer("")
	attempts := map[string]struct {
		headers []string
		token   string
	}{
		"another site":                     {[]string{"Sec-Fetch-Site", "cross-site"}, owner.token},
		"a sibling of our host":            {[]string{"Sec-Fetch-Site", "same-site"}, owner.token},
		"another origin":                   {[]string{"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, owner.token},
		"no origin that can be told":       {[]string{"Sec-Fetch-Site", "", "Origin", "null"}, owner.token},
		"nothing about where it is from":   {[]string{"Sec-Fetch-Site", "", "Origin", ""}, owner.token},
		"no token":                         {nil, " "},
		"the token of another session":     {nil, w.as("member").token},
		"the token of nobody's session":    {nil, stranger.token},
		"another session's, by the header": {[]string{"X-CSRF-Token", stranger.token}, owner.token},
	}
	for _, key := range keys(func(method, pattern string, _ rule) bool {
		return method != http.MethodGet && pattern != "/api/stripe/webhook"
	}) {
		r := rules[key]
		before := w.rows("")
		for name, attempt := range attempts {
			if r.bare && (len(attempt.headers) == 0 || strings.Contains(name, "header")) {
				continue // it has no session that a token could be of
			}
			for kind, headers := range map[string][]string{"plain": nil, "htmx": asHTMX("x", w.url)} {
				req := north.request(key, north.slug, north.ids[r.of])
				req.form = append(slices.Clone(req.form), "csrf", attempt.token)
				if p := owner.try(req, append(slices.Clone(headers), attempt.headers...)...); p.status != http.StatusForbidden {
					t.Errorf("%s from %s, %s: %d", key, name, kind, p.status)
				}
			}
		}
		w.unchanged(t, before, "", key)
	}
	if p := owner.get("/workspaces"); p.status != http.StatusOK {
		t.Errorf("the session is gone: %d", p.status)
	}
}
