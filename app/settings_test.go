package app_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"sync"
	"testing"

	"trak/app"
	"trak/billing"
)

// settingsOf is the form of the owner's settings as they are, changed.
func (w *world) settingsOf(change func(*app.SettingsInput)) app.SettingsInput {
	w.t.Helper()
	s, err := w.app.Settings(context.Background(), w.owner)
	must(w.t, err)
	in := app.SettingsInput{
		Name: s.Name, Slug: s.Slug, Address: s.Address, TaxNumber: s.TaxNumber, Currency: s.Currency, Locale: s.Locale, TimeZone: s.TimeZone,
		InvoicePrefix: s.InvoicePrefix, Terms: "14", Accent: s.Accent, Version: s.Version,
	}
	change(&in)
	return in
}

func (w *world) set(change func(*app.SettingsInput)) error {
	w.t.Helper()
	return ignore(w.app.UpdateSettings(context.Background(), w.owner, w.settingsOf(change)))
}

// again is the owner as the next request makes them.
func (w *world) again() app.Actor {
	w.t.Helper()
	s, err := w.app.Settings(context.Background(), w.owner)
	must(w.t, err)
	actor, err := w.app.ActorIn(context.Background(), w.owner.UserID, s.Slug)
	must(w.t, err)
	return actor
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	before := w.invoice("10")
	d := draft(w, "20")
	must(t, w.set(func(in *app.SettingsInput) {
		in.Name, in.Address, in.TaxNumber, in.InvoicePrefix = "Southlight", "Quay 7\nGraz", "ATU123", "S/"
		in.Locale, in.TimeZone, in.Currency, in.Terms, in.Accent = "de-AT", "Pacific/Auckland", "chf", "30", "#2F55D4"
	}))

	t.Run("finalized invoices stay as they are", func(t *testing.T) {
		was, err := json.Marshal(before)
		must(t, err)
		is, err := json.Marshal(w.detail(before.ID).Invoice)
		must(t, err)
		if string(is) != string(was) {
			t.Errorf("was %s\nis  %s", was, is)
		}
	})
	t.Run("drafts take what is new when they are finalized, and keep currency and terms", func(t *testing.T) {
		inv, err := w.app.FinalizeInvoice(ctx, w.owner, d.ID, d.Version) // by an actor of before the change
		must(t, err)
		today := string(billing.Today(app.Workspace{TimeZone: "Pacific/Auckland"}.Location(), w.clock.now()))
		got := []string{*inv.Number, inv.SellerName, inv.SellerAddress, inv.SellerTaxNumber, inv.Locale, inv.TimeZone, inv.Currency, inv.DueDate, inv.IssueDate}
		want := []string{"S/0002", "Southlight", "Quay 7\nGraz", "ATU123", "de-AT", "Pacific/Auckland", d.Currency, d.DueDate, today}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("is  %q\nwant %q", got, want)
		}
	})
	t.Run("new invoices begin with the currency and terms", func(t *testing.T) {
		actor := w.again()
		inv, err := w.app.CreateInvoice(ctx, actor, app.InvoiceInput{ClientName: "Kestrel", Summary: "Work", Amount: "10"}, false)
		must(t, err)
		if inv.Currency != "chf" || actor.Workspace.TermsDays != 30 {
			t.Errorf("%s, %d days", inv.Currency, actor.Workspace.TermsDays)
		}
	})
	if n := ask[int](w, "SELECT count(*) FROM audit_log WHERE action = 'settings.update' AND before LIKE '%INV-%' AND after LIKE '%ATU123%'"); n != 1 {
		t.Errorf("%d audit records", n)
	}
	report, err := app.Verify(ctx, w.db)
	must(t, err)
	if len(report.Differences) > 0 {
		t.Errorf("verify: %+v", report.Differences)
	}
}

func TestSettingsThatCantBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger := w.stranger()
	for _, tt := range []struct {
		field  string
		change func(*app.SettingsInput)
	}{
		{"name", func(in *app.SettingsInput) { in.Name = " " }},
		{"name", func(in *app.SettingsInput) { in.Name = strings.Repeat("n", 101) }},
		{"slug", func(in *app.SettingsInput) { in.Slug = "a" }},
		{"slug", func(in *app.SettingsInput) { in.Slug = "signin" }},
		{"slug", func(in *app.SettingsInput) { in.Slug = "two--hyphens" }},
		{"slug", func(in *app.SettingsInput) { in.Slug = "a/b" }},
		{"slug", func(in *app.SettingsInput) { in.Slug = "münchen" }},
		{"slug", func(in *app.SettingsInput) { in.Slug = stranger.Workspace.Slug }},
		{"address", func(in *app.SettingsInput) { in.Address = strings.Repeat("a", 501) }},
		{"tax_number", func(in *app.SettingsInput) { in.TaxNumber = strings.Repeat("1", 51) }},
		{"currency", func(in *app.SettingsInput) { in.Currency = "xxx" }},
		{"locale", func(in *app.SettingsInput) { in.Locale = "tlh" }},
		{"time_zone", func(in *app.SettingsInput) { in.TimeZone = "Mars/X" }},
		{"time_zone", func(in *app.SettingsInput) { in.TimeZone = "../../etc/passwd" }},
		{"invoice_prefix", func(in *app.SettingsInput) { in.InvoicePrefix = "INV-1" }},
		{"invoice_prefix", func(in *app.SettingsInput) { in.InvoicePrefix = "=cmd" }},
		{"terms", func(in *app.SettingsInput) { in.Terms = "366" }},
		{"terms", func(in *app.SettingsInput) { in.Terms = "" }},
		{"accent", func(in *app.SettingsInput) { in.Accent = "#ffdd00" }},
		{"accent", func(in *app.SettingsInput) { in.Accent = "red;}body{display:none" }},
	} {
		var errs billing.FieldErrors
		if err := w.set(tt.change); !errors.As(err, &errs) || errs[tt.field] == "" || len(errs) != 1 {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
	if err := w.set(func(in *app.SettingsInput) { in.Version-- }); !errors.Is(err, app.ErrConflict) {
		t.Errorf("an old version: %v", err)
	}
	if n := ask[int](w, "SELECT count(*) FROM audit_log WHERE action = 'settings.update'"); n != 0 {
		t.Errorf("%d changes", n)
	}
}

// A slug leads to one workspace for ever, and to nobody who is no member.
func TestFormerSlugs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	first := w.owner.Workspace.Slug
	stranger := w.stranger()
	must(t, w.set(func(in *app.SettingsInput) { in.Slug = "second" }))
	must(t, w.set(func(in *app.SettingsInput) { in.Slug = "third" }))
	for _, former := range []string{first, "second"} {
		if slug, err := w.app.SlugNow(ctx, w.owner.UserID, former); err != nil || slug != "third" {
			t.Errorf("%s leads to %q, %v", former, slug, err)
		}
		if _, err := w.app.SlugNow(ctx, stranger.UserID, former); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("%s leads a stranger somewhere: %v", former, err)
		}
		if _, err := w.app.ActorIn(ctx, w.owner.UserID, former); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("%s makes an actor: %v", former, err)
		}
		var errs billing.FieldErrors
		s, err := w.app.Settings(ctx, stranger)
		must(t, err)
		_, err = w.app.UpdateSettings(ctx, stranger, app.SettingsInput{Name: s.Name, Slug: former, Currency: s.Currency, Locale: s.Locale, TimeZone: s.TimeZone, Terms: "7", Version: s.Version})
		if !errors.As(err, &errs) || errs["slug"] == "" {
			t.Errorf("another workspace takes %s: %v", former, err)
		}
	}
	other, err := w.app.CreateWorkspace(ctx, stranger.UserID, app.NewWorkspace{Name: "Second", Country: "AT", Currency: "eur", TimeZone: "UTC"})
	must(t, err)
	if other.Slug == "second" {
		t.Error("a new workspace takes a former slug")
	}
	must(t, w.set(func(in *app.SettingsInput) { in.Slug = "second" })) // one's own former slug
	if slug, err := w.app.SlugNow(ctx, w.owner.UserID, "third"); err != nil || slug != "second" {
		t.Errorf("third leads to %q, %v", slug, err)
	}
}

func TestOneOfTwoSavesWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.settingsOf(func(in *app.SettingsInput) { in.Terms = "21" })
	var group sync.WaitGroup
	var mu sync.Mutex
	saved, conflicts := 0, 0
	for range 8 {
		group.Go(func() {
			_, err := w.app.UpdateSettings(context.Background(), w.owner, in)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				saved++
			}
			if errors.Is(err, app.ErrConflict) {
				conflicts++
			}
		})
	}
	group.Wait()
	if saved != 1 || conflicts != 7 {
		t.Errorf("%d saved, %d conflicts", saved, conflicts)
	}
}

