package handlers_test

import (
	"database/sql"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/db"
)

// behind changes the database behind Trak's back.
func (w *whole) behind(query string, args ...any) {
	w.t.Helper()
	d, err := sql.Open("sqlite3", "file:"+filepath.Join(w.dir, db.FileName)+"?_busy_timeout=5000&_foreign_keys=1")
	must(w.t, err)
	defer func() { _ = d.Close() }()
	_, err = d.Exec(query, args...)
	must(w.t, err)
}

// C5 and C6: what somebody may is read anew for each request, and for polls every two seconds.
func TestRightsEndAtOnce(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	inv := w.invoice(w.north, "Halden", "10", "eur", "")
	record, status := path(w.north, "/payments/invoices/"+inv.ID+"/payments/new"), path(w.north, "/payments/invoices/"+inv.ID+"/status?v=0")
	ada := w.as("admin")
	ada.get(record).has(t, http.StatusOK)
	ada.get(status).has(t, http.StatusOK)
	id := w.userID("ada@north.example")

	w.behind("UPDATE memberships SET role = 'member' WHERE user_id = ?", id)
	ada.get(record).has(t, http.StatusForbidden)
	ada.get(path(w.north, "/payments/invoices")).has(t, http.StatusOK)

	w.behind("DELETE FROM memberships WHERE user_id = ?", id)
	ada.get(path(w.north, "/payments/invoices")).has(t, http.StatusNotFound)
	ada.get(record).has(t, http.StatusNotFound)
	w.advance(2 * time.Second)
	ada.get(status).has(t, http.StatusNotFound)
	ada.get("/workspaces").lacks(t, "Northlight")

	jon := w.as("member")
	jon.get(status).has(t, http.StatusOK)
	w.behind("UPDATE users SET disabled_at = 1 WHERE id = ?", w.userID("jon@north.example")) // D7
	jon.get(path(w.north, "/payments/invoices")).has(t, http.StatusSeeOther)
	w.advance(2 * time.Second)
	if p := jon.get(status, asHTMX("x", w.url)...); p.status != http.StatusUnauthorized {
		t.Errorf("a poll of somebody who is disabled: %d", p.status)
	}
}

// F6, F7, G10, G11 and G13: every GET, with what nobody means in everything that it can be asked.
func TestHostileQueries(t *testing.T) {
	t.Parallel()
	w, north, south := newHalves(t)
	owner := w.as("owner")
	before := w.rows("")
	names := []string{
		"q", "client", "project", "tab", "state", "sort", "dir", "order", "after", "before", "page", "limit", "per", "from", "to", "since", "date", "year", "month",
		"ids", "v", "back", "every", "archived", "new", "country", "token", "next", "why", "checkout", "type", "action", "user", "kind", "tz",
	}
	values := []string{
		"' OR 1=1 --", "1; DROP TABLE invoices", "x' UNION SELECT password_hash FROM users --", `\`, "%", "_", "%_%", "1000000000000000000", "9223372036854775808", "-1", "0",
		"0000-00-00", "9999-99-99", "2026-02-30", "Mars/X", "1e309", "NaN", "null", "\x00", "\xff\xfe", strings.Repeat("9", 100), "id desc, (select 1)", "{}", "[]", "..", "../../x",
	}
	for _, key := range keys(func(method, _ string, r rule) bool { return method == http.MethodGet && r.writes == "" }) {
		r := rules[key]
		for _, value := range values {
			q := url.Values{}
			for _, name := range names {
				q.Set(name, value)
			}
			req := north.request(key, north.slug, north.ids[r.of])
			req.path, _, _ = strings.Cut(req.path, "?")
			req.path += "?" + q.Encode()
			owner.try(req).lacks(t, south.mark, "argon2id", "SQL logic", "syntax error")
			if r.of != "" { // and in the place of an id
				req.path = strings.Replace(req.path, north.ids[r.of], url.PathEscape(value), 1)
				if p := owner.try(req); p.status != http.StatusNotFound && p.status != http.StatusBadRequest && p.status != http.StatusMethodNotAllowed && value != ".." && value != "../../x" {
					t.Errorf("%s: %d", req.path[:40], p.status)
				}
			}
		}
	}
	w.unchanged(t, before, "", "hostile queries")
}

// F7: what is a wildcard to the database is a letter to people.
func TestWildcardsAreLetters(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	for _, name := range []string{"100% Cotton", "Cotton_Co", `Back\slash`, "Plain"} {
		_, err := w.app.CreateClient(t.Context(), w.north, app.ClientInput{Name: name})
		must(t, err)
	}
	suggest := func(q string) page {
		return w.as("owner").get(path(w.north, "/payments/invoices/clients/suggest?client="+url.QueryEscape(q)))
	}
	for q, want := range map[string]string{"0%": "100% Cotton", "n_c": "Cotton_Co", `k\s`: `Back\slash`, "lai": "Plain"} {
		suggest(q).has(t, http.StatusOK, want)
	}
	for _, q := range []string{"c%n", "P_ain", "_____", "%%%"} {
		suggest(q).lacks(t, "Cotton", "Plain", "Back")
	}
}

// F13: nothing that a visitor sends begins a line of the log, or colours one.
func TestLogLinesAreOurs(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	const evil = "x\r\nlevel=ERROR msg=forged\x1b[31m"
	v := w.newcomer("")
	v.post("/signin", "email", evil+"@north.example", "password", evil)
	v.get("/i/" + url.PathEscape(evil))
	v.get("/w/"+url.PathEscape(evil)+"/payments", "X-Forwarded-For", "1.2.3.4 level=ERROR msg=forged")
	v.get("/signin?next="+url.QueryEscape(evil), "X-Request-Id", "level=ERROR msg=forged")
	w.logging.Lock()
	defer w.logging.Unlock()
	for line := range strings.Lines(w.log.String()) {
		if !strings.HasPrefix(line, "time=") || strings.Contains(line, "\x1b") || strings.Contains(line, "level=ERROR msg=forged") {
			t.Errorf("a line of the log: %q", line)
		}
	}
}

// B10: what is counted up or sorted by time opens nothing.
func TestIDsAreNoSecrets(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	one, two := w.invoice(w.north, "Halden", "10", "eur", ""), w.invoice(w.south, "Vik", "10", "eur", "")
	if *one.Number != *two.Number {
		t.Errorf("the number of one workspace tells of the other's: %s, %s", *one.Number, *two.Number)
	}
	if len(one.Token) != 22 || one.Token[:8] == two.Token[:8] { // 128 random bits
		t.Errorf("tokens %q and %q", one.Token, two.Token)
	}
	for _, known := range []string{one.ID, *one.Number, strings.ReplaceAll(one.ID, "-", "")} {
		w.client().get("/i/"+known).has(t, http.StatusNotFound)
	}
}
