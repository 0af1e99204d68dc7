package sandbox_test

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

var pdf = append([]byte("%PDF-1.7\n"), make([]byte, 1000)...)

func fileParams(account, name string, content []byte) *stripe.FileParams {
	params := &stripe.FileParams{
		FileReader: bytes.NewReader(content), Filename: stripe.String(name), Purpose: stripe.String("dispute_evidence"),
	}
	params.SetStripeAccount(account)
	return params
}

// TestEvidence is written in parts, with files, and submitted once.
func TestEvidence(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	id := w.disputed(t, account, "4000000000000259")
	receipt, err := w.api.Files.New(fileParams(account, "receipt.pdf", pdf))
	if err != nil {
		t.Fatal(err)
	}
	write := func(submit bool, evidence *stripe.DisputeEvidenceParams) *stripe.Dispute {
		t.Helper()
		params := &stripe.DisputeParams{Evidence: evidence, Submit: stripe.Bool(submit)}
		params.SetStripeAccount(account)
		got, err := w.api.Disputes.Update(id, params)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	staged := write(false, &stripe.DisputeEvidenceParams{CustomerName: stripe.String("Ada"), Receipt: stripe.String(receipt.ID)})
	if staged.Status != "needs_response" || !staged.EvidenceDetails.HasEvidence || staged.EvidenceDetails.SubmissionCount != 0 ||
		staged.Evidence.CustomerName != "Ada" || staged.Evidence.Receipt.ID != receipt.ID {
		t.Errorf("staged: %+v", staged)
	}
	write(false, &stripe.DisputeEvidenceParams{ProductDescription: stripe.String("A website"), CustomerName: stripe.String("")})
	sent := write(true, nil)
	if sent.Status != "under_review" || sent.EvidenceDetails.SubmissionCount != 1 || sent.EvidenceDetails.PastDue ||
		sent.Evidence.ProductDescription != "A website" || sent.Evidence.CustomerName != "" || sent.Evidence.Receipt.ID != receipt.ID {
		t.Errorf("submitted: %+v", sent)
	}
	if got, want := w.types(account, "charge.dispute.funds_withdrawn"), slices.Repeat([]string{"charge.dispute.updated"}, 3); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if err := w.CloseDispute(id, true); err != nil {
		t.Fatal(err)
	}
	if got := w.dispute(t, account, id); got.Status != "won" || len(got.BalanceTransactions) != 2 {
		t.Errorf("decided: %+v", got)
	}
}

func TestEvidenceIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account, other := w.account(t), w.account(t)
	id := w.disputed(t, account, "4000000000000259")
	foreign, err := w.api.Files.New(fileParams(other, "a.pdf", pdf))
	if err != nil {
		t.Fatal(err)
	}
	large := append([]byte("%PDF-1.7\n"), make([]byte, 3<<20)...)
	var both [2]string
	for i := range both {
		made, err := w.api.Files.New(fileParams(account, "a.pdf", large))
		if err != nil {
			t.Fatal(err)
		}
		both[i] = made.ID
	}
	long := strings.Repeat("x", 20_000)
	texts := url.Values{}
	for _, key := range []string{
		"access_activity_log", "cancellation_policy_disclosure", "cancellation_rebuttal", "duplicate_charge_explanation",
		"product_description", "refund_policy_disclosure", "refund_refusal_explanation", "uncategorized_text",
	} {
		texts.Set("evidence["+key+"]", long)
	}
	for name, c := range map[string]struct {
		form        url.Values
		code, param string
	}{
		"no such file":           {url.Values{"evidence[receipt]": {"file_none"}}, "resource_missing", "evidence[receipt]"},
		"another account's file": {url.Values{"evidence[receipt]": {foreign.ID}}, "resource_missing", "evidence[receipt]"},
		"large files":            {url.Values{"evidence[receipt]": {both[0]}, "evidence[refund_policy]": {both[1]}}, "", "evidence"},
		"long texts":             {texts, "", "evidence"},
		"a long text":            {url.Values{"evidence[uncategorized_text]": {long + "x"}}, "", "evidence[uncategorized_text]"},
		"an unknown part":        {url.Values{"evidence[mood]": {"good"}}, "parameter_unknown", "evidence[mood]"},
		"nothing to submit":      {url.Values{"submit": {"true"}}, "", "evidence"},
	} {
		status, body, _ := w.send(t, "POST", "/v1/disputes/"+id, c.form, "Stripe-Account", account)
		told := errorOf(body)
		code, _ := told["code"].(string)
		if status != 400 || code != c.code || told["param"] != c.param {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	if got := w.dispute(t, account, id); got.EvidenceDetails.HasEvidence || got.Status != "needs_response" {
		t.Errorf("what was refused stayed: %+v", got)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	for name, c := range map[string]struct {
		content []byte
		kind    string // empty when it is refused
	}{
		"a.pdf":   {pdf, "pdf"},
		"a.png":   {[]byte("\x89PNG\x0D\x0A\x1A\x0A and so on"), "png"},
		"a.jpg":   {[]byte("\xFF\xD8\xFF and so on"), "jpg"},
		"a.exe":   {[]byte("MZ and so on"), ""},
		"b.pdf":   {append([]byte("%PDF-1.7\n"), make([]byte, 5<<20)...), ""},
		"c.pdf":   {append([]byte("%PDF-1.7\n"), make([]byte, 20<<20)...), ""},
		"not.pdf": {[]byte("hello"), ""},
	} {
		made, err := w.api.Files.New(fileParams(account, name, c.content))
		if c.kind == "" {
			if err == nil {
				t.Errorf("%s was taken", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		params := &stripe.FileParams{}
		params.SetStripeAccount(account)
		got, err := w.api.Files.Get(made.ID, params)
		if err != nil || got.Type != c.kind || got.Size != int64(len(c.content)) || got.Filename != name || got.Purpose != "dispute_evidence" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if status, _, _ := w.send(t, "GET", "/v1/files/"+made.ID, nil); status != 404 {
			t.Errorf("%s is there for the platform too: %d", name, status)
		}
	}
	if got := w.ids(t, account, "/v1/files?purpose=dispute_evidence"); len(got) != 3 {
		t.Errorf("%d files, want 3", len(got))
	}
	upload := func(content string) (string, error) {
		params := fileParams(account, "once.pdf", []byte("%PDF-1.7\n"+content))
		params.SetIdempotencyKey("once")
		made, err := w.api.Files.New(params)
		if err != nil {
			return "", err
		}
		return made.ID, nil
	}
	first, err := upload("a")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := upload("a"); err != nil || again != first {
		t.Errorf("the same key and file: %s, %v, want %s", again, err, first)
	}
	if _, err := upload("b"); err == nil {
		t.Error("the same key with another file was taken")
	}
	if status, body, _ := w.send(t, "POST", "/v1/files", url.Values{"purpose": {"dispute_evidence"}, "file": {"x"}}, "Stripe-Account", account); status != 400 {
		t.Errorf("a form without a file: %d %v", status, body)
	}
}

// TestDisputesByTheClock end when nobody answers in time.
func TestDisputesByTheClock(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	silent, answered, inquiry := w.disputed(t, account, "4000000000000259"), w.disputed(t, account, "4000000000002685"), w.disputed(t, account, "4000000000001976")
	if status, body, _ := w.send(t, "POST", "/v1/disputes/"+answered, url.Values{"evidence[uncategorized_text]": {"We did."}}, "Stripe-Account", account); status != 200 {
		t.Fatal(body)
	}
	due := time.Unix(w.dispute(t, account, silent).EvidenceDetails.DueBy, 0)
	expect := func(when, silentIs, answeredIs, inquiryIs stripe.DisputeStatus) {
		t.Helper()
		for id, want := range map[string]stripe.DisputeStatus{silent: silentIs, answered: answeredIs, inquiry: inquiryIs} {
			if got := w.dispute(t, account, id).Status; got != want {
				t.Errorf("%s: %s is %s, want %s", when, id, got, want)
			}
		}
	}
	w.Advance(due.Sub(w.Now()) - time.Minute)
	expect("before it is due", "needs_response", "under_review", "warning_needs_response")
	w.Advance(2 * time.Minute)
	expect("after it was due", "lost", "under_review", "warning_needs_response")
	if err := w.EscalateInquiry(inquiry); err != nil {
		t.Fatal(err)
	}
	expect("escalated", "lost", "under_review", "needs_response")
	if err := w.EscalateInquiry(inquiry); err == nil {
		t.Error("escalated twice")
	}
	w.Advance(8 * 24 * time.Hour)
	expect("after a week", "lost", "under_review", "lost")
}

// TestChargedBackIsNotRefunded: the client has the money already.
func TestChargedBackIsNotRefunded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	id := w.disputed(t, account, "4000000000000259")
	charge := w.dispute(t, account, id).Charge.ID
	refund := func() (int, any) {
		status, body, _ := w.send(t, "POST", "/v1/refunds", url.Values{"charge": {charge}, "amount": {"100"}}, "Stripe-Account", account)
		return status, errorOf(body)["code"]
	}
	if status, code := refund(); status != 400 || code != "charge_disputed" {
		t.Errorf("while disputed: %d %v", status, code)
	}
	if err := w.CloseDispute(id, true); err != nil {
		t.Fatal(err)
	}
	if status, code := refund(); status != 200 {
		t.Errorf("after it was won: %d %v", status, code)
	}
	inquiry := w.disputed(t, account, "4000000000001976")
	if _, err := w.Refund(w.dispute(t, account, inquiry).Charge.ID, 0); err != nil {
		t.Errorf("while inquired about: %v", err)
	}
	if got := w.dispute(t, account, inquiry).Status; got != "warning_closed" {
		t.Errorf("the inquiry about what was refunded is %s", got)
	}
}
