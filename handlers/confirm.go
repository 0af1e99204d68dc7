package handlers

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/auth"
)

// Before what is dear (Stripe, refunds, the team, one's own account) people show once more who they
// are, unless they did so in this session within the last ten minutes; signing in counts. A form
// that was sent is not lost: the page that asks carries its fields along and goes to the same
// address, with the answer beside them, so that it works without scripts as well.

// confirmedFor is how long an answer counts.
const confirmedFor = 10 * time.Minute

// confirmMark begins the names of the answer's fields: password, code and passkey.
const confirmMark = "confirm_"

type identityPage struct {
	Page
	Action   string // where the answer goes
	Carried  []carriedField
	Passkeys bool // they have one
	Code     bool // they have an authenticator app
	Error    string
	Known    string // the password, where it is no secret: in the demo
	Back     string
}

type carriedField struct{ Name, Value string }

// confirmed lets people pass who have shown lately who they are, and asks all others first.
func (h *Server) confirmed(c *fiber.Ctx) error {
	if h.isConfirmed(c) {
		return c.Next()
	}
	if isSafe(c.Method()) {
		return h.confirmFirst(c)
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ok, err := h.takeAnswer(c, f)
	if err != nil {
		return err
	}
	if !ok {
		return nil
	}
	return c.Next()
}

func (h *Server) isConfirmed(c *fiber.Ctx) bool {
	since := h.now().Sub(time.UnixMicro(h.session.GetInt64(c.UserContext(), keyConfirmed)))
	return since >= 0 && since < confirmedFor
}

// confirmFirst leads from a page to the one that asks, and back to it afterwards.
func (h *Server) confirmFirst(c *fiber.Ctx) error {
	here := string(c.Request().URI().RequestURI())
	if isHTMX(c) {
		here = currentPage(c)
	}
	to := "/confirm?next=" + url.QueryEscape(ownPath(here))
	if isHTMX(c) {
		c.Set("HX-Redirect", to)
		return c.SendStatus(fiber.StatusUnauthorized)
	}
	return c.Redirect(to, fiber.StatusSeeOther)
}

// currentPage is the address that the browser shows while htmx asks for a part of it.
func currentPage(c *fiber.Ctx) string {
	u, err := url.Parse(c.Get("HX-Current-URL"))
	if err != nil {
		return ""
	}
	return u.RequestURI()
}

// takeAnswer checks what a form says about who sent it. When that is nothing or wrong, it answers
// with the page that asks and reports false.
func (h *Server) takeAnswer(c *fiber.Ctx, f form) (ok bool, err error) {
	password, code, passkey := f.Value(confirmMark+"password"), f.Value(confirmMark+"code"), f.Value(confirmMark+"passkey")
	ctx, userID, ip := c.UserContext(), userOf(c).ID, h.clientIP(c)
	switch {
	case passkey != "":
		challenge, kept := h.takeChallenge(c, toUse)
		if err = auth.ErrWrongPasskey; kept {
			err = h.app.ConfirmPasskey(ctx, userID, challenge, []byte(passkey), ip)
		}
	case code != "":
		err = h.app.ConfirmCode(ctx, userID, code, ip)
	case password != "":
		err = h.app.ConfirmPassword(ctx, userID, password, ip)
	default:
		return false, h.askToConfirm(c, fiber.StatusUnauthorized, f, "")
	}
	var tooMany *auth.TooMany
	switch {
	case errors.Is(err, app.ErrWrongSignIn):
		return false, h.askToConfirm(c, fiber.StatusUnprocessableEntity, f, "This is not your password. Try again.")
	case errors.Is(err, app.ErrWrongCode):
		return false, h.askToConfirm(c, fiber.StatusUnprocessableEntity, f, "This code is not right, or was used before. Wait for the next one.")
	case errors.Is(err, auth.ErrWrongPasskey):
		return false, h.askToConfirm(c, fiber.StatusUnprocessableEntity, f, "This passkey did not work. Try again, or use your password.")
	case errors.As(err, &tooMany):
		return false, h.askToConfirm(c, fiber.StatusTooManyRequests, f, "That was too often. "+retryAfter(c, tooMany))
	case err != nil:
		return false, err
	}
	if err := h.renewSession(ctx); err != nil {
		return false, err
	}
	h.session.Put(ctx, keyConfirmed, h.now().UnixMicro())
	return true, nil
}

// askToConfirm shows the page that asks, which carries the form on to where it was sent.
func (h *Server) askToConfirm(c *fiber.Ctx, status int, f form, problem string) error {
	page, err := h.page(c, "Confirm it's you", "")
	if err != nil {
		return err
	}
	ctx, user := c.UserContext(), userOf(c)
	keys, err := h.app.PasskeysOf(ctx, user.ID)
	if err != nil {
		return err
	}
	data := identityPage{
		Page: page, Action: ownPath(string(c.Request().URI().RequestURI())), Code: user.SecondFactor, Error: problem, Back: h.pageBefore(c),
	}
	data.Passkeys = h.app.HasPasskeys() && len(keys) > 0
	data.Passkey = data.Passkeys
	for _, name := range f.order {
		if name != "csrf" && !strings.HasPrefix(name, confirmMark) {
			data.Carried = append(data.Carried, carriedField{name, f.Value(name)})
		}
	}
	if h.demo != nil {
		for _, a := range h.demo.Accounts {
			if a.Email == user.Email {
				data.Known = a.Password
			}
		}
	}
	if isHTMX(c) { // the form that htmx has sent goes, and the whole page is put in its place
		c.Set("HX-Retarget", "body")
		c.Set("HX-Reswap", "innerHTML")
		status = fiber.StatusOK // htmx puts in no 401
	}
	return h.fragment(c, status, "confirm_you.html", data)
}

// identityPage asks before another page is opened.
func (h *Server) identityPage(c *fiber.Ctx) error {
	next := ownPath(c.Query("next"))
	if h.isConfirmed(c) {
		return c.Redirect(next, fiber.StatusSeeOther)
	}
	f := formOf(map[string]string{"next": next})
	f.order = []string{"next"}
	return h.askToConfirm(c, fiber.StatusOK, f, "")
}

func (h *Server) confirmIdentity(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ok, err := h.takeAnswer(c, f)
	if err != nil || !ok {
		return err
	}
	return c.Redirect(ownPath(f.Value("next")), fiber.StatusSeeOther)
}
