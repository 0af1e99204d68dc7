package handlers

import (
	"context"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/auth"
)

// A session lasts two weeks at most, and a day without a page being asked for (app.Sessions).
// That it is in use is written once a minute at most.
const (
	sessionLifetime = 14 * 24 * time.Hour
	sessionSeen     = time.Minute
)

// Keys of a session, beside app.SessionUser.
const (
	keyToken = "csrf"
	keyFlash = "flash"
	keySeen  = "seen"
)

// newSessionManager is scs over the sessions table. scs's own idle timeout stays off: it would
// write the session at each request, polls included, and so keep it alive for ever. scs.New
// would start a store in memory with a goroutine that nobody can end safely.
func newSessionManager(a *app.App, https bool) *scs.SessionManager {
	m := &scs.SessionManager{Store: a.Sessions(), Codec: scs.GobCodec{}, Lifetime: sessionLifetime, HashTokenInStore: true}
	m.Cookie.Name = "trak"
	m.Cookie.Secure = https
	if https {
		m.Cookie.Name = "__Host-trak"
	}
	return m
}

// withSession loads the session, and writes it and its cookie when the handler changed it.
func (h *Server) withSession(c *fiber.Ctx) error {
	token := c.Cookies(h.session.Cookie.Name)
	ctx, err := h.session.Load(c.UserContext(), token)
	if err != nil {
		return fmt.Errorf("load session: %w", err)
	}
	c.SetUserContext(ctx)
	requestOf(c).loaded = true
	if err := c.Next(); err != nil {
		if err := h.fail(c, err); err != nil { // now, so that the cookie below is written as well
			return err
		}
	}
	switch h.session.Status(ctx) {
	case scs.Modified:
		now, end, err := h.session.Commit(ctx)
		if err != nil {
			return err
		}
		if now != token {
			h.setCookie(c, now, end)
		}
	case scs.Destroyed:
		h.setCookie(c, "", time.Unix(1, 0))
	}
	return nil
}

func (h *Server) setCookie(c *fiber.Ctx, token string, end time.Time) {
	c.Cookie(&fiber.Cookie{
		Name: h.session.Cookie.Name, Value: token, Path: "/", Expires: end,
		HTTPOnly: true, Secure: h.session.Cookie.Secure, SameSite: fiber.CookieSameSiteLaxMode,
	})
}

// sessionOf is the context of a request's session. A poll has not loaded it: then it is read,
// and never written.
func (h *Server) sessionOf(c *fiber.Ctx) (context.Context, error) {
	if requestOf(c).loaded {
		return c.UserContext(), nil
	}
	ctx, err := h.session.Load(c.UserContext(), c.Cookies(h.session.Cookie.Name))
	if err != nil {
		return nil, fmt.Errorf("load session: %w", err)
	}
	return ctx, nil
}

// startSession signs a user in under a new token, so that whoever knew the old one gains nothing.
func (h *Server) startSession(c *fiber.Ctx, userID string) error {
	ctx := c.UserContext()
	if err := h.session.RenewToken(ctx); err != nil {
		return fmt.Errorf("start session: %w", err)
	}
	if err := h.session.Clear(ctx); err != nil {
		return fmt.Errorf("start session: %w", err)
	}
	h.session.SetDeadline(ctx, h.now().Add(sessionLifetime))
	h.session.Put(ctx, app.SessionUser, userID)
	h.session.Put(ctx, keyToken, auth.NewToken())
	h.session.Put(ctx, keySeen, h.now().Unix())
	return nil
}

// renewSession goes on with a session under a new token. Its end stays where it was.
func (h *Server) renewSession(ctx context.Context) error {
	end := h.session.Deadline(ctx)
	if err := h.session.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	h.session.SetDeadline(ctx, end)
	return nil
}

// keepSession notes that the session is in use, which is what prolongs it.
func (h *Server) keepSession(ctx context.Context) {
	if now := h.now(); now.Unix()-h.session.GetInt64(ctx, keySeen) >= int64(sessionSeen.Seconds()) {
		h.session.Put(ctx, keySeen, now.Unix())
	}
}

// formToken is the session's token for forms. A page with a form for people who are not signed
// in makes a session to hold it; other pages make none.
func (h *Server) formToken(c *fiber.Ctx) string {
	ctx := c.UserContext()
	token := h.session.GetString(ctx, keyToken)
	if token == "" {
		token = auth.NewToken()
		h.session.SetDeadline(ctx, h.now().Add(sessionLifetime))
		h.session.Put(ctx, keyToken, token)
	}
	return token
}

// flash keeps a short sentence about what was just done for the next page.
func (h *Server) flash(c *fiber.Ctx, text string) {
	h.session.Put(c.UserContext(), keyFlash, text)
}
