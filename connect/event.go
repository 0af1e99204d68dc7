package connect

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v76"

	"trak/billing"
)

// ErrEvent says that a payload is no event of Stripe's.
var ErrEvent = errors.New("not a stripe event")

// Event is the envelope of a webhook event, of any API version. The object inside is only
// read by Facts.
type Event struct {
	ID         string
	Type       string // checkout.session.completed, …
	Account    string // acct_…, empty for the platform's own events
	APIVersion string // may be empty
	Livemode   bool
	Created    int64 // Unix microseconds, full seconds
	Object     json.RawMessage
	ObjectID   string // may be empty: a balance has none
	ObjectType string // checkout.session, charge, …; empty when the object is null or an array
}

// ParseEvent reads the envelope and is tolerant about all that Trak does not use: request may
// be a string (events before 2017-05-25), data or its object null or, in API v2, not there at
// all. It returns ErrEvent for
// what has no id or type, or ids that can't be Stripe's. The event keeps nothing of payload.
func ParseEvent(payload []byte) (Event, error) {
	var envelope struct {
		ID         string `json:"id"`
		Type       string `json:"type"`
		Account    string `json:"account"`
		APIVersion string `json:"api_version"`
		Livemode   bool   `json:"livemode"`
		Created    moment `json:"created"`
		Data       struct {
			Object json.RawMessage `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(payload, &envelope); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	if envelope.ID == "" || envelope.Type == "" {
		return Event{}, fmt.Errorf("%w: it has no id or no type", ErrEvent)
	}
	for _, s := range []string{envelope.ID, envelope.Type, envelope.Account, envelope.APIVersion} {
		if !printable(s) {
			return Event{}, fmt.Errorf("%w: its id, type, account or version is too long or malformed", ErrEvent)
		}
	}
	objectID, objectType := head(envelope.Data.Object)
	return Event{
		ID: envelope.ID, Type: envelope.Type, Account: envelope.Account, APIVersion: envelope.APIVersion,
		Livemode: envelope.Livemode, Created: seconds(envelope.Created).micros(),
		Object: envelope.Data.Object, ObjectID: objectID, ObjectType: objectType,
	}, nil
}

// head finds the top-level id and object (the kind) in the JSON of an object. b is known to
// be valid JSON, so one pass over brackets and strings is enough; decoding it a second time
// would cost more than the whole envelope.
func head(b []byte) (id, kind string) {
	if len(b) == 0 || b[0] != '{' {
		return "", ""
	}
	var (
		depth   int
		key     []byte
		isValue bool // the next string at depth 1 is the value of key
	)
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ':':
			isValue = true
		case ',':
			isValue = false
		case '"':
			start := i
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth != 1 {
				continue
			}
			quoted := b[start : i+1]
			switch {
			case !isValue:
				key = quoted
			case string(key) == `"id"`:
				id = identifier(quoted)
			case string(key) == `"object"`:
				kind = identifier(quoted)
			}
		}
	}
	return id, kind
}

// identifier reads a JSON string and leaves it out when no id of Stripe's could look like it.
func identifier(quoted []byte) string {
	s, err := unquote(quoted)
	if err != nil || !printable(s) {
		return ""
	}
	return s
}

// Type of the one event that says something which its object does not.
const asyncPaymentFailed = "checkout.session.async_payment_failed"

// Deauthorized reports whether the account of the event took its access back. Its object is
// the application, and the account can't be read any more.
func (e Event) Deauthorized() bool {
	return e.Type == string(stripe.EventTypeAccountApplicationDeauthorized)
}

// Facts turns the event into what it proves, from the fields of its object and not from the
// name of its type, and into what must be read again from Stripe because the payload is not
// enough. Amounts are only believed in the API version that this package speaks; of another
// one only the ids are used. What concerns the account is never believed, and always read.
// Unknown kinds of objects give nothing. With an error, reads names the object if it can.
func (e Event) Facts() (facts billing.Facts, reads []billing.Read, err error) {
	if e.concernsAccount() {
		return billing.Facts{}, e.read(billing.ReadAccount, first(text(e.Account), text(e.ObjectID))), nil
	}
	if e.APIVersion != stripe.APIVersion {
		reads, err = e.reread()
		return billing.Facts{}, reads, err
	}
	facts, reads, err = e.payloadFacts()
	if err != nil {
		reads, _ = e.reread()
		return billing.Facts{}, reads, fmt.Errorf("event %s: %w", e.ID, err)
	}
	return facts, reads, nil
}

func (e Event) payloadFacts() (billing.Facts, []billing.Read, error) {
	switch e.ObjectType {
	case "checkout.session":
		session, err := object[sessionObject](e)
		if err != nil {
			return billing.Facts{}, nil, err
		}
		facts, err := session.facts(e.Created, e.Type == asyncPaymentFailed)
		return facts, nil, err
	case "payment_intent":
		intent, err := object[intentObject](e)
		if err != nil {
			return billing.Facts{}, nil, err
		}
		facts, err := intent.facts(e.Created)
		return facts, nil, err
	case "charge":
		charge, err := object[chargeObject](e)
		if err != nil {
			return billing.Facts{}, nil, err
		}
		facts, err := charge.facts(e.Created)
		if err != nil || charge.refundsKnown() {
			return facts, nil, err
		}
		return facts, e.read(billing.ReadCharge, text(charge.ID)), nil
	case "refund":
		refund, err := object[refundObject](e)
		if err != nil {
			return billing.Facts{}, nil, err
		}
		fact, err := refund.fact()
		return billing.Facts{Refunds: []billing.Refund{fact}}, nil, err
	case "dispute":
		dispute, err := object[disputeObject](e)
		if err != nil {
			return billing.Facts{}, nil, err
		}
		fact, err := dispute.fact(e.Created)
		return billing.Facts{Disputes: []billing.Dispute{fact}}, nil, err
	case "radar.early_fraud_warning":
		warning, err := object[warningObject](e)
		if err != nil {
			return billing.Facts{}, nil, err
		}
		fact, err := warning.fact()
		return billing.Facts{Alerts: []billing.Alert{fact}}, nil, err
	case "review":
		review, err := object[reviewObject](e)
		if err != nil {
			return billing.Facts{}, nil, err
		}
		fact, err := review.fact()
		return billing.Facts{Alerts: []billing.Alert{fact}}, nil, err
	case "payout":
		payout, err := object[payoutObject](e)
		if err != nil {
			return billing.Facts{}, nil, err
		}
		fact, err := payout.fact()
		if err != nil {
			return billing.Facts{}, nil, err
		}
		// Which transactions it contains stands only in a list of theirs.
		return billing.Facts{Payouts: []billing.Payout{fact}}, e.read(billing.ReadPayout, text(payout.ID)), nil
	case "payment_link":
		return billing.Facts{}, e.read(billing.ReadLink, text(e.ObjectID)), nil
	}
	return billing.Facts{}, nil, nil
}

// Reads names what to read from Stripe instead of an event whose payload was masked: see Masked.
func (e Event) Reads() ([]billing.Read, error) {
	if e.concernsAccount() {
		_, reads, err := e.Facts()
		return reads, err
	}
	reads, err := e.reread()
	return slices.DeleteFunc(reads, func(r billing.Read) bool { return r.ID == Hidden }), err
}

// reread names what to read instead of the payload. What belongs to a charge is read with it, or
// with the payment intent where there is no charge.
func (e Event) reread() ([]billing.Read, error) {
	switch e.ObjectType {
	case "checkout.session":
		return e.read(billing.ReadSession, text(e.ObjectID)), nil
	case "payment_intent":
		return e.read(billing.ReadIntent, text(e.ObjectID)), nil
	case "charge":
		return e.read(billing.ReadCharge, text(e.ObjectID)), nil
	case "payout":
		return e.read(billing.ReadPayout, text(e.ObjectID)), nil
	case "payment_link":
		return e.read(billing.ReadLink, text(e.ObjectID)), nil
	case "review":
		return e.read(billing.ReadReview, text(e.ObjectID)), nil
	case "refund", "dispute", "radar.early_fraud_warning":
		parent, err := object[struct {
			Charge        id `json:"charge"`
			PaymentIntent id `json:"payment_intent"`
		}](e)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.ID, err)
		}
		reads := e.read(billing.ReadIntent, text(parent.PaymentIntent))
		if parent.Charge != "" {
			reads = e.read(billing.ReadCharge, text(parent.Charge))
		}
		if e.ObjectType == "dispute" { // a charge need not speak of one that only asks
			reads = append(e.read(billing.ReadDispute, text(e.ObjectID)), reads...)
		}
		return reads, nil
	}
	return nil, nil
}

func (e Event) concernsAccount() bool {
	return e.Type == string(stripe.EventTypeAccountUpdated) ||
		strings.HasPrefix(e.Type, "account.external_account.") ||
		strings.HasPrefix(e.Type, "capability.") ||
		strings.HasPrefix(e.Type, "person.")
}

func (e Event) read(kind string, id text) []billing.Read {
	if id == "" {
		return nil
	}
	return []billing.Read{{Kind: kind, ID: string(id), At: e.Created}}
}

func object[T any](e Event) (T, error) {
	var v T
	if err := json.Unmarshal(e.Object, &v); err != nil {
		return v, fmt.Errorf("decode %s: %w", e.ObjectType, err)
	}
	return v, nil
}
