package handlers_test

import (
	"archive/zip"
	"bytes"
	"context"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"trak/app"
)

// dress gives a workspace a logo and an accent.
func (w *whole) dress(owner app.Actor) {
	w.t.Helper()
	ctx := context.Background()
	must(w.t, w.app.SetLogo(ctx, owner, somePNG(w.t)))
	s, err := w.app.Settings(ctx, owner)
	must(w.t, err)
	_, err = w.app.UpdateSettings(ctx, owner, app.SettingsInput{
		Name: s.Name, Slug: s.Slug, Currency: s.Currency, Locale: s.Locale, TimeZone: s.TimeZone, InvoicePrefix: s.InvoicePrefix, Terms: "14",
		Accent: "#2f55d4", Version: s.Version,
	})
	must(w.t, err)
}

func somePNG(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 16, 16))))
	return b.Bytes()
}

// settingsForm is the form of the northern workspace's settings with some fields changed.
func (w *whole) settingsForm(changed ...string) []string {
	w.t.Helper()
	s, err := w.app.Settings(context.Background(), w.north)
	must(w.t, err)
	return append([]string{
		"name", s.Name, "slug", s.Slug, "currency", s.Currency, "locale", s.Locale, "time_zone", s.TimeZone, "invoice_prefix", s.InvoicePrefix,
		"terms", "14", "version", strconv.FormatInt(s.Version, 10),
	}, changed...)
}

func TestSettingsPage(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner := w.as("owner")
	url := path(w.north, "/settings")
	owner.get(url).has(t, http.StatusOK, "Finalized invoices stay as they are", "Drafts", "New invoices", "INV-0001", "Delete workspace")
	w.as("admin").get(url).shows(t, "Export everything").lacks(t, "Delete workspace")
	w.as("member").get(url).has(t, http.StatusForbidden)
	w.as("member").get(path(w.north, "/clients")).lacks(t, url+`"`)

	// What is wrong stands beside its field, and all that was typed is kept.
	owner.try(request{http.MethodPost, url, w.settingsForm("name", "", "invoice_prefix", "INV-7", "address", "Quay 7", "slug", "signin", "accent", "#ffee00", "terms", "soon")}).
		has(t, http.StatusUnprocessableEntity, "Enter a name for the workspace", "or a number could be given twice", "part of Trak", "The nearest that works is #",
			"Enter a number of days", `value="INV-7"`, "Quay 7", `value="signin"`, `value="#ffee00"`, `value="soon"`, "5 fields need another look")

	// Somebody else saved meanwhile.
	old := w.settingsForm("address", "Mine")
	owner.try(request{http.MethodPost, url, w.settingsForm("address", "Theirs")}).has(t, http.StatusSeeOther)
	owner.try(request{http.MethodPost, url, old}).has(t, http.StatusConflict, "Somebody changed the settings meanwhile", "Address: Theirs", ">Mine</textarea>")
}

func TestFormerAddressesLeadOn(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	owner, was := w.as("owner"), path(w.north, "")
	owner.try(request{http.MethodPost, was + "/settings", w.settingsForm("slug", "lighthouse")}).leads(t, "/w/lighthouse/settings")
	owner.get(was+"/payments/invoices?tab=open").leadsBy(t, http.StatusTemporaryRedirect, "/w/lighthouse/payments/invoices?tab=open")
	owner.try(request{http.MethodPost, was + "/clients", []string{"name", "Kestrel"}}).leadsBy(t, http.StatusTemporaryRedirect, "/w/lighthouse/clients")
	owner.get(was+"/payments/tiles").leadsBy(t, http.StatusTemporaryRedirect, "/w/lighthouse/payments/tiles") // a poll
	owner.get("/w/lighthouse/payments").has(t, http.StatusOK)
	for _, rest := range []string{"/payments", "/payments/tiles", "/settings"} {
		w.as("stranger").get(was+rest).has(t, http.StatusNotFound)
	}
}

// shows is has for a page that is there.
func (p page) shows(t *testing.T, texts ...string) page {
	t.Helper()
	p.has(t, http.StatusOK, texts...)
	return p
}

// leads fails unless the answer is a redirect to the address.
func (p page) leads(t *testing.T, to string) {
	t.Helper()
	p.leadsBy(t, http.StatusSeeOther, to)
}

func (p page) leadsBy(t *testing.T, status int, to string) {
	t.Helper()
	if got := p.header.Get("Location"); p.status != status || got != to {
		t.Errorf("%d to %q, want %d to %q: %s", p.status, got, status, to, p.main())
	}
}

// sendLogo sends a file with the form of the logo.
func (v *visitor) sendLogo(content []byte) page {
	v.w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	must(v.w.t, form.WriteField("csrf", v.token))
	part, err := form.CreateFormFile("logo", "logo.png")
	must(v.w.t, err)
	_, err = part.Write(content)
	must(v.w.t, err)
	must(v.w.t, form.Close())
	r, err := http.NewRequest(http.MethodPost, v.w.url+path(v.w.north, "/settings/logo"), &body)
	must(v.w.t, err)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.send(r)
}

