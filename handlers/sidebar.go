package handlers

import (
	"context"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// badge is a number in the sidebar. It is hidden while nothing needs a person.
type badge struct {
	ID    string // of its element
	Count int
	Rest  string // what there are so many of
	Short bool   // the number says enough for those who see it
}

// sidebarOf is the current workspace as the sidebar shows it. It asks nobody but the database.
func (h *Server) sidebarOf(ctx context.Context, actor app.Actor) (PageWorkspace, error) {
	w := pageWorkspace(actor.Workspace.Name, actor.Workspace.Slug, actor.Role)
	w.Logo, w.Settings = logoPath(actor), actor.May(app.EditSettings)
	w.Events, w.Health = actor.May(app.ViewEvents), actor.May(app.ViewHealth)
	overdue, err := h.app.OverdueCount(ctx, actor)
	if err != nil {
		return w, err
	}
	w.Overdue = badge{ID: "nav-overdue", Count: int(overdue), Rest: "overdue"}
	attention, err := h.app.AttentionCount(ctx, actor)
	if err != nil {
		return w, err
	}
	w.Attention = badge{ID: "nav-attention", Count: int(attention), Rest: "things need attention", Short: true}
	if attention == 1 {
		w.Attention.Rest = "thing needs attention"
	}
	if !w.Health {
		return w, nil
	}
	problems, err := h.app.HealthProblems(ctx, actor)
	w.Problems = badge{ID: "nav-health", Count: problems, Rest: "problems"}
	if problems == 1 {
		w.Problems.Rest = "problem"
	}
	return w, err
}

// badges are the numbers that the sidebar has for somebody.
func (w PageWorkspace) badges() []badge {
	list := []badge{w.Attention, w.Overdue}
	if w.Health {
		list = append(list, w.Problems)
	}
	return list
}

// news answers a poll with what is new on the page, and with the numbers of the sidebar, which may
// be other ones as well.
func (h *Server) news(c *fiber.Ctx, name string, data any) error {
	w, err := h.sidebarOf(c.UserContext(), actorOf(c))
	if err != nil {
		return err
	}
	if err := h.views.ExecuteTemplate(c.Response().BodyWriter(), "badges", w.badges()); err != nil {
		return fmt.Errorf("render badges: %w", err)
	}
	return h.fragment(c, fiber.StatusOK, name, data)
}
