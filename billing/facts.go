package billing

// Facts is what Stripe told about the payments of an account: a set that only grows. Each
// element carries Stripe's own id; merging the same facts again, or in another order,
// changes nothing (see merge.go).
type Facts struct {
	Sessions     []Session
	Intents      []Intent
	Charges      []Charge
	Refunds      []Refund
	Disputes     []Dispute
	Alerts       []Alert
	Payouts      []Payout
	Transactions []Transaction
}

// Empty says that there is nothing in it.
func (f Facts) Empty() bool {
	return len(f.Sessions)+len(f.Intents)+len(f.Charges)+len(f.Refunds)+len(f.Disputes)+len(f.Alerts)+len(f.Payouts)+len(f.Transactions) == 0
}

// Join returns the facts of both.
func (f Facts) Join(g Facts) Facts {
	return Facts{
		Sessions:     append(f.Sessions, g.Sessions...),
		Intents:      append(f.Intents, g.Intents...),
		Charges:      append(f.Charges, g.Charges...),
		Refunds:      append(f.Refunds, g.Refunds...),
		Disputes:     append(f.Disputes, g.Disputes...),
		Alerts:       append(f.Alerts, g.Alerts...),
		Payouts:      append(f.Payouts, g.Payouts...),
		Transactions: append(f.Transactions, g.Transactions...),
	}
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

// Ranks of a payout. One that has arrived may still come back from the bank.
const (
	PayoutPending Rank = iota + 1
	PayoutInTransit
	PayoutPaid
	PayoutCanceled
	PayoutFailed
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
	// RequestHint is the id in the metadata of a refund that was asked for in Trak: a hint, never a
	// proof, and no part of the fact.
	RequestHint string
}

// Dispute takes money of a charge back through the client's bank.
type Dispute struct {
	ID       string
	ChargeID string
	IntentID string
	Rank     Rank
	// RankAt is when it was said to be won or lost (microseconds). A bank may decide anew, so the
	// latest word counts; before that it is 0.
	RankAt      int64
	Amount      int64
	Currency    string
	Livemode    bool
	Reason      string
	DueBy       int64 // when evidence must be in, 0 = never
	Submissions int64 // how often evidence was submitted
	Withdrawn   int64 // taken out of the account's balance; an inquiry takes nothing
	Reinstated  int64 // put back
	Fee         int64 // Stripe's, as it was charged; one given back stands in the balance alone
	CreatedAt   int64
}

// Decided says that the dispute is over and what it was about is settled.
func (d Dispute) Decided() bool { return d.Rank >= DisputeWon }

// Open says that the dispute can still be lost, or an inquiry can become one.
func (d Dispute) Open() bool { return !d.Decided() && d.Rank != DisputeWarningClosed }

// TookMoney says that the bank has the money, for now or for good. An inquiry takes none.
func (d Dispute) TookMoney() bool { return d.Rank >= DisputeNeedsResponse && d.Rank != DisputeWon }

// Kinds of alerts.
const (
	AlertFraudWarning = "early_fraud_warning" // a card network expects a dispute; a refund may avoid it
	AlertReview       = "review"              // Stripe looks at the payment; the money is in all the same
)

// Alert is somebody's doubt about a payment.
type Alert struct {
	ID           string
	Kind         string
	ChargeID     string
	IntentID     string
	Closed       bool // a review that has ended, a warning about which nothing can be done any more
	Reason       string
	ClosedReason string
	Livemode     bool
	CreatedAt    int64
}

// Payout sends an account's balance to its bank.
type Payout struct {
	ID             string
	Rank           Rank
	Amount         int64
	Currency       string
	Livemode       bool
	Automatic      bool   // only of these Stripe says which transactions they contain
	ArrivalDate    string // YYYY-MM-DD (UTC), expected until it is paid
	FailureCode    string
	FailureMessage string
	CreatedAt      int64
}

// Transaction is one movement of an account's balance. Stripe never changes it, except that it
// learns the payout that it goes out with.
type Transaction struct {
	ID          string
	Type        string // charge, payment, refund, payment_refund, adjustment, payout, stripe_fee, …
	SourceID    string // the charge, refund, dispute or payout, empty when there is none
	Amount      int64  // signed
	Fee         int64
	Net         int64 // Amount - Fee: what the balance moved by
	Currency    string
	Livemode    bool
	PayoutID    string
	CreatedAt   int64
	AvailableAt int64
}

// Read asks for an object to be fetched again from Stripe, because what an event said of it
// can't be believed or is not enough.
type Read struct {
	Kind string // one of the constants below
	ID   string
	// At is when the event that asked was created (microseconds): the evidence time of what
	// the read finds.
	At int64
}

// Kinds of objects that can be read again.
const (
	ReadSession = "checkout.session"
	ReadIntent  = "payment_intent"
	ReadCharge  = "charge"  // with its refunds, disputes and alerts
	ReadReview  = "review"  // by itself: a charge no longer names one that is closed
	ReadDispute = "dispute" // by itself: a charge need not count an inquiry as one
	ReadPayout  = "payout"  // with the transactions that it contains
	ReadLink    = "payment_link"
	ReadAccount = "account"
)

// Entry is money that came outside Stripe as somebody recorded it, or, below zero, what was taken
// back of that. It is a fact of ours: entries are added and never changed.
type Entry struct {
	ID         string
	Amount     int64 // signed
	Currency   string
	Method     string // bank_transfer, cash, cheque or other
	ReceivedAt int64
}
