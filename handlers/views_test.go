package handlers

import (
	"bytes"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

// forbidden are spellings that do nothing, or something else, in htmx 4, and what our
// Content-Security-Policy blocks in a browser.
var forbidden = []struct {
	pattern *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`\bhx-(disabled-elt|ext|vars|params|prompt|disinherit|inherit)\b`), "htmx 2"},
	{regexp.MustCompile(`\bhx-(request|history) *=`), "htmx 2"},
	{regexp.MustCompile(`\bhtmx:[a-z]+[A-Z]`), "an event name of htmx 2: they are htmx:after:swap now"},
	{regexp.MustCompile(`(?i)\bHX-Trigger-After-`), "htmx 2"},
	{regexp.MustCompile(`\b286\b`), "286 does not end polling in htmx 4: render without hx-trigger"},
	{regexp.MustCompile(`\bhx-boost\b`), "whole pages load by themselves"},
	{regexp.MustCompile(`\bhx-(put|patch|delete)\b`), "only GET and POST, which work without scripts"},
	{regexp.MustCompile(`\bhx-on\b`), "needs eval"},
	{regexp.MustCompile(`\bhx-trigger="[^"]*\[`), "a trigger filter needs eval"},
	{regexp.MustCompile(`["'] *(js|javascript):`), "needs eval"},
	{regexp.MustCompile(`\beval\(|\bnew Function\b|\bsetTimeout\( *["']`), "eval"},
	{regexp.MustCompile(`\bhx-confirm\b|\bwindow\.confirm\b`), "confirmations are pages, shown in a dialog"},
}

var forbiddenInPages = []struct {
	pattern *regexp.Regexp
	reason  string
}{
	{regexp.MustCompile(`\sstyle *=|<style`), "inline style"},
	{regexp.MustCompile(`\son[a-z]+ *=`), "inline handler"},
	{regexp.MustCompile(`<script(>| [^>]*>[^<])`), "inline script"},
	{regexp.MustCompile(`\b(src|srcset)="https?:`), "something from elsewhere"},
}

