package billing

// Facts is what Stripe told about the payments of an account: a set that only grows. Each
// element carries Stripe's own id; merging the same facts again, or in another order,
// changes nothing (see merge.go).
type Facts struct {
	Sessions []Session
	Intents  []Intent
	Charges  []Charge
	Refunds  []Refund
	Disputes []Dispute
}

// Rank orders the states that one object of Stripe's can pass through. A fact moves to a
// higher rank and never back, whatever the order in which events arrive.
type Rank int64

// Ranks of a Checkout session. An asynchronous failure can't be told from "still waiting"
// by the session object alone, so it has a rank of its own.
const (
	SessionOpen Rank = iota + 1
	SessionExpired
	SessionCompleteUnpaid // a delayed payment method (bank debit) was chosen
	SessionAsyncFailed
	SessionPaid
)

// Ranks of a charge.
const (
	ChargePending Rank = iota + 1
	ChargeFailed
	ChargeSucceeded
)

// Ranks of a refund. Pending, requires_action and succeeded count as refunded; canceled and
// failed don't, and may follow succeeded.
const (
	RefundPending Rank = iota + 1
	RefundRequiresAction
	RefundSucceeded
	RefundCanceled
	RefundFailed
)

// Ranks of a dispute. An inquiry (the three warnings) moves no money and may escalate.
const (
	DisputeWarningNeedsResponse Rank = iota + 1
	DisputeWarningUnderReview
	DisputeWarningClosed
	DisputeNeedsResponse
	DisputeUnderReview
	DisputeWon
	DisputeLost
)

// Session is a Checkout session. Amounts are minor units; times are Unix microseconds.
type Session struct {
	ID       string
	LinkID   string // plink_…, empty when it came from no Payment Link
	IntentID string // pi_…, empty until the client has submitted
	Rank     Rank
	Amount   int64 // amount_total
	Currency string
	Livemode bool
	PaidAt   int64 // earliest evidence that it was paid, 0 = none
}

// Intent is a payment intent. Its status is not monotone at Stripe (a failed attempt goes
// back to requires_payment_method), so only the money is kept of it.
type Intent struct {
	ID          string
	Currency    string
	Livemode    bool
	Provisional int64  // most that Stripe said was received, until the charges say it
	InvoiceHint string // trak_invoice_id of the metadata: a hint, never a proof
	PaidAt      int64
}

// Charge is one attempt to take money for an intent.
type Charge struct {
	ID             string
	IntentID       string
	Rank           Rank
	Amount         int64 // asked for
	Captured       int64 // taken, 0 unless it succeeded
	Currency       string
	Livemode       bool
	Method         string // card, us_bank_account, sepa_debit, …
	Brand          string // visa, …
	Last4          string
	FailureCode    string // decline code or failure code of Stripe's
	FailureMessage string
	RefundHint     int64 // amount_refunded, as of RefundHintAt; it can drop, so it is never a sum
	RefundHintAt   int64 // microseconds of the event or the read that said it
	CreatedAt      int64
	PaidAt         int64
}

// Refund gives money of a charge back, wholly or in part.
type Refund struct {
	ID            string
	ChargeID      string
	IntentID      string
	Rank          Rank
	Amount        int64
	Currency      string
	Reason        string
	FailureReason string
	CreatedAt     int64
	// StillOwed is ours, not Stripe's: whoever refunded ticked that the client still owes
	// the amount, which makes it due again.
	StillOwed bool
}

// Dispute takes money of a charge back through the client's bank.
type Dispute struct {
	ID        string
	ChargeID  string
	IntentID  string
	Rank      Rank
	Amount    int64
	Currency  string
	Reason    string
	DueBy     int64 // when evidence must be in, 0 = never
	CreatedAt int64
}

// Read asks for an object to be fetched again from Stripe, because what an event said of it
// can't be believed or is not enough.
type Read struct {
	Kind string // ReadSession, ReadIntent, ReadCharge or ReadAccount
	ID   string
	// At is when the event that asked was created (microseconds): the evidence time of what
	// the read finds.
	At int64
}

// Kinds of objects that can be read again.
const (
	ReadSession = "checkout.session"
	ReadIntent  = "payment_intent"
	ReadCharge  = "charge"
	ReadAccount = "account"
)
