package handlers

import (
	"errors"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/auth"
)

// Somebody with a second factor signs in by two steps. Between them the session says who has given
// the password, and nobody is signed in: it opens the second step and nothing else.

// firstStepFor is how long the first step counts.
const firstStepFor = 10 * time.Minute

// Keys of a session between the steps.
const (
	keyFirstUser = "first.user"
	keyFirstMark = "first.mark" // of the password that was given
	keyFirstAt   = "first.at"   // Unix microseconds
)

type codePage struct {
	Page
	Form  form // next, and what is kept
	Error string
}

func (h *Server) beginSecondStep(c *fiber.Ctx, f form, user app.User) error {
	ctx := c.UserContext()
	if err := h.session.RenewToken(ctx); err != nil {
		return fmt.Errorf("begin second step: %w", err)
	}
	if err := h.session.Clear(ctx); err != nil {
		return fmt.Errorf("begin second step: %w", err)
	}
	h.session.SetDeadline(ctx, h.now().Add(sessionLifetime))
	h.session.Put(ctx, keyFirstUser, user.ID)
	h.session.Put(ctx, keyFirstMark, user.PasswordMark)
	h.session.Put(ctx, keyFirstAt, h.now().UnixMicro())
	return h.showCode(c, fiber.StatusOK, f, "")
}

// firstStep is who has given the password in this session, lately.
func (h *Server) firstStep(c *fiber.Ctx) (first app.FirstStep, ok bool) {
	ctx := c.UserContext()
	since := h.now().Sub(time.UnixMicro(h.session.GetInt64(ctx, keyFirstAt)))
	first = app.FirstStep{UserID: h.session.GetString(ctx, keyFirstUser), PasswordMark: h.session.GetString(ctx, keyFirstMark)}
	return first, first.UserID != "" && since >= 0 && since < firstStepFor
}

func (h *Server) showCode(c *fiber.Ctx, status int, f form, problem string) error {
	page, err := h.page(c, "Enter your code", "")
	if err != nil {
		return err
	}
	page.CSRF = masked(h.formToken(c))
	return h.render(c, status, "signin_code", codePage{Page: page, Form: f, Error: problem})
}

func (h *Server) codePage(c *fiber.Ctx) error {
	if _, ok := h.firstStep(c); !ok {
		return c.Redirect("/signin", fiber.StatusSeeOther)
	}
	return h.showCode(c, fiber.StatusOK, formOf(map[string]string{"next": ownPath(c.Query("next"))}), "")
}

func (h *Server) signInWithCode(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	first, ok := h.firstStep(c)
	if !ok {
		return h.goTo(c, "/signin")
	}
	user, err := h.app.SignInWithCode(c.UserContext(), first, f.Value("code"), h.clientIP(c))
	var tooMany *auth.TooMany
	switch {
	case errors.Is(err, app.ErrWrongCode):
		return h.showCode(c, fiber.StatusUnprocessableEntity, f, "This code is not right, or was used before. Wait for the next one and try again.")
	case errors.As(err, &tooMany):
		return h.showCode(c, fiber.StatusTooManyRequests, f, "That was too often. "+retryAfter(c, tooMany))
	case err != nil:
		return err
	}
	return h.letIn(c, f, user.ID)
}
