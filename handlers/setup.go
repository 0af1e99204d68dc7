package handlers

import (
	"strings"

	"github.com/bojanz/currency"
	"github.com/gofiber/fiber/v2"
	"golang.org/x/text/language"

	"trak/app"
	"trak/billing"
)

// workspaceChoices are the lists to choose from when a workspace is made.
type workspaceChoices struct {
	Countries  []app.Country
	Currencies []billing.Currency
	TimeZones  []string
}

func newWorkspaceChoices() workspaceChoices {
	return workspaceChoices{app.Countries(), billing.Currencies(), app.TimeZones()}
}

type setupPage struct {
	Page
	workspaceChoices
	Form form // token, name, email, workspace, country, currency, time_zone, locale
}

func (h *Server) setupPage(c *fiber.Ctx) error {
	token := c.Query("token")
	if err := h.app.SetupOpen(c.UserContext(), token); err != nil {
		return err
	}
	values := likely(c.Get(fiber.HeaderAcceptLanguage))
	values["token"] = token
	return h.showSetup(c, fiber.StatusOK, formOf(values))
}

func (h *Server) showSetup(c *fiber.Ctx, status int, f form) error {
	page, err := h.page(c, "Set up Trak", "")
	if err != nil {
		return err
	}
	page.CSRF = masked(h.formToken(c))
	return h.render(c, status, "setup", setupPage{Page: page, workspaceChoices: newWorkspaceChoices(), Form: f})
}

func (h *Server) setup(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	user, workspace, err := h.app.Setup(c.UserContext(), f.Value("token"), app.SetupInput{
		Name: f.Line("name"), Email: f.Line("email"), Password: f.Value("password"),
		Workspace: f.Line("workspace"), Country: f.Line("country"), Currency: f.Line("currency"),
		TimeZone: f.Line("time_zone"), Locale: f.Line("locale"),
	})
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showSetup(c, fiber.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	if err := h.startSession(c, user.ID); err != nil {
		return err
	}
	h.flash(c, "Welcome to Trak. Connect Stripe to be paid online, now or later.")
	return h.goTo(c, "/w/"+workspace.Slug+"/payments/connect")
}

// likely guesses country, currency, time zone and locale from the languages of the browser.
func likely(acceptLanguage string) map[string]string {
	values := map[string]string{"country": "", "currency": "", "time_zone": "UTC", "locale": "en"}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(tags) == 0 {
		return values
	}
	values["locale"] = tags[0].String()
	region, _ := tags[0].Region() // that of the language where none is named: Germany for de
	if country := region.String(); app.ValidCountry(country) {
		values["country"] = country
		values["time_zone"] = app.TimeZoneOf(country)
		if code, ok := currency.ForCountryCode(country); ok {
			values["currency"] = strings.ToLower(code)
		}
	}
	return values
}
