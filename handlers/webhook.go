package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/connect"
)

// webhook takes a delivery of Stripe's. 200 means that the event and its effects are on the
// disk; 4xx that it will never be right; 5xx that Stripe shall deliver it again. Nobody but
// Stripe reads the answer, so it says next to nothing.
func (h *Server) webhook(c *fiber.Ctx) error {
	err := h.app.ReceiveWebhook(c.UserContext(), c.Request().Body(), c.Get("Stripe-Signature"))
	switch {
	case err == nil:
		return c.Status(fiber.StatusOK).SendString("ok")
	case errors.Is(err, app.ErrWebhooksOff):
		if h.app.NoteBadSignature() {
			h.log.Warn("webhook refused: TRAK_WEBHOOKS is off, so events are read at Stripe; delete the endpoint there, or leave the setting out", "request", requestOf(c).id)
		}
		return c.Status(fiber.StatusGone).SendString("webhooks are off")
	case errors.Is(err, app.ErrNoWebhookSecret):
		return c.Status(fiber.StatusServiceUnavailable).SendString("no webhook secret")
	case errors.Is(err, connect.ErrSignature):
		if h.app.NoteBadSignature() {
			h.log.Warn("webhook refused", "request", requestOf(c).id, "error", err)
		}
		return c.Status(fiber.StatusBadRequest).SendString("bad signature")
	case errors.Is(err, connect.ErrEvent):
		h.log.Warn("webhook refused", "request", requestOf(c).id, "error", err)
		return c.Status(fiber.StatusBadRequest).SendString("not an event")
	}
	h.log.Error("webhook not stored", "request", requestOf(c).id, "error", err)
	return c.Status(fiber.StatusInternalServerError).SendString("try again")
}

// onlyPost refuses other methods without a body or a word.
func (h *Server) onlyPost(c *fiber.Ctx) error {
	if c.Method() != fiber.MethodPost {
		c.Set(fiber.HeaderAllow, fiber.MethodPost)
		c.Status(fiber.StatusMethodNotAllowed)
		return nil
	}
	return c.Next()
}
