package app_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
	"trak/db"
	"trak/sandbox"
)

const (
	disputedCard = "4000000000000259"
	inquiredCard = "4000000000001976"
)

var somePDF = append([]byte("%PDF-1.7\n"), make([]byte, 100)...)

// disputed is an invoice whose payment is disputed, and the dispute.
func (w *world) disputed(card string) (db.Invoice, app.DisputeDetail) {
	w.t.Helper()
	inv := w.invoice("100")
	w.ends(inv.ID, "active")
	w.pay(inv.ID, card)
	var id string
	w.until("the dispute is known", func() bool {
		w.settled()
		list, _, err := w.app.Disputes(context.Background(), w.owner, app.Cursor{})
		must(w.t, err)
		for _, d := range list {
			if d.InvoiceID == inv.ID {
				id = d.ID
				return true
			}
		}
		return false
	})
	return inv, w.dispute(id)
}

func (w *world) dispute(id string) app.DisputeDetail {
	w.t.Helper()
	d, err := w.app.Dispute(context.Background(), w.owner, id)
	must(w.t, err)
	return d
}

// answerEnds waits until a dispute's answer is in a state, and lets time pass for the tries between.
func (w *world) answerEnds(id, state string) {
	w.t.Helper()
	w.until("the answer is "+state, func() bool {
		if w.dispute(id).Answer == state {
			return true
		}
		w.clock.advance(10 * time.Second)
		w.app.Wake()
		return false
	})
}

// disputeAt is the dispute as the sandbox has it.
func (w *world) disputeAt(account, id string) map[string]any {
	w.t.Helper()
	for _, d := range w.atStripe(account, "disputes") {
		if d["id"] == id {
			return d
		}
	}
	w.t.Fatalf("no dispute %s at Stripe", id)
	return nil
}

func submissions(d map[string]any) float64 {
	return d["evidence_details"].(map[string]any)["submission_count"].(float64)
}

func evidence(version int64) app.EvidenceInput {
	return app.EvidenceInput{
		Version: version, Texts: map[string]string{"uncategorized_text": "It was delivered.", "customer_name": "Ana Halden"},
		Files: []app.EvidenceUpload{{Field: "receipt", Name: "order.pdf", Content: somePDF}},
	}
}

