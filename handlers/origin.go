package handlers

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// errOrigin is a change that another site asks for, or a form without our token.
var errOrigin = errors.New("not from our own page")

// sameOrigin refuses changes that a browser sends on behalf of another site, like
// net/http.CrossOriginProtection, and such that carry a session but don't say where they come
// from, which no browser does.
func (h *Server) sameOrigin(c *fiber.Ctx) error {
	if isSafe(c.Method()) {
		return c.Next()
	}
	site, origin := c.Get("Sec-Fetch-Site"), c.Get(fiber.HeaderOrigin)
	switch {
	case site == "same-origin" || site == "none":
	case site != "":
		return errOrigin
	case origin == h.url:
	case origin != "" || c.Cookies(h.session.Cookie.Name) != "":
		return errOrigin
	}
	return c.Next()
}

// isBeforeSignIn says whether a form is for people who are not signed in.
func isBeforeSignIn(path string) bool {
	return path == "/signin" || strings.HasPrefix(path, "/signin/") || path == "/demo/signin" || path == "/setup" || path == "/invite"
}

// checkToken lets a change pass only with its session's token, from the field csrf or the header
// X-CSRF-Token. Whoever is signed out by now is asked to sign in again.
func (h *Server) checkToken(c *fiber.Ctx) error {
	if isSafe(c.Method()) {
		return c.Next()
	}
	want := h.session.GetString(c.UserContext(), keyToken)
	got := c.Request().Header.Peek("X-CSRF-Token")
	if len(got) == 0 {
		got = c.Request().PostArgs().Peek("csrf")
	}
	if len(got) == 0 {
		got = firstToken(c)
	}
	if unmasked(got, want) {
		return c.Next()
	}
	if !isBeforeSignIn(c.Path()) && h.session.GetString(c.UserContext(), app.SessionUser) == "" {
		return app.ErrSignedOut
	}
	return errOrigin
}
