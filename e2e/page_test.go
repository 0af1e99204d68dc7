package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// page is a tab. It watches its network and its console: a message of level error, which
// includes reports of the content security policy, fails the test in the end, and so does a
// request to anybody but Trak and, where it leads there, Stripe.
type page struct {
	t      *testing.T
	ctx    context.Context
	name   string
	site   *site
	screen screen

	mu       sync.Mutex
	offline  bool // failed requests are no fault
	attacked bool // nor is what the content security policy reports
	requests []*request
	console  []string
	faults   []string
}

// request is one that the page made, redirects apart.
type request struct {
	id     network.RequestID
	method string
	url    string
	kind   network.ResourceType
	status int64
	cached bool
	bytes  float64 // on the wire, headers included
	done   bool
}

// open opens a tab with cookies of its own.
func (s *site) open(name string, on screen) *page {
	s.t.Helper()
	return s.tab(s.s.browser, name, on, chromedp.WithNewBrowserContext())
}

// beside opens another tab of the same person, in a window of its own.
func (p *page) beside(name string, options ...chromedp.ContextOption) *page {
	p.t.Helper()
	return p.site.tab(p.ctx, name, p.screen, options...)
}

func (s *site) tab(parent context.Context, name string, on screen, options ...chromedp.ContextOption) *page {
	s.t.Helper()
	p := &page{t: s.t, name: name, site: s, screen: on}
	var cancel context.CancelFunc
	p.ctx, cancel = chromedp.NewContext(parent, options...)
	s.t.Cleanup(cancel)
	p.must("open a tab", chromedp.Do(p.ctx))
	s.t.Cleanup(p.finish)
	p.must("watch the page", chromedp.Listen(p.ctx, p.heard))
	p.watchConsole()
	_, err := chromedp.Call(p.ctx, network.Enable, network.EnableParams{})
	p.must("watch the network", err)
	p.resize(on)
	return p
}

// resize shows the page on another screen.
func (p *page) resize(on screen) {
	p.t.Helper()
	p.screen = on
	var options []chromedp.EmulateViewportOption
	if on.phone {
		options = []chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait}
	}
	p.must("size the page", chromedp.Do(p.ctx, chromedp.EmulateViewport(on.width, on.height, options...)))
}

// prefers sets the colours that the person's system asks for, "light" or "dark", and no motion.
func (p *page) prefers(colours string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: colours}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	p.must("prefer "+colours, err)
}

// withoutScripts turns scripts off, as some people and companies do.
func (p *page) withoutScripts() {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	p.must("turn scripts off", err)
}

// allowClipboard lets the page copy, as a browser with a window does.
func (p *page) allowClipboard() {
	p.t.Helper()
	for _, name := range []string{"clipboard-write"} {
		_, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted,
			Origin: p.site.url, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
		})
		p.must("allow "+name, err)
	}
}

// to goes to an address; a path is one of Trak's.
func (p *page) to(address string) {
	p.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = p.site.url + address
	}
	p.must("go to "+address, chromedp.Do(p.ctx, chromedp.Navigate(address)))
}

func (p *page) back() {
	p.t.Helper()
	p.must("go back", chromedp.Do(p.ctx, chromedp.NavigateBack()))
}

func (p *page) reload() {
	p.t.Helper()
	p.must("reload", chromedp.Do(p.ctx, chromedp.Reload()))
}

func (p *page) must(what string, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, what, err)
	}
}

// heard notes what the network did.
func (p *page) heard(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !p.attacked && !p.site.owns(e.Request.URL) {
			p.faults = append(p.faults, "it asks another host: "+e.Request.URL)
		}
		p.requests = append(p.requests, &request{id: e.RequestID, method: e.Request.Method, url: e.Request.URL, kind: e.Type})
	case *network.EventResponseReceived:
		if r := p.request(e.RequestID); r != nil {
			r.status, r.cached = e.Response.Status, e.Response.FromDiskCache
		}
	case *network.EventRequestServedFromCache:
		if r := p.request(e.RequestID); r != nil {
			r.cached = true
		}
	case *network.EventLoadingFinished:
		if r := p.request(e.RequestID); r != nil {
			r.bytes, r.done = e.EncodedDataLength, true
		}
	case *network.EventLoadingFailed:
		if r := p.request(e.RequestID); r != nil {
			r.done = true
		}
	}
}