func TestDisputeAnswer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	bothModes(t, "the whole way", func(t *testing.T, w *world) {
		account := w.connect()
		inv, d := w.disputed(disputedCard)
		if !d.Open || !d.Filled || d.Texts["customer_name"] != "Halden & Vik" || d.Texts["product_description"] != "Brand identity" || d.Here == false || d.There != w.own {
			t.Fatalf("%+v", d)
		}
		list, _, err := w.app.Disputes(ctx, w.member, app.Cursor{})
		must(t, err)
		if len(list) != 1 || list[0].ID != d.ID || list[0].InvoiceNumber != "INV-0001" || list[0].DueBy == 0 || !list[0].Unanswered() {
			t.Errorf("listed: %+v", list)
		}

		must(t, w.app.SaveEvidence(ctx, w.owner, d.ID, evidence(0)))
		w.answerEnds(d.ID, "saved")
		at := w.disputeAt(account, d.ID)
		staged := at["evidence"].(map[string]any)
		if at["status"] != "needs_response" || submissions(at) != 0 || staged["uncategorized_text"] != "It was delivered." || !strings.HasPrefix(staged["receipt"].(string), "file_") {
			t.Errorf("staged: %v %v", at["status"], staged)
		}
		if n := ask[int](w, "SELECT count(*) FROM dispute_files WHERE content IS NULL AND stripe_file_id <> ''"); n != 1 {
			t.Errorf("%d files are kept by Stripe alone", n)
		}

		must(t, w.app.SaveEvidence(ctx, w.owner, d.ID, app.EvidenceInput{Version: 1, Texts: map[string]string{"uncategorized_text": "Again."}, Remove: []string{"receipt"}}))
		w.answerEnds(d.ID, "saved")
		staged = w.disputeAt(account, d.ID)["evidence"].(map[string]any)
		if staged["uncategorized_text"] != "Again." || staged["customer_name"] != nil || staged["receipt"] != nil {
			t.Errorf("what was taken out is still at Stripe: %v", staged)
		}

		must(t, w.app.SubmitEvidence(ctx, w.owner, d.ID, 2))
		w.answerEnds(d.ID, "submitted")
		if at := w.disputeAt(account, d.ID); at["status"] != "under_review" || submissions(at) != 1 {
			t.Errorf("submitted: %v", at)
		}
		if d := w.dispute(d.ID); d.Rank != billing.DisputeUnderReview || d.Open || d.Writer != "Mira Osei" {
			t.Errorf("%+v", d)
		}
		must(t, w.app.SubmitEvidence(ctx, w.owner, d.ID, 2)) // the button again
		if err := w.app.SaveEvidence(ctx, w.owner, d.ID, evidence(3)); !errors.Is(err, app.ErrConflict) {
			t.Errorf("written after it was submitted: %v", err)
		}
		if err := w.app.AcceptDispute(ctx, w.owner, d.ID); !errors.Is(err, app.ErrConflict) {
			t.Errorf("accepted after it was submitted: %v", err)
		}
		w.nothingNeeded("it was submitted")
		w.clock.advance(time.Hour)
		must(t, w.sandbox.CloseDispute(d.ID, false))
		w.until("it is lost", func() bool { w.settled(); return w.detail(inv.ID).Standing.Status == billing.ChargedBack })
		var kinds []string
		for _, m := range w.detail(inv.ID).Timeline {
			if strings.HasPrefix(m.Kind, "dispute") {
				kinds = append(kinds, m.Kind)
			}
		}
		if got := strings.Join(kinds, " "); got != "dispute_opened dispute_withdrawn dispute_submitted dispute_lost" {
			t.Error(got)
		}
		w.verified()
	})

	bothModes(t, "the test words win", func(t *testing.T, w *world) {
		w.connect()
		_, d := w.disputed(disputedCard)
		must(t, w.app.SaveEvidence(ctx, w.owner, d.ID, app.EvidenceInput{Texts: map[string]string{"uncategorized_text": "winning_evidence"}}))
		must(t, w.app.SubmitEvidence(ctx, w.owner, d.ID, 1))
		w.answerEnds(d.ID, "submitted")
		w.until("it is won", func() bool { w.settled(); return w.dispute(d.ID).Rank == billing.DisputeWon })
		w.verified()
	})

	bothModes(t, "an inquiry that becomes a dispute is answered twice", func(t *testing.T, w *world) {
		account := w.connect()
		_, d := w.disputed(inquiredCard)
		if err := w.app.AcceptDispute(ctx, w.owner, d.ID); !errors.Is(err, app.ErrConflict) {
			t.Errorf("an inquiry was accepted: %v", err)
		}
		must(t, w.app.SaveEvidence(ctx, w.owner, d.ID, app.EvidenceInput{Texts: map[string]string{"uncategorized_text": "escalate_inquiry_evidence"}}))
		must(t, w.app.SubmitEvidence(ctx, w.owner, d.ID, 1))
		w.until("it is a dispute", func() bool { w.settled(); return w.dispute(d.ID).Rank == billing.DisputeNeedsResponse })
		w.answerEnds(d.ID, "submitted")
		must(t, w.app.SaveEvidence(ctx, w.owner, d.ID, app.EvidenceInput{Version: 2, Texts: map[string]string{"uncategorized_text": "As before."}}))
		must(t, w.app.SubmitEvidence(ctx, w.owner, d.ID, 3))
		w.until("it is under review", func() bool { w.settled(); return w.dispute(d.ID).Rank == billing.DisputeUnderReview })
		w.answerEnds(d.ID, "submitted")
		if n := submissions(w.disputeAt(account, d.ID)); n != 2 {
			t.Errorf("submitted %v times", n)
		}
		w.verified()
	})
}

func TestDisputeIsOursAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	w.connect()
	_, d := w.disputed(disputedCard)
	stranger := w.stranger()
	for who, c := range map[string]struct {
		actor app.Actor
		id    string
		want  error
	}{
		"a member": {w.member, d.ID, app.ErrForbidden}, "another workspace's owner": {stranger, d.ID, app.ErrNotFound}, "an id that nothing has": {w.owner, "dp_none", app.ErrNotFound},
	} {
		for what, err := range map[string]error{
			"save": w.app.SaveEvidence(ctx, c.actor, c.id, evidence(0)), "submit": w.app.SubmitEvidence(ctx, c.actor, c.id, 0), "accept": w.app.AcceptDispute(ctx, c.actor, c.id),
		} {
			if !errors.Is(err, c.want) {
				t.Errorf("%s, %s: %v", who, what, err)
			}
		}
	}
	if _, err := w.app.Dispute(ctx, stranger, d.ID); !errors.Is(err, app.ErrNotFound) {
		t.Errorf("another workspace's owner sees it: %v", err)
	}
	if _, err := w.app.Dispute(ctx, w.member, d.ID); err != nil {
		t.Errorf("a member does not see it: %v", err)
	}
	list, _, err := w.app.Disputes(ctx, stranger, app.Cursor{})
	must(t, err)
	if len(list) != 0 {
		t.Errorf("another workspace lists it: %v", list)
	}
	if n := ask[int](w, "SELECT count(*) FROM dispute_answers"); n != 0 {
		t.Errorf("%d answers", n)
	}

	// On an account with a dashboard of its own, its owner answers there.
	w.exec("UPDATE stripe_connect_accounts SET type = 'standard'")
	if d := w.dispute(d.ID); d.Open || d.Here || !d.There {
		t.Errorf("%+v", d)
	}
	if err := w.app.SaveEvidence(ctx, w.owner, d.ID, evidence(0)); !errors.Is(err, app.ErrConflict) {
		t.Errorf("written on a standard account: %v", err)
	}
}

