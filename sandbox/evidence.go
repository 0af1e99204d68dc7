package sandbox

import (
	"net/http"
	"slices"
	"unicode/utf8"
)

// Evidence that decides a dispute, as Stripe's test mode has it, when it is the
// uncategorized_text that is submitted.
const (
	winningEvidence  = "winning_evidence"
	losingEvidence   = "losing_evidence"
	escalateEvidence = "escalate_inquiry_evidence"
)

// maxEvidenceText is how many characters the texts of a dispute's evidence can have together.
const maxEvidenceText = 150_000

// evidenceFiles are the parts of evidence that are files.
var evidenceFiles = []string{
	"cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation", "receipt",
	"refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file",
}

// updateDispute writes a dispute's evidence: with submit=false it is kept for later, otherwise all
// that was written goes to the bank, which takes it once. The bank's decision, if the words of test
// mode ask for one, follows the answer.
func (s *Server) updateDispute(c *call) (any, error) {
	r, err := s.named(c, "dispute")
	if err != nil {
		return nil, err
	}
	evidence := child(r.obj, "evidence")
	written := child(c.in, "evidence")
	submit, given := c.in["submit"].(bool)
	submit = submit || !given && len(written) > 0
	if len(written) > 0 || submit {
		if err := needsResponse(r); err != nil {
			return nil, err
		}
		if evidence, err = s.writeEvidence(c.account, evidence, written); err != nil {
			return nil, err
		}
	}
	has := slices.ContainsFunc(sorted(evidence), func(key string) bool { return evidence[key] != nil })
	if submit && !has {
		return nil, invalid("", "evidence", "There is no evidence to submit for this dispute.")
	}
	s.update(c, r, "charge.dispute.updated", func(dispute object) {
		setMetadata(dispute, c.in["metadata"])
		details := child(dispute, "evidence_details")
		dispute["evidence"], details["has_evidence"] = evidence, has
		if submit {
			details["submission_count"] = number(details, "submission_count") + 1
			dispute["status"] = reviewing(r)
		}
	})
	told := clone(r.obj)
	if submit {
		s.decide(r, text(evidence, "uncategorized_text"))
	}
	return told, nil
}

// needsResponse refuses to answer a dispute that is closed, or that was answered.
func needsResponse(r *record) error {
	switch r.obj["status"] {
	case "needs_response", "warning_needs_response":
		return nil
	case "under_review", "warning_under_review":
		return invalid("", "", "Evidence for this dispute has already been submitted. It can be submitted once.")
	}
	return invalid("", "", "This dispute is already closed")
}

// writeEvidence is evidence with what was written now; an empty text takes a part out.
func (s *Server) writeEvidence(account string, evidence, written object) (object, error) {
	all := clone(evidence).(object)
	for key, value := range written {
		all[key] = nullable(value.(string))
	}
	characters, size := 0, int64(0)
	for _, key := range sorted(all) {
		value := text(all, key)
		if !slices.Contains(evidenceFiles, key) {
			characters += utf8.RuneCountInString(value)
			continue
		}
		if value == "" {
			continue
		}
		file := s.find(account, "file", value)
		if file == nil {
			return nil, missing(http.StatusBadRequest, "evidence["+key+"]", "file upload", value)
		}
		size += number(file.obj, "size")
	}
	switch {
	case characters > maxEvidenceText:
		return nil, invalid("", "evidence", "The combined character count of all evidence is limited to 150,000.")
	case size > maxEvidence:
		return nil, invalid("", "evidence", "The files you've attached to this dispute as evidence will exceed the limit for a dispute's total size. Try using smaller files as evidence.")
	}
	return all, nil
}

// decide does what the words of test mode say.
func (s *Server) decide(r *record, words string) {
	switch {
	case words == winningEvidence:
		s.closeDispute(nil, r, true)
	case words == losingEvidence:
		s.closeDispute(nil, r, false)
	case words == escalateEvidence && isInquiry(r):
		s.escalate(r)
	}
}

// acceptDispute gives the disputed money up.
func (s *Server) acceptDispute(c *call) (any, error) {
	r, err := s.named(c, "dispute")
	if err != nil {
		return nil, err
	}
	if err := needsResponse(r); err != nil {
		return nil, err
	}
	s.closeDispute(c, r, false)
	return r.obj, nil
}
