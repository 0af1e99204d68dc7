package handlers

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

// settingsPath is an address below the workspace's settings.
func settingsPath(actor app.Actor, rest string) string {
	return "/w/" + actor.Workspace.Slug + "/settings" + rest
}

type settingsPage struct {
	Page
	Form       form // with the version that was seen
	LogoForm   form // of the picture
	Currencies []billing.Currency
	TimeZones  []string
	Locales    []app.Locale
	Country    string
	Address    string // of the workspace's pages, up to its slug
	NextNumber string
	Logo       string // address of the picture, "" = none
	Saved      []fact // what somebody else saved meanwhile
	MayDelete  bool
}

func (h *Server) settings(c *fiber.Ctx) error {
	s, err := h.app.Settings(c.UserContext(), actorOf(c))
	if err != nil {
		return err
	}
	return h.showSettings(c, fiber.StatusOK, s, settingsPage{Form: settingsForm(s)})
}

// showSettings shows the page with what data says of the form.
func (h *Server) showSettings(c *fiber.Ctx, status int, s app.Settings, data settingsPage) (err error) {
	actor := actorOf(c)
	actor.Workspace.Name = s.Name
	if data.Page, err = h.page(c, "Workspace settings", "settings"); err != nil {
		return err
	}
	data.Currencies, data.TimeZones, data.Locales = billing.Currencies(), app.TimeZones(), app.Locales()
	data.Country, data.Address, data.NextNumber = countryName(s.Country), h.url+"/w/", s.NextNumber
	data.Logo, data.MayDelete = logoPath(actor), actor.May(app.DeleteWorkspace)
	if !hasLocale(data.Locales, s.Locale) {
		data.Locales = append(data.Locales, app.Locale{Tag: s.Locale, Name: s.Locale})
	}
	if s.Accent != "" {
		data.AccentURL = accentURL(s.Accent)
	}
	return h.render(c, status, "settings", data)
}

func settingsForm(s app.Settings) form {
	return formOf(map[string]string{
		"name": s.Name, "slug": s.Slug, "address": s.Address, "tax_number": s.TaxNumber, "currency": s.Currency, "locale": s.Locale,
		"time_zone": s.TimeZone, "invoice_prefix": s.InvoicePrefix, "terms": strconv.FormatInt(s.TermsDays, 10), "accent": s.Accent,
		"version": strconv.FormatInt(s.Version, 10),
	})
}

func (h *Server) updateSettings(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	actor := actorOf(c)
	version, _ := strconv.ParseInt(f.Value("version"), 10, 64) // anything else is an old version: a conflict
	slug, err := h.app.UpdateSettings(c.UserContext(), actor, app.SettingsInput{
		Name: f.Line("name"), Slug: f.Line("slug"), Address: f.Value("address"), TaxNumber: f.Line("tax_number"), Currency: f.Line("currency"),
		Locale: f.Line("locale"), TimeZone: f.Line("time_zone"), InvoicePrefix: f.Value("invoice_prefix"), Terms: f.Line("terms"),
		Accent: f.Line("accent"), Version: version,
	})
	if err != nil {
		return h.showUnsavedSettings(c, err, f)
	}
	h.flash(c, "Settings saved")
	return h.goTo(c, "/w/"+slug+"/settings")
}

// showUnsavedSettings shows the form again that could not be saved: with what is wrong with it, or
// beside what somebody else saved meanwhile, which saving again replaces.
func (h *Server) showUnsavedSettings(c *fiber.Ctx, failure error, f form) error {
	errs, isInput := fieldErrors(failure)
	if !isInput && !errors.Is(failure, app.ErrConflict) {
		return failure
	}
	s, err := h.app.Settings(c.UserContext(), actorOf(c))
	if err != nil {
		return err
	}
	if isInput {
		f.Errors = errs
		return h.showSettings(c, fiber.StatusUnprocessableEntity, s, settingsPage{Form: f})
	}
	stored := settingsForm(s)
	data := settingsPage{Form: f}
	for _, name := range []string{"Name", "Slug", "Address", "Tax number", "Currency", "Locale", "Time zone", "Invoice prefix", "Terms", "Accent"} {
		key := strings.ReplaceAll(strings.ToLower(name), " ", "_")
		if there := stored.Value(key); there != f.Value(key) {
			data.Saved = append(data.Saved, fact{Name: name, Text: there})
		}
	}
	data.Form.values["version"] = stored.Value("version")
	return h.showSettings(c, fiber.StatusConflict, s, data)
}

func hasLocale(all []app.Locale, tag string) bool {
	for _, l := range all {
		if l.Tag == tag {
			return true
		}
	}
	return false
}
