package app

import (
	"testing"
	"time"
)

func TestSlugOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Northlight Studio": "northlight-studio", "  Söhne & Töchter GmbH ": "sohne-tochter-gmbh", "Mira's Café": "miras-cafe",
		"Straße 9": "strasse-9", "Łódź": "lodz", "日本": "workspace", "---": "workspace", "../../etc": "etc", "a%2Fb": "a-2fb",
		"A name that goes on and on and on and on and on": "a-name-that-goes-on-and-on-and-on-and-on", "ａｂｃ": "abc", "x\x00y": "x-y",
	} {
		if got := slugOf(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

// Attacks D19 and F10.
func TestEmails(t *testing.T) {
	t.Parallel()
	for _, email := range []string{"mira@north.example", "m.o+x@north.example", "mira@xn--fiqs8s.example"} {
		if !isEmail(email) {
			t.Errorf("%q is refused", email)
		}
	}
	for _, email := range []string{
		"", "mira", "mira@", "@north.example", "Mira <mira@north.example>", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example",
		"<mira@north.example>", `"a b"@north.example`, "a b@north.example", "mira@north.example (comment)",
	} {
		if isEmail(email) {
			t.Errorf("%q passes", email)
		}
	}
	if got := normalEmail(" Mira@NORTH.example "); got != "mira@north.example" {
		t.Errorf("%q", got)
	}
	if normalEmail("ｍira@north.example") != "mira@north.example" {
		t.Error("two ways to write one email are two")
	}
}

func TestCountriesAndTimeZones(t *testing.T) {
	t.Parallel()
	if n := len(Countries()); n != 249 {
		t.Errorf("%d countries", n)
	}
	for _, c := range Countries() {
		if len(c.Code) != 2 || c.Name == "" {
			t.Errorf("%+v", c)
		}
	}
	for _, zone := range TimeZones() {
		if _, err := time.LoadLocation(zone); err != nil {
			t.Error(err)
		}
	}
	if ValidCountry("XX") || ValidCountry("at") || ValidCountry("") || !ValidCountry("AT") {
		t.Error("the list of countries is not what is checked")
	}
	if z := TimeZoneOf("AT"); z != "Europe/Vienna" {
		t.Errorf("Austria is in %s", z)
	}
}

// Attack G12.
func TestNewWorkspaceIsChecked(t *testing.T) {
	t.Parallel()
	good := NewWorkspace{Name: "North", Country: "AT", Currency: "eur", TimeZone: "Europe/Vienna", Locale: "de-at"}
	if errs := good.check(); errs.Err() != nil || good.Locale != "de-AT" {
		t.Errorf("%v, locale %q", errs, good.Locale)
	}
	for field, change := range map[string]func(*NewWorkspace){
		"workspace": func(w *NewWorkspace) { w.Name = " " },
		"country":   func(w *NewWorkspace) { w.Country = "at" },
		"currency":  func(w *NewWorkspace) { w.Currency = "EUR" },
		"time_zone": func(w *NewWorkspace) { w.TimeZone = "Mars/X" },
	} {
		w := good
		change(&w)
		if errs := w.check(); len(errs) != 1 || errs[field] == "" {
			t.Errorf("%s: %v", field, errs)
		}
	}
	for _, zone := range []string{"", "Local", "../../etc/passwd"} {
		w := good
		w.TimeZone = zone
		if w.check()["time_zone"] == "" {
			t.Errorf("time zone %q passes", zone)
		}
	}
}
