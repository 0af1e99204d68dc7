package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

var pictures = flag.String("screenshots", "", "write the pictures of the documentation to this directory, and test nothing")

// takePictures photographs the demo for the documentation.
func (s *suite) takePictures(t *testing.T, dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	demo := s.demoAt(t, "localhost:3000") // the address that the documentation names
	p := demo.signedIn("owner", desktop)
	p.prefers("light")
	p.picture(dir, "overview")
	p.to(studio + "/connect")
	p.picture(dir, "connect")

	// An invoice that has just been paid.
	p.to(studio + "/invoices?new=1")
	p.fill(combobox("Client"), "Halden & Vik")
	p.press("Tab") // takes the client
	p.choose(combobox("Currency"), "EUR")
	for i, l := range [][3]string{{"Brand identity, phase 3", "1", "2,400"}, {"Print templates", "3", "180"}} {
		line := group("Line " + string(rune('1'+i)))
		p.click(button("Add line item"))
		p.fill(textbox("Description").in(line), l[0])
		p.fill(textbox("Quantity").in(line), l[1])
		p.fill(textbox("Unit price").in(line), l[2])
	}
	p.says("€2,940.00")
	p.click(button("Create and copy link"))
	p.status("Open")
	address := p.paymentLink()
	p.click(button("Copy"))

	client := demo.open("client", desktop)
	client.prefers("light")
	client.to(address)
	client.see(link("Pay €2,940.00"))
	client.picture(dir, "client")
	p.status("Viewed")
	client.click(link("Pay €2,940.00"))
	client.card("4242424242424242")
	client.status("Paid")

	p.status("Paid")
	p.resting()
	p.picture(dir, "invoice")
	p.prefers("dark")
	p.picture(dir, "invoice-dark")
	p.prefers("light")
	p.resize(phone)
	p.picture(dir, "invoice-phone")
	p.resize(desktop)
	p.to(studio + "/invoices")
	p.see(title("Invoices"))
	p.picture(dir, "invoices")
}

// picture writes what is on the screen, once nothing moves any more.
func (p *page) picture(dir, name string) {
	p.t.Helper()
	p.holds("the toast is gone", "!document.querySelector('#toast')?.innerText")
	p.holds("fonts are there", "document.fonts.ready.then(() => true)")
	p.holds("nothing moves", "Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().endTime !== Infinity).map(a => a.finished)).then(() => true)")
	eval[any](p, "document.activeElement?.blur(), scrollTo(0, 0)")
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	p.must("take a picture", err)
	p.must("write it", os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}
