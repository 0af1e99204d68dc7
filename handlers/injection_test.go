package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"trak/app"
	"trak/sandbox"
)

// payloads would run, or change the page, wherever they are not text. Each holds "xssevil".
var payloads = []string{
	`<script>xssevil()</script>`,
	`"><script>xssevil()</script>`,
	`'><img src=x onerror=xssevil()>`,
	`" onmouseover="xssevil()" x="`,
	`' onfocus='xssevil()' autofocus='`,
	"` onload=`xssevil()`",
	`</title><svg onload=xssevil()>`,
	`</textarea><xssevil-a>`,
	`</option></select><iframe srcdoc=xssevil>`,
	`</script><script>xssevil()//`,
	`<!--<xssevil--><b id=xssevil>`,
	`--><xssevil-b>`,
	`<style>@import"//xssevil"</style>`,
	`javascript:xssevil()`,
	`JaVaScRiPt:xssevil()`,
	`data:text/html,<b>xssevil</b>`,
	`//xssevil.example/`,
	`{{.CSRF}}{{xssevil}}`,
	`<a href=javascript:xssevil()>`,
	`<form action=//xssevil.example><button>`,
	`<meta http-equiv=refresh content=0;//xssevil>`,
	`<base href=//xssevil.example/>`,
	`<div hx-get=/xssevil hx-trigger=load>`,
	`&lt;b id=xssevil&gt;&#60;xssevil-c&#62;`,
	`<math><mtext><xssevil-d>`,
	`<img/src/onerror=xssevil()>`,
}

// packed are the payloads in as few texts of at most 96 characters as they fit in.
func packed() (list []string) {
	for _, p := range payloads {
		if n := len(list); n > 0 && len(list[n-1])+1+len(p) <= 96 {
			list[n-1] += " " + p
			continue
		}
		list = append(list, p)
	}
	return list
}

// F1, F4, F8, F9 and F14: whatever people type comes back as text, on every page.
// Attack F2.
func TestTextStaysText(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	for i, evil := range packed() {
		w.advance(20 * time.Minute) // what was tried too often by the one before is forgotten
		h := w.evilHalf(i, evil)
		seen := &strings.Builder{}
		for _, key := range keys(func(string, string, rule) bool { return true }) {
			r := rules[key]
			ids := []string{""}
			if r.of != "" {
				ids = []string{h.ids[r.of], h.ids[paid], url.PathEscape(evil)}
			}
			for _, id := range ids {
				for _, req := range h.evilRequests(key, id, evil) {
					v := w.as(fmt.Sprint("evil", i))
					if r.may == anyone {
						v = w.client()
					}
					escaped(t, req, v.try(req), seen)
					if r.part != never {
						escaped(t, req, v.try(req, asHTMX("div#"+r.part, w.url)...), seen)
					}
				}
			}
		}
		for field, value := range map[string]string{"user": "Eve " + evil, "workspace": evil, "client": "Client " + evil, "address": "Road " + evil, "line": "Line " + evil, "note": "Dear all,\n" + evil, "order number": evil[:min(len(evil), 40)], "sign-in": "Typed " + evil, "refund": "Refund " + evil} {
			if !strings.Contains(seen.String(), value) {
				t.Errorf("the %s %q is shown nowhere", field, value)
			}
		}
	}
}

// evilHalf is a workspace in which every text is the given one.
func (w *whole) evilHalf(i int, evil string) *half {
	w.t.Helper()
	ctx, role := context.Background(), fmt.Sprint("evil", i)
	w.people[role] = role + "@evil.example"
	u, err := w.app.CreateUser(ctx, app.NewUser{Name: "Eve " + evil, Email: w.people[role], Password: secret})
	must(w.t, err)
	ws, err := w.app.CreateWorkspace(ctx, u.ID, app.NewWorkspace{Name: evil, Country: "DE", Currency: "eur", TimeZone: "UTC"})
	must(w.t, err)
	owner, err := w.app.ActorIn(ctx, u.ID, ws.Slug)
	must(w.t, err)
	h := &half{w: w, owner: owner, slug: ws.Slug, mark: evil, ids: map[thing]string{}, after: 1 << 60}
	c, err := w.app.CreateClient(ctx, owner, app.ClientInput{Name: "Client " + evil, Email: `"<b>xssevil()</b>"@evil.example`, Address: "Road " + evil})
	if err != nil { // some addresses are no addresses
		c, err = w.app.CreateClient(ctx, owner, app.ClientInput{Name: "Client " + evil, Address: "Road " + evil})
	}
	must(w.t, err)
	h.ids[client] = c.ID
	w.onboard(owner, sandbox.OnboardComplete)
	for kind, finalize := range map[thing]bool{draft: false, open: true, paid: true} {
		inv, err := w.app.CreateInvoice(ctx, owner, app.InvoiceInput{
			ClientID: c.ID, Note: "Dear all,\n" + evil, PONumber: evil[:min(len(evil), 40)], Summary: "Line " + evil, Amount: "120", Due: "2020-01-31", Lines: []app.LineInput{{Description: "Line " + evil, Quantity: "2", UnitPrice: "3"}},
		}, finalize)
		must(w.t, err)
		h.ids[kind] = inv.ID
		h.token = inv.Token
	}
	h.token = w.detail(owner, h.ids[open]).Invoice.Token
	w.pay(owner, h.ids[paid], "4242424242424242")
	h.ids[payment] = w.detail(owner, h.ids[paid]).Payments[0].ID
	_, err = w.app.RefundPayment(ctx, owner, h.ids[payment], app.RefundInput{FormKey: nobodys(), Amount: "1", Note: "Refund " + evil})
	must(w.t, err)
	h.session = url.QueryEscape(evil)
	h.asset = "/static/" + url.PathEscape(evil)
	return h
}