func TestAccents(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"#2f55d4", "#000000", "#7a0019"} {
		if _, err := app.AccentOf(c); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
	for _, c := range []string{"", "#fff", "2f55d4", "#2f55d4;", "#ffffff", "#ffdd00", "#767676x"} {
		var input billing.InputError
		_, err := app.AccentOf(c)
		if !errors.As(err, &input) {
			t.Errorf("%s: %v", c, err)
		}
		// The nearest that works does work.
		if _, near, ok := strings.Cut(string(input), "works is "); ok {
			if _, err := app.AccentOf(near); err != nil {
				t.Errorf("%s for %s: %v", near, c, err)
			}
		}
	}
}

func aPNG(width, height int) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	m.Set(0, 0, color.NRGBA{200, 10, 10, 255})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err) // never happens: the buffer takes everything
	}
	return b.Bytes()
}

func TestLogo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	inv := w.invoice("10")
	if _, err := w.app.Logo(ctx, w.owner); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("no logo yet: %v", err)
	}
	sent := append(aPNG(2000, 500), "<script>alert(1)</script>"...)
	must(t, w.app.SetLogo(ctx, w.owner, sent))
	kept, err := w.app.Logo(ctx, w.member)
	must(t, err)
	config, kind, err := image.DecodeConfig(bytes.NewReader(kept))
	must(t, err)
	if kind != "png" || config.Width != 512 || config.Height != 128 || bytes.Contains(kept, []byte("script")) {
		t.Errorf("kept %s of %d × %d", kind, config.Width, config.Height)
	}
	public, err := w.app.PublicLogo(ctx, inv.Token)
	must(t, err)
	if !bytes.Equal(public, kept) || w.again().Workspace.Logo == "" {
		t.Error("the client's page has another logo")
	}
	if _, err := w.app.PublicLogo(ctx, "AAAAAAAAAAAAAAAAAAAAAA"); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("by an unknown token: %v", err)
	}
	var photo bytes.Buffer
	must(t, jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 30, 20)), nil))
	must(t, w.app.SetLogo(ctx, w.owner, photo.Bytes()))
	must(t, w.app.SetLogo(ctx, w.owner, []byte(someWebP)))
	must(t, w.app.RemoveLogo(ctx, w.owner))
	if _, err := w.app.Logo(ctx, w.owner); !errors.Is(err, app.ErrNotFound) || w.again().Workspace.Logo != "" {
		t.Errorf("after it was removed: %v", err)
	}
}

// someWebP is one pixel, lossless.
const someWebP = "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"

// F3: what is no picture of the three kinds, and pictures that are more than they seem.
func TestLogosThatCantBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	huge := aPNG(4, 4)
	binary.BigEndian.PutUint32(huge[16:], 60_000) // the width that the header claims; its checksum is then wrong as well
	bomb := []byte(someWebP)
	webp := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x09\x00\x00"), "VP8L\x0d\x00\x00\x00\x2f\xff\xff\xff\x0f\x07\x10\x11\x11\x88\x88\xfe\x07\x00"...)
	binary.LittleEndian.PutUint32(webp[4:], uint32(len(webp)-8))
	for name, picture := range map[string][]byte{
		"nothing":                          nil,
		"SVG":                              []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`),
		"HTML":                             []byte("<!doctype html><script>alert(1)</script>"),
		"GIF":                              []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
		"half a PNG":                       aPNG(300, 300)[:60],
		"a PNG that claims to be huge":     huge,
		"a picture too wide":               aPNG(4097, 1),
		"too many pixels":                  aPNG(4000, 4000),
		"too many bytes":                   append(aPNG(4, 4), make([]byte, app.MaxLogo)...),
		"a WebP that is larger inside":     webp,
		"half a WebP":                      bomb[:25],
		"a PNG behind the head of another": append([]byte("GIF89a"), aPNG(4, 4)...),
	} {
		var errs billing.FieldErrors
		if err := w.app.SetLogo(context.Background(), w.owner, picture); !errors.As(err, &errs) || errs["logo"] == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := ask[int](w, "SELECT count(*) FROM workspace_logos"); n != 0 {
		t.Errorf("%d logos", n)
	}
}
