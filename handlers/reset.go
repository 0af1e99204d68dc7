package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// resetPage is where a link for a new password leads.
type resetPage struct {
	Page
	Form   form
	Done   bool
	Broken bool // the link does not work (any more)
}

// showResetPage: only its form changes anything. Programs that look at messages open links as well.
func (h *Server) showResetPage(c *fiber.Ctx) error {
	if c.Query("done") != "" {
		return h.showReset(c, fiber.StatusOK, resetPage{Done: true})
	}
	token := c.Query("token")
	err := h.app.ResetOpen(c.UserContext(), token)
	if errors.Is(err, app.ErrNotFound) {
		return h.brokenReset(c)
	}
	if err != nil {
		return err
	}
	return h.showReset(c, fiber.StatusOK, resetPage{Form: formOf(map[string]string{"token": token})})
}

func (h *Server) resetPassword(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	err = h.app.ResetPassword(c.UserContext(), f.Value("token"), f.Value("password"))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showReset(c, fiber.StatusUnprocessableEntity, resetPage{Form: f})
	}
	if errors.Is(err, app.ErrNotFound) {
		return h.brokenReset(c)
	}
	if err != nil {
		return err
	}
	return h.goTo(c, "/signin/reset?done=1")
}

// brokenReset says the same of a link that was used, is too old, or never was.
func (h *Server) brokenReset(c *fiber.Ctx) error {
	h.app.Limits().WrongToken(h.clientIP(c))
	return h.showReset(c, fiber.StatusNotFound, resetPage{Broken: true})
}

func (h *Server) showReset(c *fiber.Ctx, status int, data resetPage) (err error) {
	if data.Page, err = h.page(c, "Choose a new password", ""); err != nil {
		return err
	}
	data.CSRF = masked(h.formToken(c))
	return h.render(c, status, "reset", data)
}
