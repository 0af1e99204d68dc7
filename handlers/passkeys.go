package handlers

import (
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/auth"
)

// A challenge for a browser is kept in the session, beside one of the other purpose. It is taken
// once, within a few minutes.
const (
	toAdd        = "passkey.add"
	toUse        = "passkey.use"
	challengeFor = 5 * time.Minute
)

// keepChallenge answers passkey.js with the options that go with the challenge.
func (h *Server) keepChallenge(c *fiber.Ctx, purpose string, options, challenge []byte) error {
	h.session.Put(c.UserContext(), purpose, challenge)
	h.session.Put(c.UserContext(), purpose+".at", h.now().UnixMicro())
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.Send(options)
}

func (h *Server) takeChallenge(c *fiber.Ctx, purpose string) (challenge []byte, ok bool) {
	since := h.now().Sub(time.UnixMicro(h.session.GetInt64(c.UserContext(), purpose+".at")))
	challenge = h.session.PopBytes(c.UserContext(), purpose)
	return challenge, len(challenge) > 0 && since >= 0 && since < challengeFor
}

// beginUsePasskey is asked by passkey.js, on the way in and to confirm.
func (h *Server) beginUsePasskey(c *fiber.Ctx) error {
	options, challenge, err := h.app.BeginUsePasskey()
	if err != nil {
		return err
	}
	return h.keepChallenge(c, toUse, options, challenge)
}

func (h *Server) signInWithPasskey(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if !h.app.HasPasskeys() {
		return app.ErrNotFound
	}
	challenge, ok := h.takeChallenge(c, toUse)
	user := app.User{}
	if err = auth.ErrWrongPasskey; ok {
		user, err = h.app.SignInWithPasskey(c.UserContext(), challenge, []byte(f.Value("passkey")), h.clientIP(c))
	}
	var tooMany *auth.TooMany
	switch {
	case errors.Is(err, auth.ErrWrongPasskey):
		return h.showSignIn(c, fiber.StatusUnprocessableEntity, f, "This passkey did not work. Try again, or sign in with your password.")
	case errors.As(err, &tooMany):
		return h.showSignIn(c, fiber.StatusTooManyRequests, f, "That was too often. "+retryAfter(c, tooMany))
	case err != nil:
		return err
	}
	return h.letIn(c, f, user.ID)
}

// beginPasskey is asked by passkey.js before it has one made.
func (h *Server) beginPasskey(c *fiber.Ctx) error {
	options, challenge, err := h.app.BeginPasskey(c.UserContext(), userOf(c).ID)
	if err != nil {
		return err
	}
	return h.keepChallenge(c, toAdd, options, challenge)
}

func (h *Server) addPasskey(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if !h.app.HasPasskeys() {
		return app.ErrNotFound
	}
	challenge, ok := h.takeChallenge(c, toAdd)
	if err = auth.ErrWrongPasskey; ok {
		err = h.app.AddPasskey(c.UserContext(), userOf(c).ID, f.Line("name"), challenge, []byte(f.Value("passkey")))
	}
	if errors.Is(err, auth.ErrWrongPasskey) {
		h.log.Info("passkey refused", "request", requestOf(c).id, "error", err)
		h.flash(c, "No passkey was added. Try again.")
		return h.goTo(c, securityPath)
	}
	return h.passkeysChanged(c, f, "", err, "Passkey added.")
}

func (h *Server) renamePasskey(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	err = h.app.RenamePasskey(c.UserContext(), userOf(c).ID, f.Value("passkey"), f.Line("name"))
	return h.passkeysChanged(c, f, f.Value("passkey"), err, "Name changed.")
}

func (h *Server) removePasskey(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	err = h.app.RemovePasskey(c.UserContext(), userOf(c).ID, f.Value("passkey"))
	return h.passkeysChanged(c, f, "", err, "Passkey removed. It no longer signs in.")
}

func (h *Server) passkeysChanged(c *fiber.Ctx, f form, renaming string, err error, done string) error {
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showSecurity(c, fiber.StatusUnprocessableEntity, f, renaming)
	}
	if err != nil {
		return err
	}
	h.flash(c, done)
	return h.goTo(c, securityPath)
}