func TestTwoPeopleAnswerADispute(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	account := w.connect()
	_, d := w.disputed(disputedCard)
	must(t, w.app.SaveEvidence(ctx, w.owner, d.ID, evidence(0)))
	must(t, w.app.SaveEvidence(ctx, w.owner, d.ID, evidence(0))) // the same form twice
	if v := w.dispute(d.ID).Version; v != 1 {
		t.Errorf("saved twice: version %d", v)
	}
	other := evidence(0)
	other.Texts["uncategorized_text"] = "Another story."
	if err := w.app.SaveEvidence(ctx, w.owner, d.ID, other); !errors.Is(err, app.ErrConflict) {
		t.Errorf("overwritten: %v", err)
	}
	if err := w.app.SubmitEvidence(ctx, w.owner, d.ID, 0); !errors.Is(err, app.ErrConflict) {
		t.Errorf("submitted unseen: %v", err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := w.app.SubmitEvidence(ctx, w.owner, d.ID, 1); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.answerEnds(d.ID, "submitted")
	if n := submissions(w.disputeAt(account, d.ID)); n != 1 {
		t.Errorf("submitted %v times", n)
	}
	if n := len(w.atStripe(account, "files")); n != 1 {
		t.Errorf("%d files at Stripe", n)
	}
	if n := ask[int](w, "SELECT count(*) FROM invoice_events WHERE kind = 'dispute_submitted'"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// Every call of an answer goes wrong in every way with TRAK_ODDITIES=all, otherwise in a third of them.
func TestDisputeOutlivesFailures(t *testing.T) {
	t.Parallel()
	type act struct{ name, method, path, state, decision string }
	acts := []act{
		{"a file", "POST", "/v1/files", "saved", "save"},
		{"saving", "POST", "/v1/disputes/", "saved", "save"},
		{"the look before submitting", "GET", "/v1/disputes/", "submitted", "submit"},
		{"submitting", "POST", "/v1/disputes/", "submitted", "submit"},
		{"the look before accepting", "GET", "/v1/disputes/", "accepted", "accept"},
		{"accepting", "POST", "/v1/disputes/", "accepted", "accept"},
	}
	faults := []string{
		sandbox.FailBefore, sandbox.FailAfter, sandbox.FailLimit, sandbox.FailServer, sandbox.FailServerAfter, sandbox.FailGatewayAfter, sandbox.FailHang,
		sandbox.FailHangAfter, sandbox.FailTruncated, sandbox.FailEmpty,
	}
	for _, act := range acts {
		for i, fault := range faults {
			if os.Getenv("TRAK_ODDITIES") != "all" && i%3 != 1 {
				continue
			}
			t.Run(act.name+", "+fault, func(t *testing.T) {
				t.Parallel()
				w := bareWorld(t, i%2 == 1) // each mode meets half of the faults
				w.timeout = time.Second
				w.begin()
				account := w.connect()
				inv, d := w.disputed(disputedCard)
				if act.state == "submitted" {
					must(t, w.decide(w.owner, d.ID, "save"))
					w.answerEnds(d.ID, "saved")
				}
				w.sandbox.SetKnobs(sandbox.Knobs{Fail: fault, FailTimes: 2, FailMethod: act.method, FailPath: act.path})
				start := time.Now()
				must(t, w.decide(w.owner, d.ID, act.decision))
				if took := time.Since(start); took > answersWithin {
					t.Errorf("a person waited for %s", took)
				}
				w.answerEnds(d.ID, act.state)
				w.sandbox.SetKnobs(sandbox.Knobs{})
				w.answeredOnce(account, inv.ID, d.ID, act.state)
			})
		}
	}
}

// decide does one of the three things about a dispute: save, submit or accept.
func (w *world) decide(actor app.Actor, id, what string) error {
	ctx := context.Background()
	switch what {
	case "save":
		return w.app.SaveEvidence(ctx, actor, id, evidence(0))
	case "submit":
		return w.app.SubmitEvidence(ctx, actor, id, 1)
	}
	return w.app.AcceptDispute(ctx, actor, id)
}

func TestDisputeKilledBetweenAnswerAndCommit(t *testing.T) {
	t.Parallel()
	for _, act := range [][3]string{
		{"POST /v1/files", "save", "saved"}, {"POST /v1/disputes/", "save", "saved"}, {"POST /v1/disputes/", "submit", "submitted"}, {"POST /v1/disputes/", "accept", "accepted"},
	} {
		for _, later := range []time.Duration{0, 25 * time.Hour} { // Stripe forgets keys
			bothModes(t, act[1]+" at "+act[0]+", again after "+later.String(), func(t *testing.T, w *world) {
				account := w.connect()
				inv, d := w.disputed(disputedCard)
				if act[1] == "submit" {
					must(t, w.decide(w.owner, d.ID, "save"))
					w.answerEnds(d.ID, "saved")
				}
				w.killed(act[0], childWork{Dispute: d.ID, Decision: act[1]})
				w.clock.advance(max(later, 3*time.Minute)) // the dead process's claim runs out
				w.answerEnds(d.ID, act[2])
				w.answeredOnce(account, inv.ID, d.ID, act[2])
			})
		}
	}
}

// TestLostDecisionIsNotSentAgain: the bank takes an answer once, so what may have been done is looked for.
func TestLostDecisionIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for decision, state := range map[string]string{"submit": "submitted", "accept": "accepted"} {
		bothModes(t, decision, func(t *testing.T, w *world) {
			account := w.connect()
			between := w.through()
			inv, d := w.disputed(disputedCard)
			must(t, w.decide(w.owner, d.ID, "save"))
			w.answerEnds(d.ID, "saved")
			before := between.times("POST /v1/disputes/")
			between.on("POST /v1/disputes/", lose)
			must(t, w.decide(w.owner, d.ID, decision))
			between.off()
			w.answerEnds(d.ID, state)
			if n := between.times("POST /v1/disputes/") - before; n != 1 {
				t.Errorf("sent %d times", n)
			}
			w.answeredOnce(account, inv.ID, d.ID, state)
		})
	}
}

// answeredOnce is the judge of an answer that is done.
func (w *world) answeredOnce(account, invoice, id, state string) {
	w.t.Helper()
	at := w.disputeAt(account, id)
	want := map[string]struct {
		status      string
		submissions float64
		rank        billing.Rank
	}{"saved": {"needs_response", 0, billing.DisputeNeedsResponse}, "submitted": {"under_review", 1, billing.DisputeUnderReview}, "accepted": {"lost", 0, billing.DisputeLost}}[state]
	d := w.dispute(id)
	if at["status"] != want.status || submissions(at) != want.submissions || d.Rank != want.rank || d.AnswerError != "" {
		w.t.Errorf("%s: %v, submitted %v times, rank %d, %q", state, at["status"], submissions(at), d.Rank, d.AnswerError)
	}
	if state != "accepted" {
		e := at["evidence"].(map[string]any)
		if e["uncategorized_text"] != "It was delivered." || e["receipt"] != ask[string](w, "SELECT stripe_file_id FROM dispute_files") {
			w.t.Errorf("evidence %v", e)
		}
	}
	told := ask[int](w, "SELECT count(*) FROM invoice_events WHERE kind LIKE 'dispute%' AND invoice_id = ?", invoice)
	if once := state != "saved"; told != 1 == once && told > 0 || told > 1 {
		w.t.Errorf("the timeline tells of it %d times", told)
	}
	w.settled()
	w.verified()
}

// Whatever a file is called, its name says what it is, and leads nowhere.
func TestEvidenceFileNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect()
	_, d := w.disputed(disputedCard)
	for version, c := range [][2]string{
		{"../../etc/passwd", "passwd.pdf"}, {`C:\scans\..\order.exe`, "order.pdf"}, {"a\r\nContent-Type: text/html\r\n\r\n.pdf", "html.pdf"},
		{"x\x00y.pdf\x00.exe", "xy.pdf.pdf"}, {`"<b>|*?".pdf`, "b.pdf"}, {"..", "file.pdf"}, {"", "file.pdf"}, {"/", "file.pdf"}, {"Größe 1.PDF", "Größe 1.pdf"},
		{strings.Repeat("ü", 300) + ".pdf", strings.Repeat("ü", 80) + ".pdf"},
	} {
		in := app.EvidenceInput{Version: int64(version), Files: []app.EvidenceUpload{{Field: "receipt", Name: c[0], Content: somePDF}}}
		must(t, w.app.SaveEvidence(context.Background(), w.owner, d.ID, in))
		if files := w.dispute(d.ID).Files; len(files) != 1 || files[0].Name != c[1] {
			t.Errorf("%q: %+v", c[0], files)
		}
	}
	w.answerEnds(d.ID, "saved")
}

// TestDisputeRefused keeps what was written when Stripe says no, and says why.
func TestDisputeRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	refusal := func(rw http.ResponseWriter, _ *http.Response) {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusBadRequest)
		_, _ = rw.Write([]byte(`{"error":{"type":"invalid_request_error","message":"The evidence is not good"}}`))
	}
	bothModes(t, "", func(t *testing.T, w *world) {
		account := w.connect()
		between := w.through()
		_, d := w.disputed(disputedCard)
		between.on("POST /v1/files", refusal)
		must(t, w.app.SaveEvidence(ctx, w.owner, d.ID, evidence(0)))
		if d = w.dispute(d.ID); d.Answer != "draft" || d.AnswerError != "Stripe refused: The evidence is not good." || !d.Open || d.Texts["uncategorized_text"] != "It was delivered." {
			t.Errorf("%+v", d)
		}
		between.off()
		must(t, w.app.SaveEvidence(ctx, w.owner, d.ID, app.EvidenceInput{Version: 1, Texts: d.Texts}))
		w.answerEnds(d.ID, "saved")

		// It is answered at Stripe while the page is open here.
		must(t, w.sandbox.CloseDispute(d.ID, false))
		w.stop() // so that no event tells of it in time
		w.start()
		w.exec("UPDATE disputes SET rank = 4, rank_at = 0 WHERE dispute_id = ?", d.ID)
		must(t, w.app.SubmitEvidence(ctx, w.owner, d.ID, 2))
		w.answerEnds(d.ID, "draft")
		if d = w.dispute(d.ID); d.Rank != billing.DisputeLost || d.AnswerError == "" || d.Open {
			t.Errorf("%+v", d)
		}
		if n := submissions(w.disputeAt(account, d.ID)); n != 0 {
			t.Errorf("submitted %v times", n)
		}
	})
}
