package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
)

// D11: the link for a new password works once, for half an hour, and ends every session.
func TestResetPassword(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	ctx, email, chosen := context.Background(), w.people["member"], "another lantern quiet harbour"
	link := func() (path, token string) {
		t.Helper()
		address, err := w.app.OperatorResetPassword(ctx, email, "")
		must(t, err)
		u, err := url.Parse(address)
		must(t, err)
		return u.RequestURI(), u.Query().Get("token")
	}
	member, nobody := w.as("member"), w.newcomer("")
	here := path(w.north, "/payments")
	member.get(here).has(t, http.StatusOK)
	older, _ := link()
	address, token := link()
	nobody.get(older).has(t, http.StatusNotFound, "This link does not work any more")
	nobody.get(address).has(t, http.StatusOK, "Choose a new password", `autocomplete="new-password"`)
	nobody.post("/signin/reset", "token", token, "password", "short").has(t, http.StatusUnprocessableEntity, "Choose a new password")
	w.exec("UPDATE sessions SET handle = '' WHERE user_id = ?", w.userID(email)) // as those have that began before sessions were listed
	nobody.post("/signin/reset", "token", token, "password", chosen).has(t, http.StatusSeeOther)
	nobody.get("/signin/reset?done=1").has(t, http.StatusOK, "Your password is changed")
	nobody.post("/signin/reset", "token", token, "password", chosen+"!").has(t, http.StatusNotFound, "This link does not work any more")
	member.get(here).has(t, http.StatusSeeOther) // signed out everywhere
	nobody.post("/signin", "email", email, "password", secret).has(t, http.StatusUnprocessableEntity)
	nobody.post("/signin", "email", email, "password", chosen).has(t, http.StatusSeeOther)

	late, token := link()
	w.advance(31 * 60 * 1e9)
	nobody = w.newcomer("")
	nobody.get(late).has(t, http.StatusNotFound)
	nobody.post("/signin/reset", "token", token, "password", chosen).has(t, http.StatusNotFound)
}
