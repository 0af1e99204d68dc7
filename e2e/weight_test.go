package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// weight holds what pages may cost on the wire, headers included. A cold visit has nothing
// cached; a warm one is the next page.
func weight(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	_, clients := p.eachStatus()
	const kB = 1000
	for _, c := range []struct {
		name, address  string
		withoutFont    float64
		withFont, html float64
	}{
		{"overview", studio, 40 * kB, 90 * kB, 12 * kB},
		{"invoices", studio + "/invoices", 40 * kB, 90 * kB, 12 * kB},
		{"composer", studio + "/invoices?new=1", 40 * kB, 90 * kB, 12 * kB},
		{"history", studio + "/history", 40 * kB, 90 * kB, 12 * kB},
		{"connect", studio + "/connect", 40 * kB, 90 * kB, 12 * kB},
		{"client's page, open", clients["Open"], 20 * kB, 70 * kB, 12 * kB},
		{"client's page, paid", clients["Paid"], 20 * kB, 70 * kB, 12 * kB},
	} {
		p.caching(false)
		cold := p.load(c.address)
		if cold.all > c.withFont || cold.all-cold.fonts > c.withoutFont || cold.html > c.html {
			t.Errorf("%s: %.0f bytes cold, of which %.0f fonts and %.0f HTML; at most %.0f, %.0f without fonts", c.name, cold.all, cold.fonts, cold.html, c.withFont, c.withoutFont)
		}
		if cold.requests > 8 {
			t.Errorf("%s: %d requests cold, at most 8", c.name, cold.requests)
		}
		p.caching(true)
		p.load(c.address)
		if warm := p.load(c.address); warm.requests != 1 || warm.all > c.html {
			t.Errorf("%s: %q and %.0f bytes warm; only the page itself, at most %.0f", c.name, warm.urls, warm.all, c.html)
		}
		t.Logf("%s: %.0f bytes cold, %.0f without fonts, %.0f HTML, %d requests", c.name, cold.all, cold.all-cold.fonts, cold.html, cold.requests)
	}
}

func (p *page) caching(on bool) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: !on})
	p.must("turn the cache on or off", err)
}

// load is what a visit costs.
type load struct {
	requests         int
	urls             []string
	all, fonts, html float64
}

// load goes to a page, and adds up what came over the wire until it stands there with its font.
func (p *page) load(address string) (l load) {
	p.t.Helper()
	p.forget()
	p.to(address)
	p.holds("fonts are there", "document.fonts.ready.then(() => true)")
	p.until("all has come", func() error {
		for _, r := range p.requested("") {
			if !r.done && r.kind != network.ResourceTypeFetch && r.kind != network.ResourceTypeOther { // the icon's end isn't always told
				return fmt.Errorf("%s (%s) has not", r.url, r.kind)
			}
		}
		return nil
	})
	for _, r := range p.requested("") {
		if r.cached || r.bytes == 0 || r.kind == network.ResourceTypeFetch || r.kind == network.ResourceTypeXHR {
			continue // polls come later
		}
		if !strings.HasPrefix(r.url, p.site.url+"/") && !strings.HasPrefix(r.url, "data:") {
			p.t.Errorf("%s asks another host: %s", address, r.url)
		}
		if r.kind != network.ResourceTypeOther { // the icon, which the browser asks for when it likes
			l.requests++
		}
		l.urls = append(l.urls, r.url)
		l.all += r.bytes
		switch r.kind {
		case network.ResourceTypeFont:
			l.fonts += r.bytes
		case network.ResourceTypeDocument:
			l.html += r.bytes
		}
	}
	return l
}
