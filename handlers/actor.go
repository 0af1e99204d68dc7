package handlers

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// signedIn lets people pass who are signed in.
func (h *Server) signedIn(c *fiber.Ctx) error {
	ctx := c.UserContext()
	user, err := h.app.UserByID(ctx, h.session.GetString(ctx, app.SessionUser))
	if err != nil {
		return err
	}
	h.keepSession(c)
	requestOf(c).user = &user
	return c.Next()
}

// inWorkspace makes the actor from the session and the membership, anew for each request, and
// remembers the workspace as the one used last when it is another than before.
func (h *Server) inWorkspace(c *fiber.Ctx) error {
	r := requestOf(c)
	actor, err := h.app.ActorIn(c.UserContext(), r.user.ID, c.Params("slug"))
	if errors.Is(err, app.ErrNotFound) && !errors.Is(err, app.ErrFormerMember) {
		return h.toPresentSlug(c, r.user.ID)
	}
	if err != nil {
		return err
	}
	if r.user.LastWorkspaceID != actor.WorkspaceID {
		if err := h.app.UseWorkspace(c.UserContext(), r.user.ID, actor.Workspace.Slug); err != nil {
			return err
		}
	}
	r.actor = &actor
	return c.Next()
}

// toPresentSlug leads to the same page of a workspace that had the slug before. A form goes along
// with what was typed.
func (h *Server) toPresentSlug(c *fiber.Ctx, userID string) error {
	slug, err := h.app.SlugNow(c.UserContext(), userID, c.Params("slug"))
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(string(c.Request().URI().RequestURI()), "/w/"), "/")
	return c.Redirect(ownPath("/w/"+slug+"/"+rest), fiber.StatusTemporaryRedirect)
}

// may refuses early what the use-case would refuse as well.
func (h *Server) may(p app.Permission) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if actor := actorOf(c); !actor.May(p) {
			return h.app.Need(c.UserContext(), actor, p)
		}
		return c.Next()
	}
}

// poll is signedIn, inWorkspace and may for what htmx polls: it goes by an answer that is two
// seconds old at most, and leaves the session alone.
func (h *Server) poll(p app.Permission) fiber.Handler {
	return func(c *fiber.Ctx) error {
		token := c.Cookies(h.session.Cookie.Name)
		if token == "" {
			return app.ErrSignedOut
		}
		actor, err := h.app.ActorOfSession(c.UserContext(), token, c.Params("slug"))
		if errors.Is(err, app.ErrNotFound) && !errors.Is(err, app.ErrFormerMember) {
			ctx, err := h.sessionOf(c)
			if err != nil {
				return err
			}
			return h.toPresentSlug(c, h.session.GetString(ctx, app.SessionUser))
		}
		if err != nil {
			return err
		}
		if !actor.May(p) {
			return h.app.Need(c.UserContext(), actor, p)
		}
		requestOf(c).actor = &actor
		return c.Next()
	}
}

// actorOf is who asks, below /w/{slug}.
func actorOf(c *fiber.Ctx) app.Actor { return *requestOf(c).actor }

// userOf is who is signed in.
func userOf(c *fiber.Ctx) app.User { return *requestOf(c).user }
