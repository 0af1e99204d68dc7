package handlers

import (
	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// securityPath is the page about how a person gets in, and where they are.
const securityPath = "/account/security"

type securityPage struct {
	Page
	Form        form   // name, of a passkey
	Renaming    string // which one the form is about, "" for a new one
	Second      app.SecondFactor
	HasPasskeys bool // there can be some
	Passkeys    []passkeyRow
	Sessions    []sessionRow
}

type passkeyRow struct {
	ID, Name string
	Text     string // Added 3 days ago, last used just now
}

type sessionRow struct {
	Handle, Device, IP string
	Seen               int64
	Text               string // Last used 5 minutes ago, signed in 3 days ago
	Here               bool
}

func (h *Server) securityPage(c *fiber.Ctx) error {
	return h.showSecurity(c, fiber.StatusOK, form{}, "")
}

// showSecurity shows the page, with a form about a passkey that was not right: that to rename the one
// with the id, or to add one.
func (h *Server) showSecurity(c *fiber.Ctx, status int, f form, renaming string) error {
	ctx, userID := c.UserContext(), userOf(c).ID
	second, err := h.app.SecondFactorOf(ctx, userID)
	if err != nil {
		return err
	}
	keys, err := h.app.PasskeysOf(ctx, userID)
	if err != nil {
		return err
	}
	sessions, err := h.app.SessionsOf(ctx, userID)
	if err != nil {
		return err
	}
	page, err := h.page(c, "Security", "")
	if err != nil {
		return err
	}
	data := securityPage{Page: page, Form: f, Renaming: renaming, Second: second, HasPasskeys: h.app.HasPasskeys()}
	data.Passkey = data.HasPasskeys
	for _, k := range keys {
		row := passkeyRow{ID: k.ID, Name: k.Name, Text: "Added " + ago(k.Added, h.now())}
		if k.LastUse != 0 {
			row.Text += ", last used " + ago(k.LastUse, h.now())
		}
		data.Passkeys = append(data.Passkeys, row)
	}
	here := h.session.GetString(ctx, app.SessionHandle)
	for _, s := range sessions {
		data.Sessions = append(data.Sessions, sessionRow{
			Handle: s.Handle, Device: deviceText(s.UserAgent), IP: s.IP, Seen: s.Seen, Here: s.Handle == here,
			Text: "Last used " + ago(s.Seen, h.now()) + ", signed in " + ago(s.Began, h.now()),
		})
	}
	return h.render(c, status, "security", data)
}

// everywhere stands for all of a person's sessions, this one included.
const everywhere = "everywhere"

func (h *Server) endSession(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx, handle := c.UserContext(), f.Value("session")
	here := handle == h.session.GetString(ctx, app.SessionHandle)
	if handle == everywhere {
		here, err = true, h.app.EndSessionsOf(ctx, userOf(c).ID)
	} else {
		err = h.app.EndSession(ctx, userOf(c).ID, handle)
	}
	if err != nil {
		return err
	}
	if here {
		if err := h.session.Destroy(ctx); err != nil {
			return err
		}
		return h.goTo(c, "/signin")
	}
	h.flash(c, "That session is ended.")
	return h.goTo(c, securityPath)
}

type passwordPage struct {
	Page
	Form form // current, password
}

func (h *Server) passwordPage(c *fiber.Ctx) error {
	return h.showPassword(c, fiber.StatusOK, form{})
}

func (h *Server) showPassword(c *fiber.Ctx, status int, f form) error {
	page, err := h.page(c, "Change your password", "")
	if err != nil {
		return err
	}
	return h.render(c, status, "account_password", passwordPage{page, f})
}

func (h *Server) changePassword(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	err = h.app.ChangePassword(ctx, userOf(c).ID, f.Value("current"), f.Value("password"), h.clientIP(c), h.session.GetString(ctx, app.SessionHandle))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showPassword(c, fiber.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	if err := h.renewSession(ctx); err != nil {
		return err
	}
	h.flash(c, "Your password is changed. You are signed out everywhere else.")
	return h.goTo(c, securityPath)
}
