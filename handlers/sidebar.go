package handlers

import (
	"context"
	"strconv"

	"trak/app"
)

// badge is a number in the sidebar, which is there only when something needs a person.
type badge struct {
	Count string // 3
	Rest  string // things need attention
}

// sidebarOf is the current workspace as the sidebar shows it. It asks nobody but the database.
func (h *Server) sidebarOf(ctx context.Context, actor app.Actor) (PageWorkspace, error) {
	w := pageWorkspace(actor.Workspace.Name, actor.Workspace.Slug, actor.Role)
	w.Events, w.Health = actor.May(app.ViewEvents), actor.May(app.ViewHealth)
	overdue, err := h.app.OverdueCount(ctx, actor)
	if err != nil {
		return w, err
	}
	w.Overdue = int(overdue)
	attention, err := h.app.AttentionCount(ctx, actor)
	if err != nil {
		return w, err
	}
	w.Attention = badgeOf(int(attention), "thing needs attention", "things need attention")
	if !w.Health {
		return w, nil
	}
	problems, err := h.app.HealthProblems(ctx, actor)
	w.Problems = badgeOf(problems, "problem", "problems")
	return w, err
}

func badgeOf(n int, one, many string) *badge {
	switch n {
	case 0:
		return nil
	case 1:
		return &badge{"1", one}
	}
	return &badge{strconv.Itoa(n), many}
}
