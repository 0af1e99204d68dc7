package handlers

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// An invoice that was sent when the session had ended is not lost, also without scripts: the page
// that asks to sign in carries what was typed, and once that has worked the form is shown again
// with it. It is never sent by itself, only a form from our own page gets here (see sameOrigin),
// nothing is stored for people who are not signed in, and it is shown nowhere but where it was
// written: whoever else signs in there, into another workspace, does not get to see it.

const (
	keyDraft = "draft" // of a session: the form that is to be shown again
	keptMark = "kept." // before the names of its fields on the sign-in page
	keptAt   = "at"    // of what is kept: the address of the form
)

// composerForms are the addresses that the form of an invoice is sent to.
var composerForms = regexp.MustCompile(`^/w/[a-z0-9-]+/payments/invoices(/[0-9a-f-]{36}/edit)?$`)

// carryDraft is the form of a sign-in page that carries the invoice which the request brought, and
// says where it is to be shown again. It reports false when the request brought none.
func carryDraft(c *fiber.Ctx) (form, bool) {
	path := string(c.Request().URI().Path())
	place := composerForms.FindStringSubmatch(path)
	if c.Method() != fiber.MethodPost || place == nil {
		return form{}, false
	}
	sent, err := readForm(c)
	if err != nil {
		return form{}, false
	}
	if place[1] == "" {
		path += "?new=1"
	}
	out := formOf(map[string]string{"next": path})
	for name, value := range sent.values {
		if name != "csrf" && name != "act" {
			out.values[keptMark+name] = value
		}
	}
	return out, true
}

// Kept are the fields that a sign-in page carries, as they are sent.
func (f form) Kept() map[string]string {
	kept := map[string]string{}
	for name, value := range f.values {
		if strings.HasPrefix(name, keptMark) {
			kept[name] = value
		}
	}
	return kept
}

// keepDraft keeps what the sign-in page carried, until its form is shown.
func (h *Server) keepDraft(c *fiber.Ctx, f form) {
	kept := url.Values{}
	for name, value := range f.Kept() {
		kept.Set(name, value)
	}
	at, _, _ := strings.Cut(ownPath(f.Value("next")), "?")
	kept.Set(keptAt, at)
	if text := kept.Encode(); len(kept) > 1 && len(text) <= maxSignIn {
		h.session.Put(c.UserContext(), keyDraft, text)
	}
}

// keptDraft is the form that was kept for this page, once.
func (h *Server) keptDraft(c *fiber.Ctx) (form, bool) {
	values, err := url.ParseQuery(h.session.PopString(c.UserContext(), keyDraft))
	if err != nil || values.Get(keptAt) != strings.TrimSuffix(c.Path(), "/new") {
		return form{}, false
	}
	f := form{values: map[string]string{}}
	for kept := range values {
		if name, ok := strings.CutPrefix(kept, keptMark); ok {
			f.values[name] = values.Get(kept)
			f.order = append(f.order, name)
		}
	}
	return f, true
}
