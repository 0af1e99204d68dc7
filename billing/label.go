package billing

// Label is how a status is shown: one source for pages, filters, mails and exports.
type Label struct {
	Key  string // CSS class and message key
	Text string
	Tone string // neutral, info, warn, ok or bad
	Icon string
}

// Look is what a label depends on beside the stored status: what was seen, and today.
type Look struct {
	Status  Status
	Flags   []string
	DueDate Date // "" = none
	Today   Date // in the workspace's time zone
	Sent    bool
	Viewed  bool
}

// Overdue says that the due date has passed and something is due. Of a void invoice nothing
// is, even when a part of it was paid.
func (l Look) Overdue() bool {
	waiting := (l.Status == Open || l.Status == PartiallyPaid) && !has(l.Flags, FlagPaidAfterVoid)
	return waiting && l.DueDate != "" && l.DueDate < l.Today
}

// LabelOf gives the label of an invoice. Within open, the first that applies: overdue, payment
// failed, viewed, sent, open.
func LabelOf(l Look) Label {
	if l.Status == Open || l.Status == PartiallyPaid && l.Overdue() {
		switch {
		case l.Overdue():
			return labels["overdue"]
		case has(l.Flags, FlagPaymentFailed):
			return labels["payment_failed"]
		case l.Viewed:
			return labels["viewed"]
		case l.Sent:
			return labels["sent"]
		}
	}
	return LabelOfStatus(l.Status)
}

// LabelOfStatus gives the label of a stored status, of an invoice or of a payment.
func LabelOfStatus(s Status) Label {
	if l, ok := labels[string(s)]; ok {
		return l
	}
	return Label{Key: string(s), Text: string(s), Tone: "neutral", Icon: "info"}
}

var labels = byKey([]Label{
	{"draft", "Draft", "neutral", "pencil"},
	{"open", "Open", "info", "circle"},
	{"sent", "Sent", "info", "send"},
	{"viewed", "Viewed", "info", "eye"},
	{"processing", "Processing", "warn", "clock"},
	{"paid", "Paid", "ok", "circle-check"},
	{"partially_paid", "Partially paid", "warn", "clock"},
	{"overdue", "Overdue", "bad", "circle-alert"},
	{"payment_failed", "Payment failed", "bad", "circle-x"},
	{"partially_refunded", "Partially refunded", "neutral", "undo-2"},
	{"refunded", "Refunded", "neutral", "undo-2"},
	{"void", "Void", "neutral", "ban"},
	{"uncollectible", "Uncollectible", "neutral", "ban"},
	{"charged_back", "Charged back", "bad", "circle-alert"},
	{"succeeded", "Succeeded", "ok", "circle-check"},
	{"failed", "Failed", "bad", "circle-x"},
	{"incomplete", "Not finished", "neutral", "clock"},
	{"refund_asking", "Asked for", "warn", "clock"},
	{"refund_pending", "On its way", "warn", "clock"},
	{"refund_failed", "Failed", "bad", "circle-x"},
	{"refund_refused", "Refused", "bad", "circle-x"},
	{"taken_back", "Taken back", "neutral", "undo-2"},
})

func byKey(list []Label) map[string]Label {
	m := make(map[string]Label, len(list))
	for _, l := range list {
		m[l.Key] = l
	}
	return m
}

func has(flags []string, flag string) bool {
	for _, f := range flags {
		if f == flag {
			return true
		}
	}
	return false
}