// request is the last one with an id: a redirect keeps it.
func (p *page) request(id network.RequestID) *request {
	for i := len(p.requests) - 1; i >= 0; i-- {
		if p.requests[i].id == id {
			return p.requests[i]
		}
	}
	return nil
}

// requested are the requests so far whose address contains a text.
func (p *page) requested(part string) (found []request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		if strings.Contains(r.url, part) {
			found = append(found, *r)
		}
	}
	return found
}

// answered is the status of the latest whole page.
func (p *page) answered() (status int64) {
	for _, r := range p.requested("") {
		if r.kind == network.ResourceTypeDocument {
			status = r.status
		}
	}
	return status
}

// forget empties the network log.
func (p *page) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = nil
}

// ofServer is how Chromium reports that a server said no, which pages deal with.
var ofServer = regexp.MustCompile(`the server responded with a status of 4\d\d`)

// serverGoesAway says that from now on failed requests are no fault. What the console says
// arrives a little later, so this has no end.
func (p *page) serverGoesAway() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offline = true
}

// underAttack says that from now on the test does what the content security policy refuses.
func (p *page) underAttack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attacked = true
}

// owns says whether an address is Trak's or its stand-in for Stripe's, or of no host at all.
func (s *site) owns(address string) bool {
	if !strings.HasPrefix(address, "http") {
		return true
	}
	return strings.HasPrefix(address, s.url+"/") || s.sandbox != "" && strings.HasPrefix(address, s.sandbox+"/")
}

func (p *page) watchConsole() {
	messages := chromedp.Console(p.ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.console = append(p.console, m.String())
			fault := m.Type == chromedp.ConsoleError || m.IsException()
			if m.Source == "network" && ofServer.MatchString(m.Text) || p.offline && strings.Contains(m.Text, "Failed to ") {
				fault = false
			}
			if p.attacked && strings.Contains(m.Text, "Content Security Policy") {
				fault = false
			}
			if fault {
				p.faults = append(p.faults, m.String()+" "+m.URL)
			}
			p.mu.Unlock()
		}
	}()
}

// finish fails the test for faults of the console, and keeps what a failed test leaves.
func (p *page) finish() {
	p.mu.Lock()
	faults := strings.Join(p.faults, "\n")
	p.mu.Unlock()
	if faults != "" {
		p.t.Errorf("%s: the page has faults:\n%s", p.name, faults)
	}
	if p.t.Failed() {
		p.keep()
	}
}

var notWord = regexp.MustCompile(`[^\w]+`)

// keep writes a picture of the page, its HTML and its console to artifacts/.
func (p *page) keep() {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	base := filepath.Join("artifacts", notWord.ReplaceAllString(p.t.Name()+"-"+p.name, "_"))
	save := func(suffix string, data []byte, err error) {
		if err == nil {
			err = os.MkdirAll("artifacts", 0o755)
		}
		if err == nil {
			err = os.WriteFile(base+suffix, data, 0o644)
		}
		if err != nil {
			p.t.Logf("keep %s%s: %v", base, suffix, err)
		}
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	save(".png", png, err)
	address, err := chromedp.Run(ctx, chromedp.Location())
	html, err2 := chromedp.Run(ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	save(".html", fmt.Appendf(nil, "<!-- %s -->\n%s", address, html), cmp.Or(err, err2))
	p.mu.Lock()
	console := strings.Join(p.console, "\n")
	p.mu.Unlock()
	save(".log", []byte(console), nil)
	p.t.Logf("%s was at %s, see %s.*", p.name, address, base)
}

// eval is the value of an expression in the page.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	p.must("evaluate "+expression, err)
	return v
}
