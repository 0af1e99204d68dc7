package handlers

import (
	"errors"
	"math"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/auth"
	"trak/billing"
)

type signInPage struct {
	Page
	Form     form // email, next
	Error    string
	Passkeys bool
	Roles    []string // to continue as, in the demo
}

func (h *Server) signInPage(c *fiber.Ctx) error {
	next := ownPath(c.Query("next"))
	if id := h.session.GetString(c.UserContext(), app.SessionUser); id != "" {
		if _, err := h.app.UserByID(c.UserContext(), id); err == nil {
			return c.Redirect(next, fiber.StatusSeeOther)
		}
	}
	return h.showSignIn(c, fiber.StatusOK, formOf(map[string]string{"next": next}), "")
}

func (h *Server) showSignIn(c *fiber.Ctx, status int, f form, problem string) error {
	page, err := h.page(c, "Sign in", "")
	if err != nil {
		return err
	}
	page.CSRF = masked(h.formToken(c))
	data := signInPage{Page: page, Form: f, Error: problem, Passkeys: h.app.HasPasskeys()}
	data.Passkey = data.Passkeys
	if h.demo != nil {
		for _, a := range h.demo.Accounts {
			data.Roles = append(data.Roles, a.Role)
		}
	}
	return h.render(c, status, "signin", data)
}

func (h *Server) signIn(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	user, err := h.app.SignIn(c.UserContext(), f.Line("email"), f.Value("password"), h.clientIP(c))
	var tooMany *auth.TooMany
	switch {
	case errors.Is(err, app.ErrWrongSignIn):
		return h.showSignIn(c, fiber.StatusUnprocessableEntity, f, "This email and password don't belong together. Check both and try again.")
	case errors.As(err, &tooMany):
		return h.showSignIn(c, fiber.StatusTooManyRequests, f, "That was too often. "+retryAfter(c, tooMany))
	case err != nil:
		return err
	}
	return h.enter(c, f, user)
}

// enter goes on once the password is right: in, or to the second step where there is one.
func (h *Server) enter(c *fiber.Ctx, f form, user app.User) error {
	if user.SecondFactor {
		return h.beginSecondStep(c, f, user)
	}
	return h.letIn(c, f, user.ID)
}

// letIn signs somebody in who has shown all that is asked for, and leads to where they wanted to go.
func (h *Server) letIn(c *fiber.Ctx, f form, userID string) error {
	if err := h.startSession(c, userID); err != nil {
		return err
	}
	h.keepDraft(c, f)
	return h.goTo(c, ownPath(f.Value("next")))
}

// retryAfter says when to try again, in the header and in words.
func retryAfter(c *fiber.Ctx, e *auth.TooMany) string {
	seconds := int(math.Ceil(e.RetryAfter.Seconds()))
	c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds))
	return waitText(seconds)
}

// demoSignIn signs in to one of the demo's accounts, whose passwords are no secret.
func (h *Server) demoSignIn(c *fiber.Ctx) error {
	if h.demo == nil {
		return app.ErrNotFound
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	for _, a := range h.demo.Accounts {
		if a.Role != f.Line("role") {
			continue
		}
		user, err := h.app.SignIn(c.UserContext(), a.Email, a.Password, h.clientIP(c))
		if err != nil {
			return err
		}
		return h.enter(c, f, user)
	}
	return app.ErrNotFound
}

func (h *Server) signOut(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if err := h.session.Destroy(c.UserContext()); err != nil {
		return err
	}
	if next := ownPath(f.Value("next")); next != "/" {
		return h.goTo(c, next)
	}
	return h.goTo(c, "/signin")
}

// setTheme keeps the choice of colours and shows the same page in them.
func (h *Server) setTheme(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	theme := f.Line("theme")
	if err := h.app.SetTheme(c.UserContext(), userOf(c).ID, theme); err != nil {
		return err
	}
	return h.goTo(c, h.pageBefore(c))
}

// fieldErrors returns the field errors that err is, if it is.
func fieldErrors(err error) (billing.FieldErrors, bool) {
	var errs billing.FieldErrors
	ok := errors.As(err, &errs)
	return errs, ok
}