// evilRequests are a route's, with the text in everything that can be said with it. Those that
// change something are sent with nothing but mistakes, so that their form comes back.
func (h *half) evilRequests(key, id, evil string) []request {
	r := h.request(key, h.slug, id)
	q := url.Values{}
	for _, name := range []string{"next", "tab", "why", "q", "v", "client", "country", "token", "ids", "since", "back", "workspace"} {
		q.Set(name, "Typed "+evil)
	}
	path, _, _ := strings.Cut(r.path, "?")
	switch r.method {
	case http.MethodGet:
		r.path = path + "?" + q.Encode()
		return []request{r, {method: r.method, path: path + "?" + url.Values{"tab": {evil}, "after": {evil}, "new": {evil}, "archived": {evil}}.Encode()}}
	case http.MethodPost:
		if key == "POST /signout" {
			return nil
		}
		for _, name := range []string{"email", "password", "name", "client", "client_email", "summary", "amount", "due", "terms", "note", "po_number", "kept.note", "currency", "country", "time_zone", "locale", "workspace", "token", "next", "theme", "slug", "role", "address",
			"line[0].description", "line[0].quantity", "line[0].unit_price"} {
			r.form = append(r.form, name, "Typed "+evil)
		}
		r.form = append(r.form, "version", "0")
		return []request{r}
	}
	return nil
}

// harmless are the attributes in which text of people may stand.
var harmless = []string{"value", "title", "aria-label", "alt", "content", "placeholder", "data-label", "data-name", "data-draft", "data-copy", "aria-description"}

// escaped fails when a text that came from outside is more than text in a page: an element, an
// attribute, an address, a script, a header. It adds what a reader sees to seen.
func escaped(t *testing.T, r request, p page, seen *strings.Builder) {
	t.Helper()
	for name, values := range p.header {
		for _, v := range values {
			inAddress := slices.Contains([]string{"Location", "Hx-Location", "Hx-Redirect"}, name)
			if !inAddress && strings.Contains(v, "xssevil") || inAddress && !ours(v) {
				t.Errorf("%s %.80s: %s: %s", r.method, r.path, name, v)
			}
		}
	}
	if !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
		return
	}
	root, err := html.Parse(strings.NewReader(p.body))
	must(t, err)
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			seen.WriteString(n.Data + "\n")
			if parent := n.Parent.Data; strings.Contains(n.Data, "xssevil") && (parent == "script" || parent == "style" || parent == "noscript") {
				t.Errorf("%s %.80s: in a %s: %.200s", r.method, r.path, parent, n.Data)
			}
		case html.CommentNode:
			t.Errorf("%s %.80s: a comment: %.200s", r.method, r.path, n.Data)
		case html.ElementNode:
			harmlessElement(t, r, n, seen)
		}
	}
}

// ourPicture is one that the page carries itself: the QR code of a second factor.
var ourPicture = regexp.MustCompile(`^data:image/png;base64,[A-Za-z0-9+/]+=*$`)

func harmlessElement(t *testing.T, r request, n *html.Node, seen *strings.Builder) {
	t.Helper()
	if strings.Contains(n.Data, "xssevil") || slices.Contains([]string{"iframe", "object", "embed", "base", "style", "math"}, n.Data) {
		t.Errorf("%s %.80s: there is a <%s>", r.method, r.path, n.Data)
	}
	for _, a := range n.Attr {
		if n.Data == "img" && a.Key == "src" && ourPicture.MatchString(a.Val) {
			continue
		}
		isAddress := slices.Contains([]string{"href", "src", "action", "formaction", "hx-get", "hx-post", "hx-replace-url", "poster", "srcset", "data-live"}, a.Key)
		switch {
		case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || a.Key == "http-equiv" || strings.Contains(a.Key, "xssevil"):
			t.Errorf("%s %.80s: <%s %s=%.200q>", r.method, r.path, n.Data, a.Key, a.Val)
		case isAddress && !ours(a.Val):
			t.Errorf("%s %.80s: <%s> leads to %.200q", r.method, r.path, n.Data, a.Val)
		case !isAddress && strings.Contains(a.Val, "xssevil") && !slices.Contains(harmless, a.Key):
			t.Errorf("%s %.80s: <%s %s=%.200q>", r.method, r.path, n.Data, a.Key, a.Val)
		case !isAddress:
			seen.WriteString(a.Val + "\n")
		}
	}
}

// ours says whether an address leads where pages of ours may lead: to another one, or to Stripe.
func ours(address string) bool {
	u, err := url.Parse(address)
	if err != nil || strings.Contains(address, `\`) {
		return false
	}
	if u.Scheme == "" && u.Host == "" {
		return !strings.HasPrefix(address, "//")
	}
	return u.Scheme == "http" && strings.HasPrefix(u.Host, "127.0.0.1:") || u.Scheme == "https" && u.Host == "dashboard.stripe.com"
}
