package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp"
)

// disputed answers a dispute with a file: with scripts on a desktop, without on a phone.
func disputed(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	client := demo.open("client", on)
	client.to(p.createInvoice("Poster", "300", "EUR"))
	client.click(link("Pay €300.00"))
	client.card("4000000000000259")
	client.status("Paid")
	p.says("The client's bank disputes a payment.")
	p.holds("the sidebar counts it without a new page", `document.querySelector('#nav-attention:not([hidden])').textContent === '1 thing needs attention' && !document.querySelector('hx-partial')`)
	client.silent("dispute")
	if on.phone {
		p.withoutScripts()
	}
	p.reload()
	p.click(link("Answer it"))
	p.see(title("€300.00"))
	p.value(textbox("Client's name"), "Lumen Labs")
	if !on.phone {
		p.inspect("dispute, with the form")
		p.click(link("Accept the loss"))
		p.click(link("Cancel").in(dialog("Accept the loss?")))
		p.gone(dialog("Accept the loss?"))
	}

	p.fill(textbox("What happened, and why the payment is right"), "Kept as it was typed.")
	p.attach("Signed offer or order", "order.pdf", "no PDF at all")
	p.attach("Invoice or receipt", "receipt.pdf", "%PDF-1.7 and so on")
	p.click(button("Save"))
	p.says("Choose a PDF, PNG or JPEG file")
	p.says("Take receipt.pdf (1 kB), which you chose before")
	p.value(textbox("What happened, and why the payment is right"), "Kept as it was typed.")
	p.attach("Signed offer or order", "order.exe", "%PDF-1.7 and so on")
	p.click(button("Save"))
	p.says("Saved, but not submitted.")
	p.says("order.pdf (1 kB)")
	p.says("receipt.pdf (1 kB)")

	p.fill(textbox("What happened, and why the payment is right"), "It was delivered on 3 March.")
	p.click(button("Save and review"))
	p.says("7 pieces of evidence")
	if !on.phone {
		p.inspect("dispute, asking before it is submitted")
	}
	p.click(button("Submit to the bank"))
	p.says("The bank has your answer.")
	p.says("It was delivered on 3 March.")
	p.absent(button("Save"))
	if !on.phone {
		p.inspect("dispute, under review")
	}
	p.to(studio + "/disputes")
	p.says("Under review")
	if !on.phone {
		p.inspect("disputes")
	}
}

// attach chooses a file for an input. Chromium finds no input for files by its name, so that each
// button is asked for its own.
func (p *page) attach(label, name, content string) {
	p.t.Helper()
	file := filepath.Join(p.t.TempDir(), name)
	p.must("write a file", os.WriteFile(file, []byte(content), 0o600))
	p.until("attach to "+label, func() error {
		buttons, err := p.all(target{role: "button"})
		if err != nil {
			return err
		}
		for _, id := range buttons {
			tree, err := chromedp.Call(p.ctx, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: id})
			if err != nil || len(tree.Nodes) == 0 || tree.Nodes[0].Name == nil {
				continue
			}
			if string(tree.Nodes[0].Name.Value) == strconv.Quote(label) {
				_, err := chromedp.Call(p.ctx, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{file}, ObjectID: id})
				return err
			}
		}
		return errNotYet
	})
}
