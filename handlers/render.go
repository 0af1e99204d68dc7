package handlers

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

// parseViews reads all templates once. A page is the template of its file's name; it includes
// the parts of its layout itself.
func parseViews(fsys fs.FS, a *assets) (*template.Template, error) {
	var files []string
	err := fs.WalkDir(fsys, "views", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".html") && !strings.HasPrefix(name, "views/mail/") {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list views: %w", err)
	}
	views := template.New("").Funcs(functions(a))
	for _, name := range files {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read view: %w", err)
		}
		if text, err = a.writeConstants(text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if _, err := views.New(path.Base(name)).Parse(string(text)); err != nil {
			return nil, fmt.Errorf("parse views: %w", err)
		}
	}
	return views, nil
}

// constant is what a template says of a file of ours by its name, which no page changes.
var constant = regexp.MustCompile(`\{\{(icon|asset) "([^"]*)"\}\}`)

// writeConstants writes icons and addresses of files into the text of a template, so that they
// are not looked up for each page. An unknown name is a mistake that ends the start.
func (a *assets) writeConstants(text []byte) ([]byte, error) {
	var unknown error
	out := constant.ReplaceAllFunc(text, func(call []byte) []byte {
		parts := constant.FindSubmatch(call)
		kind, name := string(parts[1]), string(parts[2])
		markup, err := a.URL(name)
		if kind == "icon" {
			var icon template.HTML
			icon, err = a.icon(name)
			markup = string(icon)
		}
		unknown = errors.Join(unknown, err)
		return []byte(markup)
	})
	return out, unknown
}

// functions are what templates may call. Money, dates and words are formatted here and nowhere
// else.
func functions(a *assets) template.FuncMap {
	return template.FuncMap{
		"asset":     a.URL,
		"icon":      a.icon,
		"money":     billing.FormatMoney,     // money M locale: €2,940.00
		"amount":    billing.FormatAmount,    // amount M locale: 2,940.00
		"quantity":  billing.FormatQuantity,  // quantity thousandths locale
		"unitprice": billing.FormatUnitPrice, // unitprice n currency locale
		"label":     billing.LabelOfStatus,   // label status: .Key .Text .Tone .Icon
		"upper":     strings.ToUpper,         // the code of a currency
		"date":      func(d billing.Date, locale string) string { return d.Format(locale) },
		// For <time datetime="{{iso .At}}">{{datetime .At .Zone .Locale}}</time>: moments are Unix microseconds.
		"iso": func(at int64) string { return time.UnixMicro(at).UTC().Format(time.RFC3339) },
		"datetime": func(at int64, zone *time.Location, locale string) string {
			t := time.UnixMicro(at).In(zone)
			return billing.Date(t.Format(time.DateOnly)).Format(locale) + ", " + t.Format("15:04")
		},
	}
}

// page is the frame that every page's data embeds: who is signed in, where, and what to say.
// In a poll, which has no frame, it holds the workspace and the token for forms.
func (h *Server) page(c *fiber.Ctx, title, nav string) (Page, error) {
	r := requestOf(c)
	p := h.frame(title)
	p.Nav, p.RequestID = nav, r.id
	if h.demo != nil {
		p.SandboxURL = h.demo.SandboxURL
	}
	if r.actor != nil {
		w, err := h.sidebarOf(c.UserContext(), *r.actor)
		if err != nil {
			return Page{}, err
		}
		p.Workspace = &w
	}
	if r.user == nil && r.actor == nil {
		return p, nil
	}
	ctx, err := h.sessionOf(c)
	if err != nil {
		return Page{}, err
	}
	p.CSRF = masked(h.session.GetString(ctx, keyToken))
	if r.user == nil {
		return p, nil
	}
	p.Theme = r.user.Theme
	p.User = &PageUser{Name: r.user.Name, Email: r.user.Email}
	p.Flash = h.session.PopString(ctx, keyFlash)
	all, err := h.app.WorkspacesOf(ctx, r.user.ID)
	if err != nil {
		return Page{}, err
	}
	for _, w := range all {
		p.Workspaces = append(p.Workspaces, pageWorkspace(w.Name, w.Slug, w.Role))
	}
	return p, nil
}

func pageWorkspace(name, slug string, role app.Role) PageWorkspace {
	return PageWorkspace{Name: name, Slug: slug, Role: roleNames[role], role: role}
}

// frame is what a page without sign-in needs.
func (h *Server) frame(title string) Page {
	return Page{Title: title, Demo: h.demo != nil, Test: !h.app.Livemode()}
}

// render answers with a page, views/pages/{page}.html, or with the one of its fragments that
// htmx asks for: a fragment is a template that is named like the id of its element.
func (h *Server) render(c *fiber.Ctx, status int, page string, data any, fragments ...string) error {
	if id := partialTarget(c); slices.Contains(fragments, id) {
		return h.fragment(c, status, id, data)
	}
	return h.fragment(c, status, page+".html", data)
}

// fragment answers with one template alone.
func (h *Server) fragment(c *fiber.Ctx, status int, name string, data any) error {
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	if err := h.views.ExecuteTemplate(c.Response().BodyWriter(), name, data); err != nil {
		c.Response().ResetBody()
		return fmt.Errorf("render %s: %w", name, err)
	}
	c.Status(status)
	compress(c)
	return nil
}

// partialTarget is the id of the element that htmx is going to swap, or "". Back, links and
// HX-Location ask for the whole page, though they are requests of htmx as well.
func partialTarget(c *fiber.Ctx) string {
	if c.Get("HX-Request-Type") != "partial" {
		return ""
	}
	_, id, _ := strings.Cut(c.Get("HX-Target"), "#")
	return id
}

func isHTMX(c *fiber.Ctx) bool { return c.Get("HX-Request") == "true" }

// goTo leads to another page of ours after something was done.
func (h *Server) goTo(c *fiber.Ctx, path string) error {
	if isHTMX(c) {
		c.Set("HX-Location", path)
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(path, fiber.StatusSeeOther)
}

// goAway leads to an address elsewhere, such as Stripe's.
func (h *Server) goAway(c *fiber.Ctx, url string) error {
	if isHTMX(c) {
		c.Set("HX-Redirect", url)
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(url, fiber.StatusSeeOther)
}
