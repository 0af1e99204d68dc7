package handlers

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
	"github.com/gofiber/fiber/v2"
)

// repo is the tree that main.go embeds.
var repo = os.DirFS("..")

func loadAssets(t *testing.T) *assets {
	t.Helper()
	a, err := newAssets(repo)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	body, err := fs.ReadFile(repo, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func assetURL(t *testing.T, a *assets, name string) string {
	t.Helper()
	url, err := a.URL(name)
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func TestAssetsAreServed(t *testing.T) {
	t.Parallel()
	a := loadAssets(t)
	app := fiber.New()
	app.Get("/static/*", a.serve)
	css, font := assetURL(t, a, "trak.css"), assetURL(t, a, "vendor/inter-latin.woff2")

	tests := map[string]struct {
		method, url, accept string
		status              int
		encoding, kind      string
	}{
		"brotli is preferred":              {"GET", css, "gzip, deflate, br", 200, "br", "text/css; charset=utf-8"},
		"gzip where brotli is not known":   {"GET", css, "gzip", 200, "gzip", "text/css; charset=utf-8"},
		"plain where nothing is asked for": {"GET", css, "", 200, "", "text/css; charset=utf-8"},
		"plain where all is refused":       {"GET", css, "br;q=0, gzip;q=0", 200, "", "text/css; charset=utf-8"},
		"a script":                         {"GET", assetURL(t, a, "trak.js"), "br", 200, "br", "text/javascript; charset=utf-8"},
		"a drawing":                        {"GET", assetURL(t, a, "favicon.svg"), "br", 200, "br", "image/svg+xml"},
		"a font is compressed already":     {"GET", font, "gzip, br", 200, "", "font/woff2"},
		"only the head":                    {"HEAD", css, "br", 200, "br", "text/css; charset=utf-8"},
		"the name without hash":            {"GET", "/static/trak.css", "br", 404, "", ""},
		"an old hash":                      {"GET", "/static/trak.00000000.css", "br", 404, "", ""},
		"the folder":                       {"GET", "/static/", "br", 404, "", ""},
		"a file that is not for browsers":  {"GET", "/static/VENDOR.md", "br", 404, "", ""},
		"an icon by itself":                {"GET", "/static/vendor/icons/plus.svg", "br", 404, "", ""},
		"a way out of the folder":          {"GET", "/static/..%2fgo.mod", "br", 404, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(test.method, test.url, nil)
			r.Header.Set("Accept-Encoding", test.accept)
			resp, err := app.Test(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != test.status {
				t.Fatalf("status %d, want %d", resp.StatusCode, test.status)
			}
			cache := resp.Header.Get("Cache-Control")
			if test.status != 200 {
				if cache != "" {
					t.Errorf("an error may be kept: %q", cache)
				}
				return
			}
			if cache != "public, max-age=31536000, immutable" {
				t.Errorf("Cache-Control %q", cache)
			}
			if got := resp.Header.Get("Content-Type"); got != test.kind {
				t.Errorf("Content-Type %q, want %q", got, test.kind)
			}
			if got := resp.Header.Get("Content-Encoding"); got != test.encoding {
				t.Errorf("Content-Encoding %q, want %q", got, test.encoding)
			}
			if vary := resp.Header.Get("Vary"); (vary == "Accept-Encoding") != (test.url != font) {
				t.Errorf("Vary %q", vary)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if test.method == "HEAD" {
				if len(body) > 0 || resp.ContentLength <= 0 {
					t.Errorf("%d bytes of body, Content-Length %d", len(body), resp.ContentLength)
				}
				return
			}
			want := a.files[strings.TrimPrefix(test.url, staticURL)].raw
			if !bytes.Equal(decoded(t, body, test.encoding), want) {
				t.Error("the body is not the file")
			}
		})
	}
}

func decoded(t *testing.T, body []byte, encoding string) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(body)
	switch encoding {
	case "br":
		r = brotli.NewReader(r)
	case "gzip":
		zr, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = zr
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStyleSheetsNameFontsByTheirHash(t *testing.T) {
	t.Parallel()
	a := loadAssets(t)
	for _, sheet := range []string{"trak.css", "public.css"} {
		css := string(a.files[strings.TrimPrefix(assetURL(t, a, sheet), staticURL)].raw)
		if !strings.Contains(css, "url("+assetURL(t, a, "vendor/inter-latin.woff2")+")") {
			t.Errorf("%s does not load the font by its address", sheet)
		}
		if strings.Contains(css, "url(vendor/") {
			t.Errorf("%s has an address without hash", sheet)
		}
	}
	_, err := newAssets(fstest.MapFS{"static/a.css": {Data: []byte("@font-face{src:url(none.woff2)}")}})
	if err == nil {
		t.Error("a style sheet may name a file that is not there")
	}
}

func TestSourceCommentsStayAtHome(t *testing.T) {
	t.Parallel()
	a, err := newAssets(fstest.MapFS{
		"static/a.js":          {Data: []byte("// why\nlet a = 'https://x' // here\n  // more\n  let b\n")},
		"static/a.css":         {Data: []byte("/* why,\n   and how */\na {\n  color: red; /* here */\n}\n")},
		"static/vendor/lib.js": {Data: []byte("// licence\nlet c\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a.js":          "let a = 'https://x' // here\nlet b\n",
		"a.css":         "a {\ncolor: red; }\n",
		"vendor/lib.js": "// licence\nlet c\n", // what others wrote is sent as it is
	} {
		if got := string(a.files[strings.TrimPrefix(assetURL(t, a, name), staticURL)].raw); got != want {
			t.Errorf("%s is sent as %q, want %q", name, got, want)
		}
	}
}

func TestWeightOnTheWire(t *testing.T) {
	t.Parallel()
	a := loadAssets(t)
	for name, limit := range map[string]int{
		"trak.css":                 9 << 10,
		"trak.js":                  4 << 10,
		"public.css":               3 << 10,
		"public.js":                1 << 10,
		"vendor/htmx.min.js":       14 << 10,
		"vendor/inter-latin.woff2": 48 << 10,
	} {
		f := a.files[strings.TrimPrefix(assetURL(t, a, name), staticURL)]
		sent := f.raw
		if f.compressible() {
			sent = gzipped(f.raw)
		}
		if len(sent) > limit {
			t.Errorf("%s is %d bytes on the wire, the limit is %d", name, len(sent), limit)
		}
	}
	if lines := strings.Count(readFile(t, "static/trak.css"), "\n"); lines > 900 {
		t.Errorf("trak.css has %d lines, the limit is 900", lines)
	}
}

// The tokens layer of a style sheet, and the rest of it.
func splitTokens(t *testing.T, css string) (tokens, rest string) {
	t.Helper()
	before, after, found := strings.Cut(css, "@layer tokens {")
	tokens, after, closed := strings.Cut(after, "\n}\n")
	if !found || !closed {
		t.Fatal("no tokens layer")
	}
	return tokens, before + after
}

func TestColoursAndFontSizesAreTokens(t *testing.T) {
	t.Parallel()
	literal := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|rgba?\(|hsl\(|font-size: *[\d.]+(px|rem)|font: [^;]*\d(px|rem)`)
	declared := regexp.MustCompile(`(--[\w-]+): ([^;]+);`)

	values := map[string]string{} // of trak.css
	trak, rest := splitTokens(t, readFile(t, "static/trak.css"))
	if found := literal.FindString(rest); found != "" {
		t.Errorf("trak.css has %q outside its tokens", found)
	}
	for _, m := range declared.FindAllStringSubmatch(trak, -1) {
		if _, seen := values[m[1]]; !seen {
			values[m[1]] = m[2]
		}
	}

	public, rest := splitTokens(t, readFile(t, "static/public.css"))
	if found := literal.FindString(rest); found != "" {
		t.Errorf("public.css has %q outside its tokens", found)
	}
	for _, m := range declared.FindAllStringSubmatch(public, -1) {
		if m[2] != values[m[1]] && m[2] != "var(--text)" { // more contrast makes one of the other
			t.Errorf("%s is %q in public.css and %q in trak.css", m[1], m[2], values[m[1]])
		}
	}

	for name, css := range map[string]string{"trak.css": readFile(t, "static/trak.css"), "public.css": readFile(t, "static/public.css")} {
		for _, m := range regexp.MustCompile(`var\((--[\w-]+)\)`).FindAllStringSubmatch(css, -1) {
			if !strings.Contains(css, m[1]+": ") {
				t.Errorf("%s uses %s, which it does not declare", name, m[1])
			}
		}
	}
}

func TestVendoredFilesAreThoseOfTheList(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for line := range strings.Lines(readFile(t, "static/VENDOR.md")) {
		// package version integrity path-in-package destination sha256 licence
		fields := strings.Fields(line)
		if len(fields) != 7 || !strings.HasPrefix(fields[2], "sha512-") {
			continue
		}
		dest, want := fields[4], fields[5]
		sum := sha256.Sum256([]byte(readFile(t, path.Join("static", dest))))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s: sha256 is %s, the list says %s", dest, got, want)
		}
		listed[path.Join("static", dest)] = true
	}
	if len(listed) < 40 {
		t.Fatalf("the list has %d files", len(listed))
	}
	err := fs.WalkDir(repo, "static/vendor", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !listed[name] {
			t.Errorf("%s is not in static/VENDOR.md", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestIcon(t *testing.T) {
	t.Parallel()
	a := loadAssets(t)
	got, err := a.icon("plus")
	if err != nil {
		t.Fatal(err)
	}
	want := `<svg class="i" viewBox="0 0 24 24" aria-hidden="true"><path d="M5 12h14"/> <path d="M12 5v14"/></svg>`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, name := range []string{"", "no-such-icon", "../../favicon"} {
		if _, err := a.icon(name); err == nil {
			t.Errorf("icon %q is not refused", name)
		}
	}
}
