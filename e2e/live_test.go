package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// hiddenTab puts another tab in front. A poll is due every 2 s.
func hiddenTab(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	address := p.createInvoice("Poster", "120", "EUR")
	p.holds("a poll", "performance.getEntriesByType('resource').some(e => e.name.includes('/status'))")

	front := p.beside("front", chromedp.WithNewWindow(false))
	_, err := chromedp.Call(front.ctx, cdppage.BringToFront, cdp.Empty{})
	front.must("come to front", err)
	p.holds("the tab is hidden", "document.hidden")
	p.mark()
	p.forget()

	client := demo.open("client", on)
	client.to(address)
	client.click(link("Pay €120.00"))
	client.card("4242424242424242")
	client.status("Paid") // by its second look: polls of the hidden tab would have come meanwhile
	if n := len(p.requested("/status")); n > 0 {
		t.Errorf("a hidden tab asked %d times", n)
	}

	_, err = chromedp.Call(p.ctx, cdppage.BringToFront, cdp.Empty{})
	p.must("come to front", err)
	p.status("Paid")
	p.unmoved()
	p.resting()
}

// announcements makes sure that a change is said once, in a node that stays.
func announcements(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	address := p.createInvoice("Poster", "120", "EUR")
	regions := eval[[]string](p, `[...document.querySelectorAll('[role=status], [role=alert], [role=log], [aria-live], output')].map(e => e.id || e.innerText.trim())`)
	if len(regions) != 2 || regions[1] != "toast" {
		t.Errorf("these announce: %q, and only the status and the toast should", regions)
	}
	eval[bool](p, `window.announcer = document.querySelector('#invoice [role=status]'), true`)

	client := demo.open("client", on)
	client.to(address)
	eval[bool](client, `window.announcer = document.querySelector('[role=status]'), true`)
	client.click(link("Pay €120.00"))
	client.card("4242424242424242")
	client.status("Paid")
	p.status("Paid")
	p.holds("the status is said in the same node", `announcer.isConnected && announcer.innerText.trim() === 'Paid'`)
}
