package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

type totpPage struct {
	Page
	Form form // code; and current, to turn it off
	QR   string
	Key  string
}

// beginSecondFactor makes a key, which the next page shows.
func (h *Server) beginSecondFactor(c *fiber.Ctx) error {
	err := h.app.BeginSecondFactor(c.UserContext(), userOf(c).ID)
	if errors.Is(err, app.ErrConflict) {
		return h.goTo(c, securityPath)
	}
	if err != nil {
		return err
	}
	return h.goTo(c, securityPath+"/totp")
}

func (h *Server) secondFactorPage(c *fiber.Ctx) error {
	return h.showSecondFactor(c, fiber.StatusOK, form{})
}

// showSecondFactor shows the key that is being set up, as a picture and as text.
func (h *Server) showSecondFactor(c *fiber.Ctx, status int, f form) error {
	key, err := h.app.NewSecondFactorKey(c.UserContext(), userOf(c).ID)
	if errors.Is(err, app.ErrConflict) {
		return h.goTo(c, securityPath)
	}
	if err != nil {
		return err
	}
	picture, err := key.QRCode()
	if err != nil {
		return err
	}
	page, err := h.page(c, "Set up a second factor", "")
	if err != nil {
		return err
	}
	return h.render(c, status, "totp", totpPage{Page: page, Form: f, QR: picture, Key: key.Text()})
}

func (h *Server) turnOnSecondFactor(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	codes, err := h.app.TurnOnSecondFactor(ctx, userOf(c).ID, f.Value("code"), h.clientIP(c))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showSecondFactor(c, fiber.StatusUnprocessableEntity, f)
	}
	if errors.Is(err, app.ErrConflict) {
		return h.goTo(c, securityPath)
	}
	if err != nil {
		return err
	}
	if err := h.renewSession(ctx); err != nil {
		return err
	}
	return h.showCodes(c, "Your second factor is on", codes)
}

type codesPage struct {
	Page
	Heading string
	Codes   []string
}

// showCodes shows recovery codes, which nobody can see again.
func (h *Server) showCodes(c *fiber.Ctx, heading string, codes []string) error {
	page, err := h.page(c, "Recovery codes", "")
	if err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "codes", codesPage{page, heading, codes})
}

func (h *Server) newCodes(c *fiber.Ctx) error {
	codes, err := h.app.NewRecoveryCodes(c.UserContext(), userOf(c).ID)
	if errors.Is(err, app.ErrConflict) {
		return h.goTo(c, securityPath)
	}
	if err != nil {
		return err
	}
	return h.showCodes(c, "New recovery codes", codes)
}

func (h *Server) secondFactorOffPage(c *fiber.Ctx) error {
	return h.showSecondFactorOff(c, fiber.StatusOK, form{})
}

func (h *Server) showSecondFactorOff(c *fiber.Ctx, status int, f form) error {
	if !userOf(c).SecondFactor {
		return h.goTo(c, securityPath)
	}
	page, err := h.page(c, "Turn off the second factor", "")
	if err != nil {
		return err
	}
	return h.render(c, status, "totp_off", totpPage{Page: page, Form: f})
}

func (h *Server) turnOffSecondFactor(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	err = h.app.TurnOffSecondFactor(ctx, userOf(c).ID, f.Value("current"), f.Value("code"), h.clientIP(c))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showSecondFactorOff(c, fiber.StatusUnprocessableEntity, f)
	}
	if errors.Is(err, app.ErrConflict) {
		return h.goTo(c, securityPath)
	}
	if err != nil {
		return err
	}
	if err := h.renewSession(ctx); err != nil {
		return err
	}
	h.flash(c, "Your second factor is off.")
	return h.goTo(c, securityPath)
}
