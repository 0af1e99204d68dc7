package handlers

import (
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trak/billing"
)

// A row has to be what html/template makes of it, whatever it says.
func TestRowIsWhatTheTemplateMakes(t *testing.T) {
	t.Parallel()
	root := os.DirFS("..")
	files, err := newAssets(root)
	if err != nil {
		t.Fatal(err)
	}
	views, err := parseViews(root, files)
	if err != nil {
		t.Fatal(err)
	}
	h := &Server{views: views}
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[<>&"'+ =/a-z\x00-\x1f]*`), rapid.SampledFrom([]string{
		"", "</td><script>alert(1)</script>", `" onmouseover="alert(1)`, "' onfocus='", "{{.ID}}", "text3text", "&lt;", "<!--", "javascript:alert(1)",
	}))
	status := rapid.SampledFrom([]billing.Status{billing.Draft, billing.Open, billing.Paid, billing.Void, billing.Processing})
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{12}`).Draw(t, "id")
		row := invoiceRow{
			ID: id, URL: "/w/north-light/payments/invoices/" + id, Label: billing.LabelOfStatus(status.Draw(t, "status")),
			Name: text.Draw(t, "name"), Client: text.Draw(t, "client"), DueISO: text.Draw(t, "iso"), Due: text.Draw(t, "due"),
			Late: text.Draw(t, "late"), Amount: text.Draw(t, "amount"), Currency: text.Draw(t, "currency"),
			First: rapid.Bool().Draw(t, "first"), OOB: rapid.Bool().Draw(t, "oob"),
		}
		var want strings.Builder
		if err := h.views.ExecuteTemplate(&want, "invoice-row", row); err != nil {
			t.Fatal(err)
		}
		got, err := h.row(row)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want.String() {
			t.Fatalf("got  %q\nwant %q", got, want.String())
		}
	})
	if n := len(h.rows.m); n == 0 || n > 2000 {
		t.Errorf("%d forms", n)
	}
}
