package handlers

import (
	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// logoPath is the address of the workspace's logo for its team, "" when it has none. What it stands
// for changes with the address.
func logoPath(actor app.Actor) string {
	if actor.Workspace.Logo == "" {
		return ""
	}
	return "/w/" + actor.Workspace.Slug + "/logo?v=" + actor.Workspace.Logo
}

func (h *Server) logo(c *fiber.Ctx) error {
	picture, err := h.app.Logo(c.UserContext(), actorOf(c))
	return sendPNG(c, picture, err)
}

func (h *Server) publicLogo(c *fiber.Ctx) error {
	picture, err := h.app.PublicLogo(c.UserContext(), c.Params("token"))
	return sendPNG(c, picture, err)
}

func sendPNG(c *fiber.Ctx, picture []byte, err error) error {
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "image/png")
	return c.Send(picture)
}

func (h *Server) setLogo(c *fiber.Ctx) error {
	f, files, err := readUpload(c)
	if err != nil {
		return err
	}
	var picture []byte
	for _, file := range files {
		if file.Field == "logo" {
			picture = file.Content
		}
	}
	if err := h.app.SetLogo(c.UserContext(), actorOf(c), picture); err != nil {
		return h.showUnsetLogo(c, err, f)
	}
	h.flash(c, "Logo saved")
	return h.goTo(c, settingsPath(actorOf(c), ""))
}

func (h *Server) showUnsetLogo(c *fiber.Ctx, failure error, f form) error {
	errs, ok := fieldErrors(failure)
	if !ok {
		return failure
	}
	s, err := h.app.Settings(c.UserContext(), actorOf(c))
	if err != nil {
		return err
	}
	f.Errors = errs
	return h.showSettings(c, fiber.StatusUnprocessableEntity, s, settingsPage{Form: settingsForm(s), LogoForm: f})
}

func (h *Server) removeLogo(c *fiber.Ctx) error {
	if err := h.app.RemoveLogo(c.UserContext(), actorOf(c)); err != nil {
		return err
	}
	h.flash(c, "The logo is removed")
	return h.goTo(c, settingsPath(actorOf(c), ""))
}