// Attack E7.
func TestViewsAndScriptsKeepToTheRules(t *testing.T) {
	t.Parallel()
	scanned := 0
	check := func(name string) {
		scanned++
		text := readFile(t, name)
		for _, f := range forbidden {
			if found := f.pattern.FindString(text); found != "" {
				t.Errorf("%s: %q: %s", name, found, f.reason)
			}
		}
		if path.Ext(name) != ".html" || strings.HasPrefix(name, "views/mail/") { // mails need inline styles
			return
		}
		for _, f := range forbiddenInPages {
			if found := f.pattern.FindString(text); found != "" {
				t.Errorf("%s: %q: %s", name, found, f.reason)
			}
		}
	}
	err := fs.WalkDir(repo, "views", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			check(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"static/trak.js", "static/public.js", "static/passkey.js"} {
		check(name)
	}
	if scanned < 7 {
		t.Fatalf("only %d files were found", scanned)
	}
}

func TestViewsNameIconsAndFilesThatExist(t *testing.T) {
	t.Parallel()
	a := loadAssets(t)
	call := regexp.MustCompile(`\b(icon|asset) "([^"]*)"`)
	err := fs.WalkDir(repo, "views", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		for _, m := range call.FindAllStringSubmatch(readFile(t, name), -1) {
			if m[1] == "icon" && a.icons[m[2]] == "" || m[1] == "asset" && a.urls[m[2]] == "" {
				t.Errorf("%s: no %s %q", name, m[1], m[2])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestForbiddenSpellingsAreFound(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`<button hx-disabled-elt="this">`, `<div hx-ext="sse">`, `<a hx-vars="x:1">`, `<a hx-params="*">`, `<a hx-prompt="Why">`,
		`<a hx-request="timeout:1">`, `<a hx-history="false">`, `<a hx-disinherit="*">`, `<a hx-on:click="x()">`,
		`addEventListener("htmx:afterSwap")`, `HX-Trigger-After-Swap`, `return 286`, `hx-trigger="every 2s [visible]"`,
		`hx-vals='js:{a: 1}'`, `<p style="color: red">`, `<a onclick="x()">`, `<script>x()</script>`, `eval(x)`,
		`<a hx-delete="/x">`, `<body hx-boost="true">`, `<img src="https://elsewhere.example/x.png">`,
	} {
		found := false
		for _, f := range append(forbidden, forbiddenInPages...) {
			found = found || f.pattern.MatchString(text)
		}
		if !found {
			t.Errorf("%s passes", text)
		}
	}
}

// layouts are the frames alone, with the two functions that they use.
func layouts(t *testing.T) *template.Template {
	t.Helper()
	a := loadAssets(t)
	views := template.New("").Funcs(template.FuncMap{"asset": a.URL, "icon": a.icon})
	return template.Must(views.ParseFS(repo, "views/layouts/*.html"))
}

func TestLayouts(t *testing.T) {
	t.Parallel()
	views := template.Must(layouts(t).Parse(`
		{{define "in-shell"}}{{template "head" .}}{{template "shell-start" .}}<h1>Hello</h1>{{template "shell-end" .}}{{end}}
		{{define "bare"}}{{template "head" .}}{{template "bare-start" .}}<h1>Hello</h1>{{template "bare-end" .}}{{end}}
		{{define "public"}}{{template "public-start" .}}<h1>Hello</h1>{{template "public-end" .}}{{end}}`))

	north := PageWorkspace{Name: "north & co", Slug: "north", Role: "Owner", Overdue: badge{ID: "nav-overdue", Count: 2, Rest: "overdue"}}
	south := PageWorkspace{Name: "South", Slug: "south", Role: "Member"}
	signedIn := Page{
		Title: "Invoices", Nav: "invoices", Theme: "dark", CSRF: "token-1", Flash: "Saved",
		User: &PageUser{Name: "Mira Osei", Email: "mira@north.example"}, Workspace: &north, Workspaces: []PageWorkspace{north, south},
	}

	tests := map[string]struct {
		layout string
		page   Page
		has    []string
		lacks  []string
	}{
		"signed in": {"in-shell", signedIn, []string{
			`<html lang="en" data-theme="dark">`, `<title>Invoices · Trak</title>`, `north &amp; co`, `>Sign out<`,
			`<a href="/w/north/payments/invoices" data-go="i" aria-current="page" aria-describedby="nav-overdue">`,
			`2 overdue`, `<input type="hidden" name="csrf" value="token-1">`, `name="theme" value="dark" aria-pressed="true"`,
			`<button class="item" name="slug" value="south">`, `<div class="toast"><span>Saved</span></div>`,
		}, []string{"Demo:", "/w//"}},
		"without a workspace": {"in-shell", Page{Title: "Workspaces", User: signedIn.User, Workspaces: signedIn.Workspaces},
			[]string{`Choose a workspace`, `<button class="item" name="slug" value="south">`, `<html lang="en">`}, []string{"Invoices", "/w//", "overdue"}},
		"in the demo": {"in-shell", Page{Demo: true, SandboxURL: "http://localhost:4000"},
			[]string{`Demo: no real money moves.`, `href="http://localhost:4000"`}, []string{"Sign out"}},
		"before sign-in": {"bare", Page{Title: "Sign in", Theme: "light"},
			[]string{`data-theme="light"`, `<main id="main"`, `id="toast"`}, []string{`aria-label="Main"`, "Sign out"}},
		"for clients": {"public", Page{Title: "Invoice INV-0042 from North"},
			[]string{`<title>Invoice INV-0042 from North</title>`, `content="noindex, nofollow"`, "data-print"}, []string{"htmx", "trak.js", "csrf"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := views.ExecuteTemplate(&out, test.layout, test.page); err != nil {
				t.Fatal(err)
			}
			html := out.String()
			for _, want := range test.has {
				if !strings.Contains(html, want) {
					t.Errorf("%q is missing", want)
				}
			}
			for _, not := range test.lacks {
				if strings.Contains(html, not) {
					t.Errorf("%q is there", not)
				}
			}
			if at := strings.LastIndex(html, "<script"); at > strings.Index(html, "</head>") {
				t.Error("a script stands outside the head")
			}
			seen := map[string]bool{}
			for _, m := range regexp.MustCompile(`\bid="([^"]+)"`).FindAllStringSubmatch(html, -1) {
				if seen[m[1]] {
					t.Errorf("id %q is there twice", m[1])
				}
				seen[m[1]] = true
			}
		})
	}
}
