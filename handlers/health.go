package handlers

import (
	"errors"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/connect"
)

type healthPage struct {
	Page
	local
	Path         string
	Mine         healthList  // of this workspace
	Installation *healthList // nil for owners of other workspaces
	At           int64
	NoWebhooks   bool // there is no endpoint to mend
	Trouble      *trouble
}

// healthList is some lines of the doctor's, with how many of them need somebody.
type healthList struct {
	Rows     []healthRow
	Failures int
}

type healthRow struct {
	app.Check
	Tone, Word string
}

func healthRows(checks []app.Check) healthList {
	tones := map[app.Level][2]string{app.Well: {"ok", "Fine"}, app.Warning: {"warn", "Look at it"}, app.Failure: {"bad", "Mend it"}}
	list := healthList{Failures: app.Failures(checks)}
	for _, c := range checks {
		list.Rows = append(list.Rows, healthRow{c, tones[c.Level][0], tones[c.Level][1]})
	}
	return list
}

func healthPath(actor app.Actor) string { return "/w/" + actor.Workspace.Slug + "/settings/health" }

// health shows how the workspace is, and to the operator how the whole installation is.
func (h *Server) health(c *fiber.Ctx) error {
	data, err := h.healthOf(c, false)
	if err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "health", data)
}

func (h *Server) healthOf(c *fiber.Ctx, whole bool) (healthPage, error) {
	actor := actorOf(c)
	report, err := h.app.Health(c.UserContext(), actor, whole)
	if err != nil {
		return healthPage{}, err
	}
	page, err := h.page(c, "Health", "health") // after the look: the sidebar tells of it
	if err != nil {
		return healthPage{}, err
	}
	data := healthPage{Page: page, local: localOf(actor), Path: healthPath(actor), NoWebhooks: h.app.WebhooksOff(), Mine: healthRows(report.Workspace)}
	if report.Operator {
		list := healthRows(report.Installation)
		data.Installation, data.At = &list, report.At.UnixMicro()
	}
	return data, nil
}

// checkHealth looks at everything anew, the database included.
func (h *Server) checkHealth(c *fiber.Ctx) error {
	if _, err := h.app.Health(c.UserContext(), actorOf(c), true); err != nil {
		return err
	}
	h.flash(c, "Checked just now.")
	return h.goTo(c, healthPath(actorOf(c)))
}

// ensureWebhook makes or mends the endpoint at Stripe.
func (h *Server) ensureWebhook(c *fiber.Ctx) error {
	done, err := h.app.EnsureWebhookFor(c.UserContext(), actorOf(c))
	var stripe *connect.Error
	if errors.As(err, &stripe) {
		data, err := h.healthOf(c, false)
		if err != nil {
			return err
		}
		data.Trouble = &trouble{connect.UserMessage(stripe), "The endpoint is as it was."}
		return h.render(c, fiber.StatusBadGateway, "health", data)
	}
	if errors.Is(err, app.ErrWebhooksOff) {
		err = fmt.Errorf("%w: %w", app.ErrConflict, err) // the button was there before a start without webhooks
	}
	if err != nil {
		return err
	}
	h.flash(c, done)
	return h.goTo(c, healthPath(actorOf(c)))
}
