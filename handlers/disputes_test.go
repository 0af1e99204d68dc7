package handlers_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"testing"
	"time"

	"trak/app"
	"trak/sandbox"
)

// Cards of test mode.
const (
	disputedCard = "4000000000000259" // as fraudulent
	inquiredCard = "4000000000001976"
	warnedCard   = "4000000000005423"
)

// disputeOf is the dispute about an invoice's payment, once it is known.
func (w *whole) disputeOf(actor app.Actor, invoice string) (found app.DisputeRow) {
	w.t.Helper()
	w.until("the dispute is known", func() bool {
		must(w.t, w.sandbox.Settle(context.Background()))
		list, _, err := w.app.Disputes(context.Background(), actor, app.Cursor{})
		must(w.t, err)
		for _, d := range list {
			if d.InvoiceID == invoice {
				found = d
				return true
			}
		}
		return false
	})
	return found
}

// disputed is an invoice whose payment is disputed, and the address of the dispute.
func (w *whole) disputed(card string) (invoice string, d app.DisputeRow, at string) {
	w.t.Helper()
	inv := w.invoice(w.north, "Halden & Vik", "2,940.00", "eur", "")
	w.pay(w.north, inv.ID, card)
	d = w.disputeOf(w.north, inv.ID)
	return inv.ID, d, path(w.north, "/payments/disputes/"+d.ID)
}

// file is one that a form carries.
type file struct {
	field, name string
	content     []byte
}

