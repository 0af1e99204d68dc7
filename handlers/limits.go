package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// limitTokens goes around what is found by a token that only its receiver knows: clients' pages,
// and the links of set-up and of mail. Whoever tries many that are nobody's has to wait.
func (h *Server) limitTokens(c *fiber.Ctx) error {
	ip := h.clientIP(c)
	if err := h.app.Limits().AllowToken(ip); err != nil {
		return err
	}
	err := c.Next()
	if errors.Is(err, app.ErrNotFound) {
		h.app.Limits().WrongToken(ip)
	}
	return err
}