// F3: a logo comes in as a picture or not at all, and goes out as a PNG.
func TestLogoOnPages(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	inv := w.invoice(w.north, "Kestrel", "120", "eur", "")
	owner := w.as("owner")
	owner.get(path(w.north, "/settings")).has(t, http.StatusOK, "You have none yet")
	owner.sendLogo(append(somePNG(t), make([]byte, 300<<10)...)).leads(t, path(w.north, "/settings")) // larger than other forms
	owner.get(path(w.north, "/settings")).has(t, http.StatusOK, `<img class="logo" src="`+path(w.north, "/logo?v="), `<img class="logo-large"`)
	picture := owner.get(path(w.north, "/logo"))
	client := w.client()
	client.get("/i/"+inv.Token).has(t, http.StatusOK, `<img class="logo" src="/i/`+inv.Token+`/logo?v=`)
	public := client.get("/i/" + inv.Token + "/logo")
	for _, p := range []page{picture, public} {
		if p.header.Get("Content-Type") != "image/png" || p.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(p.body, "\x89PNG") {
			t.Errorf("%d %v", p.status, p.header)
		}
	}
	owner.sendLogo([]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)).has(t, http.StatusUnprocessableEntity, "SVG is not taken")
	w.as("member").sendLogo(somePNG(t)).has(t, http.StatusForbidden)
	w.as("stranger").get(path(w.north, "/logo")).has(t, http.StatusNotFound)
	owner.try(request{http.MethodPost, path(w.north, "/settings/logo/remove"), nil}).leads(t, path(w.north, "/settings"))
	client.get("/i/"+inv.Token).shows(t).lacks(t, "<img")
	client.get("/i/"+inv.Token+"/logo").has(t, http.StatusNotFound)
}

func TestAccentOnTheClientsPage(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	inv := w.invoice(w.north, "Kestrel", "120", "eur", "")
	w.client().get("/i/"+inv.Token).shows(t).lacks(t, "/static/accent/")
	w.dress(w.north)
	p := w.client().get("/i/" + inv.Token)
	_, rest, found := strings.Cut(p.body, `href="/static/accent/`)
	name, _, _ := strings.Cut(rest, `"`)
	if !found {
		t.Fatal("the page has no style sheet of the accent")
	}
	css := w.client().get("/static/accent/" + name)
	css.has(t, http.StatusOK, "--brand:light-dark(#2f55d4,#")
	if css.header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(css.header.Get("Cache-Control"), "immutable") {
		t.Errorf("%v", css.header)
	}
	for _, other := range []string{"2f55d4.css", "2f55d4.00000000.css", "ffee00." + name[7:], strings.ToUpper(name), "x"} {
		w.client().get("/static/accent/"+other).has(t, http.StatusNotFound)
	}
}

func TestExportAndDeletion(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	inv := w.invoice(w.north, "Kestrel", "120", "eur", "")
	owner, settings := w.as("owner"), path(w.north, "/settings")
	p := owner.try(request{http.MethodPost, settings + "/export", nil})
	archive, err := zip.NewReader(strings.NewReader(p.body), int64(len(p.body)))
	must(t, err)
	if p.header.Get("Content-Type") != "application/zip" || !strings.HasPrefix(p.header.Get("Content-Disposition"), `attachment; filename="trak-export-20`) || len(archive.File) < 40 {
		t.Errorf("%d files, %v", len(archive.File), p.header)
	}
	f, err := archive.Open("invoices.csv")
	must(t, err)
	b, err := io.ReadAll(f)
	must(t, err)
	if !strings.Contains(string(b), "INV-0001") {
		t.Errorf("%s", b)
	}

	owner.get(settings+"/delete").has(t, http.StatusOK, "Nobody reaches it any more", "Payment links close at Stripe", "Your Stripe account stays yours", "First, an export", "Northlight Studio")
	owner.try(request{http.MethodPost, settings + "/delete", []string{"confirm", "Northlight"}}).has(t, http.StatusUnprocessableEntity, "exactly as it stands above", `value="Northlight"`)
	w.as("admin").try(request{http.MethodPost, settings + "/delete", []string{"confirm", "Northlight Studio"}}).has(t, http.StatusForbidden)
	member, tiles := w.as("member"), path(w.north, "/payments/tiles")
	member.get(tiles).has(t, http.StatusOK) // its answer is kept for two seconds
	owner.try(request{http.MethodPost, settings + "/delete", []string{"confirm", "Northlight Studio"}}).leads(t, "/workspaces")
	for _, gone := range []string{tiles, path(w.north, "/payments"), settings, path(w.north, "/logo")} {
		member.get(gone).has(t, http.StatusNotFound)
		owner.get(gone).has(t, http.StatusNotFound)
	}
	for _, gone := range []string{"", "/status", "/pay", "/logo"} {
		w.client().get("/i/"+inv.Token+gone).has(t, http.StatusNotFound)
	}
	owner.get("/workspaces").shows(t).lacks(t, "Northlight")
}

func TestClientsGo(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	c, err := w.app.CreateClient(context.Background(), w.north, app.ClientInput{Name: "Petra Novak", Email: "petra@novak.example"})
	must(t, err)
	owner, url := w.as("owner"), path(w.north, "/clients/"+c.ID)
	owner.get(url+"/edit").has(t, http.StatusOK, "Make anonymous")
	w.as("member").get(url+"/edit").shows(t).lacks(t, "Make anonymous")
	p := owner.try(request{http.MethodPost, url + "/export", nil}).shows(t, "petra@novak.example")
	if !strings.HasPrefix(p.header.Get("Content-Disposition"), "attachment; ") {
		t.Errorf("%v", p.header)
	}
	owner.get(url+"/anonymise").has(t, http.StatusOK, "Petra Novak", "Finalized invoices keep", "undone")
	owner.try(request{http.MethodPost, url + "/anonymise", nil}).leads(t, path(w.north, "/clients"))
	owner.get(url+"/edit").shows(t, "was made anonymous").lacks(t, "Petra", "petra")
	owner.get(url+"/anonymise").has(t, http.StatusOK, "anonymous already")
	owner.try(request{http.MethodPost, url + "/anonymise", nil}).has(t, http.StatusConflict)
}