// upload sends the form of the evidence as a browser does, with files.
func (v *visitor) upload(at string, fields []string, files ...file) page {
	v.w.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	must(v.w.t, m.WriteField("csrf", v.token))
	for i := 0; i < len(fields); i += 2 {
		must(v.w.t, m.WriteField(fields[i], fields[i+1]))
	}
	for _, f := range files {
		part, err := m.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename=%q`, f.field, f.name)}, "Content-Type": {"application/octet-stream"},
		})
		must(v.w.t, err)
		_, err = part.Write(f.content)
		must(v.w.t, err)
	}
	must(v.w.t, m.Close())
	r, err := http.NewRequest(http.MethodPost, v.w.url+at, &body)
	must(v.w.t, err)
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.Header.Set("Origin", v.w.url)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.send(r)
}

func pdf(size int) []byte { return append([]byte("%PDF-1.7\n"), make([]byte, size)...) }

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))))
	return b.Bytes()
}

// TestDisputePages is the whole way of an answer in a browser without scripts.
func TestDisputePages(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	owner, member := w.as("owner"), w.as("member")

	invoice, d, at := w.disputed(disputedCard)
	list := owner.get(path(w.north, "/payments/disputes"))
	list.has(t, 200, "Halden &amp; Vik", "Needs an answer", "€2,940.00", "Not recognised by the cardholder", "days left", at)
	list.wellFormed(t)

	t.Log("the invoice leads to it")
	owner.get(path(w.north, "/payments/invoices/"+invoice)).has(t, 200, "The client&#39;s bank disputes a payment.", "€2,940.00, to be answered by", "days left", at, "Answer it",
		"The client&#39;s bank disputes €2,940.00", "€2,940.00 taken back by the bank")
	w.as("nobody").get("/i/"+w.detail(w.north, invoice).Invoice.Token).lacks(t, "dispute", "Dispute", "bank")

	t.Log("members see it, and who can answer")
	p := member.get(at)
	p.has(t, 200, "Owners and admins can answer it.", "did not make or allow this payment", "Nobody has written anything yet.")
	p.lacks(t, "Accept the loss", "<textarea")
	p.wellFormed(t)

	t.Log("the form is filled in from the invoice")
	p = owner.get(at)
	p.has(t, 200, `value="Halden &amp; Vik"`, "Brand identity", "filled in from the invoice", "Accept the loss", "€2,940.00")
	p.wellFormed(t)

	t.Log("it is saved with files, and staged where the bank does not see it")
	for range 2 { // a double click
		owner.upload(at+"/answer", []string{"version", "0", "uncategorized_text", "It was delivered on 3 March.", "act", "save"},
			file{"receipt", `C:\scans\Order "1".exe`, pdf(2000)}, file{"customer_signature", "signed.jpg", picture(t)}, file{"uncategorized_file", "", nil}).has(t, 303)
	}
	p = owner.get(at)
	p.has(t, 200, "Saved, but not submitted.", "It was delivered on 3 March.", "Order 1.pdf (2 kB)", "signed.png (1 kB)")
	p.lacks(t, "filled in from the invoice", "exe")
	p.wellFormed(t)
	member.get(at).has(t, 200, "It was delivered on 3 March.", "Order 1.pdf")

	t.Log("two people don't overwrite each other")
	p = owner.upload(at+"/answer", []string{"version", "0", "uncategorized_text", "Mine.", "act", "save"})
	p.has(t, 409, "Somebody changed this answer meanwhile", "It was delivered on 3 March.", ">Mine.<")
	p.wellFormed(t)

	t.Log("a file can be taken out again")
	owner.upload(at+"/answer", []string{"version", "1", "uncategorized_text", "It was delivered on 3 March.", "remove.customer_signature", "1", "act", "save"}).has(t, 303)
	owner.get(at).lacks(t, "signed.png")

	t.Log("submitting asks, and is done once")
	p = owner.upload(at+"/answer", []string{"version", "2", "uncategorized_text", "It was delivered on 4 March.", "act", "submit"})
	if to := p.header.Get("Location"); p.status != 303 || to != at+"/submit" {
		t.Fatalf("%d %s", p.status, to)
	}
	p = owner.get(at + "/submit")
	p.has(t, 200, "Submit this to the bank?", "2 pieces of evidence", "takes an answer once", `name="version" value="3"`)
	p.wellFormed(t)
	owner.post(at+"/submit", "version", "2").has(t, 409, "Submit this to the bank?")
	for range 2 { // a double click
		owner.post(at+"/submit", "version", "3").has(t, 303)
	}
	p = owner.get(at)
	p.has(t, 200, "Under review", "The bank has your answer.", "Mira Osei submitted it.", "It was delivered on 4 March.")
	p.lacks(t, "<textarea", "Accept the loss")
	owner.upload(at+"/answer", []string{"version", "4", "uncategorized_text", "Too late."}).has(t, 409, "The bank has your answer.")
	owner.get(at+"/submit").has(t, 200, "can&#39;t be answered any more", "Back to the dispute")
	must(t, w.sandbox.Settle(t.Context()))
	owner.get(path(w.north, "/payments/invoices/"+invoice)).has(t, 200, "Evidence submitted to the bank", "The bank has the answer and decides.")

	t.Log("the bank decides")
	must(t, w.sandbox.CloseDispute(d.ID, true))
	must(t, w.sandbox.Settle(t.Context()))
	owner.get(at).has(t, 200, "Won", "The money is back in your Stripe balance.", "Put back")
	owner.get(path(w.north, "/payments/invoices/"+invoice)).has(t, 200, "Dispute won", "€2,940.00 put back")

	t.Log("a loss can be accepted")
	_, _, at = w.disputed(disputedCard)
	owner.get(at+"/accept").has(t, 200, "Your client keeps €2,940.00")
	for range 2 {
		owner.post(at+"/accept").has(t, 303)
	}
	owner.get(at).has(t, 200, "Lost", "Mira Osei accepted the loss.")

	t.Log("an inquiry takes an answer, and has no loss to accept")
	invoice, _, at = w.disputed(inquiredCard)
	p = owner.get(at)
	p.has(t, 200, "Inquiry", "has taken nothing", "Refund instead", "/payments/refund/")
	p.lacks(t, "Accept the loss")
	owner.get(at+"/accept").has(t, 200, "no loss to accept")
	owner.post(at+"/accept").has(t, 409, "no loss to accept")
	owner.get(at+"/submit").has(t, 200, "nothing to submit yet")
	owner.post(at+"/submit", "version", "0").has(t, 422, "nothing to submit yet")
	owner.get(path(w.north, "/payments/invoices/"+invoice)).has(t, 200, "The client&#39;s bank asks about a payment.")

	t.Log("a warning leads to the refund")
	inv := w.invoice(w.north, "Halden & Vik", "10", "eur", "")
	w.pay(w.north, inv.ID, warnedCard)
	owner.get(path(w.north, "/payments/invoices/"+inv.ID)).has(t, 200, "A card network warns of fraud.", "Look at refunding it", path(w.north, "/payments/refund/"+w.detail(w.north, inv.ID).Payments[0].ID))
	p = member.get(path(w.north, "/payments/invoices/"+inv.ID))
	p.has(t, 200, "A card network warns of fraud.")
	p.lacks(t, "Look at refunding it")
}

// TestEvidenceFiles are judged by what is in them.
// Attack F3.
func TestEvidenceFiles(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	owner := w.as("owner")
	invoice, _, at := w.disputed(disputedCard)
	w.until("its link is closed", func() bool { return w.detail(w.north, invoice).Link.State == "closed" })
	must(t, w.sandbox.Settle(t.Context()))
	w.app.Stop() // nothing else changes rows
	before := w.rows(w.north.WorkspaceID)
	for name, c := range map[string]struct {
		files []file
		want  string
	}{
		"a program called PDF":     {[]file{{"receipt", "a.pdf", []byte("MZ and so on")}}, "Choose a PDF, PNG or JPEG file"},
		"a page called PNG":        {[]file{{"receipt", "a.png", []byte("<html><script>alert(1)</script>")}}, "Choose a PDF, PNG or JPEG file"},
		"a drawing with scripts":   {[]file{{"receipt", "a.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)}}, "Choose a PDF, PNG or JPEG file"},
		"the beginning of a PNG":   {[]file{{"receipt", "a.png", []byte("\x89PNG\r\n\x1a\n<html>")}}, "Choose a PDF, PNG or JPEG file"},
		"the beginning of a JPEG":  {[]file{{"receipt", "a.jpg", []byte("\xff\xd8\xff<html>")}}, "Choose a PDF, PNG or JPEG file"},
		"an empty one":             {[]file{{"receipt", "a.pdf", nil}}, "This file is empty"},
		"more than 5 MB":           {[]file{{"receipt", "a.pdf", pdf(5<<20 + 1)}}, "A file can have 5 MB at most"},
		"two for one piece":        {[]file{{"receipt", "a.pdf", pdf(10)}, {"receipt", "b.pdf", pdf(20)}}, "Choose one file: only one fits here"},
		"a piece that is no file":  {[]file{{"customer_name", "a.pdf", pdf(10)}}, "This dispute takes no such file"},
		"a piece that doesn't fit": {[]file{{"refund_policy", "a.pdf", pdf(10)}}, "This dispute takes no such file"},
	} {
		p := owner.upload(at+"/answer", []string{"version", "0", "uncategorized_text", "Kept: " + name, "act", "save"}, c.files...)
		p.has(t, 422, c.want, ">Kept: "+strings.ReplaceAll(name, "'", "&#39;")+"<")
		p.wellFormed(t)
		w.unchanged(t, before, w.north.WorkspaceID, name)
	}
	p := owner.upload(at+"/answer", []string{"version", "0", "uncategorized_text", strings.Repeat("a", 20_001), "customer_name", strings.Repeat("a", 501)})
	p.has(t, 422, "At most 20,000 characters", "At most 500 characters", "2 fields need another look")
	w.unchanged(t, before, w.north.WorkspaceID, "too long")
	owner.upload(at+"/answer", []string{"version", "0"}, file{"receipt", "../../etc/passwd", pdf(4_400_000)}).has(t, 303)
	owner.get(at).has(t, 200, "passwd.pdf (4.4 MB)")
}

// TestFilesOfAFormThatCouldNotBeSaved need not be chosen again, and are nobody else's.
func TestFilesOfAFormThatCouldNotBeSaved(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	owner, admin := w.as("owner"), w.as("admin")
	_, _, at := w.disputed(disputedCard)
	kept := func(p page, field string) string {
		t.Helper()
		return p.find(t, regexp.MustCompile(`name="kept.`+field+`" value="([0-9a-f-]{36})" checked`))
	}
	stored := func(where string) (n int) {
		t.Helper()
		must(t, w.raw().QueryRow("SELECT count(*) FROM dispute_files WHERE "+where).Scan(&n))
		return n
	}

	t.Log("what is all right is kept, what is not is told beside its field")
	p := owner.upload(at+"/answer", []string{"version", "0", "uncategorized_text", strings.Repeat("a", 20_001)},
		file{"receipt", "../Order1.exe", pdf(2_300_000)}, file{"uncategorized_file", "b.pdf", pdf(2_300_000)}, file{"customer_signature", "c.png", []byte("GIF89a")})
	p.has(t, 422, "At most 20,000 characters", "All files together can have 4.5 MB at most", "Choose a PDF, PNG or JPEG file", "Take Order1.pdf (2.3 MB), which you chose before")
	p.lacks(t, "Take b.pdf", "Take c.p")
	p.wellFormed(t)
	receipt := kept(p, "receipt")
	if n, answers := stored("kept_by <> ''"), len(w.rowsOf("dispute_answers", "")); n != 1 || answers != 0 {
		t.Errorf("%d files are kept, and %d answers written", n, answers)
	}
	admin.get(at).lacks(t, "Order1.pdf")

	t.Log("another's id, and one that is there no more")
	p = admin.upload(at+"/answer", []string{"version", "0", "uncategorized_text", "Mine.", "kept.receipt", receipt})
	p.has(t, 422, "Choose this file again", ">Mine.<")
	p = owner.upload(at+"/answer", []string{"version", "0", "uncategorized_text", "Mine.", "kept.customer_signature", receipt, "kept.receipt", receipt})
	p.has(t, 422, "Choose this file again", "Take Order1.pdf")

	t.Log("a bad one in its place does not take it away, a good one does")
	p = owner.upload(at+"/answer", []string{"version", "0", "uncategorized_text", "Mine.", "kept.receipt", receipt}, file{"receipt", "a.pdf", []byte("MZ")})
	p.has(t, 422, "Choose a PDF, PNG or JPEG file", "Take Order1.pdf")
	p = owner.upload(at+"/answer", []string{"version", "7", "uncategorized_text", "Mine.", "kept.receipt", receipt}, file{"receipt", "Other.pdf", pdf(3000)}, file{"customer_signature", "c.png", picture(t)})
	p.has(t, 409, "Take Other.pdf (3 kB), which you chose before", "Take c.png")
	p.lacks(t, "Order1")
	owner.get(at).has(t, 200, "Take Other.pdf", "Take c.png")

	t.Log("it is saved with the next try, once, and what is not ticked goes")
	send := []string{"version", "0", "uncategorized_text", "Mine.", "kept.receipt", kept(p, "receipt"), "act", "save"}
	for range 2 { // a double click
		owner.upload(at+"/answer", send).has(t, 303)
	}
	p = owner.get(at)
	p.has(t, 200, "<p>Other.pdf (3 kB)</p>", "Mine.")
	p.lacks(t, "which you chose before", "c.png")
	w.until("it is at Stripe", func() bool { return stored("stripe_file_id <> '' AND content IS NULL") == 1 })

	t.Log("nothing is kept once the answer is given")
	admin.upload(at+"/answer", []string{"version", "0", "uncategorized_text", "Late."}, file{"receipt", "Late.pdf", pdf(10)}).has(t, 409, "Take Late.pdf")
	owner.post(at+"/submit", "version", "1").has(t, 303)
	if n := stored("kept_by <> ''"); n != 0 {
		t.Errorf("%d files are kept", n)
	}
	admin.get(at).lacks(t, "Late.pdf")
}

// TestUploadsAreLimited: only the form of evidence takes files, and only from those who may answer.
func TestUploadsAreLimited(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	_, _, at := w.disputed(disputedCard)
	refusedEarly := func(what string, v *visitor, at string, size int) {
		t.Helper()
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		must(t, m.WriteField("csrf", v.token))
		part, err := m.CreateFormFile("receipt", "a.pdf")
		must(t, err)
		_, err = part.Write(pdf(size))
		must(t, err)
		must(t, m.Close())
		r, err := http.NewRequest(http.MethodPost, w.url+at, &body)
		must(t, err)
		r.Header.Set("Content-Type", m.FormDataContentType())
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		res, err := v.client.Do(r)
		if err != nil {
			return // cut off before all of it was sent
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", what, res.StatusCode)
		}
	}
	refusedEarly("a member", w.as("member"), at+"/answer", 1<<20)
	refusedEarly("nobody", w.as("nobody"), at+"/answer", 1<<20)
	refusedEarly("another workspace's owner", w.as("stranger"), at+"/answer", 1<<20)
	refusedEarly("another form", w.as("owner"), at+"/submit", 1<<20)
	refusedEarly("another form still", w.as("owner"), path(w.north, "/clients"), 1<<20)
	refusedEarly("far too much", w.as("owner"), at+"/answer", 13<<20)

	t.Log("a small one elsewhere is not understood")
	w.as("owner").get("/workspaces")
	for _, elsewhere := range []string{path(w.north, "/clients"), at + "/submit"} {
		if p := w.as("owner").upload(elsewhere, nil); p.status != http.StatusForbidden && p.status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d", elsewhere, p.status)
		}
	}
	t.Log("the token is asked for here as well")
	v := w.newcomer("mira@north.example")
	v.token = "x"
	v.upload(at+"/answer", []string{"version", "0", "uncategorized_text", "Forged."}).has(t, http.StatusForbidden)
	w.as("member").upload(at+"/answer", []string{"version", "0", "uncategorized_text", "Small."}).has(t, http.StatusForbidden, "Only owners and admins can answer disputes")
}

// TestOwnModeDispute offers both ways.
func TestOwnModeDispute(t *testing.T) {
	t.Parallel()
	w := newOwn(t)
	_, _, at := w.disputed(disputedCard)
	p := w.as("owner").get(at)
	p.has(t, 200, "Answer in Stripe", "https://dashboard.stripe.com/", "Save and review")
	p.wellFormed(t)
	w.as("owner").upload(at+"/answer", []string{"version", "0", "uncategorized_text", "It was delivered.", "act", "save"}, file{"receipt", "a.pdf", pdf(10)}).has(t, 303)
	w.as("owner").get(at).has(t, 200, "Saved, but not submitted.")
}

// TestDeadline tells how long is left where the workspace is.
func TestDeadline(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	w.hear()
	w.onboard(w.north, sandbox.OnboardComplete)
	_, _, at := w.disputed(disputedCard)
	w.as("owner").get(at).has(t, 200, "7 days left")
	w.advance(5 * 24 * time.Hour)
	w.as("owner").get("/signin")
	v := w.newcomer("mira@north.example")
	v.get(at).has(t, 200, "2 days left")
}
