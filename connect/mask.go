package connect

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// Masked is an event's payload as it may be shown to whoever shall not see personal data: what
// happened to which object and how much money moved. It goes by what is shown, so that a field
// which Stripe adds tomorrow is hidden: values of the named fields alone, inside the named objects
// alone, and of texts only those that are one word, as ids, states and codes are. Everything else,
// metadata with its keys included, is replaced by Hidden. What is no JSON object is hidden whole.
func Masked(payload []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var event map[string]any
	if err := decoder.Decode(&event); err != nil {
		return []byte(`"` + Hidden + `"`)
	}
	masked, err := json.Marshal(maskedObject(event))
	if err != nil {
		return []byte(`"` + Hidden + `"`)
	}
	return masked
}

// Hidden stands for what is masked.
const Hidden = "hidden"

// shownInside are the objects, or lists of objects, that are looked into. None of them has keys that
// people choose.
var shownInside = set(`data object previous_attributes request outcome payment_method_details
	evidence_details balance_transactions refunds last_payment_error requirements`)

// shownFields are the fields whose value is shown, wherever they stand in those objects. None of
// them tells of a person.
var shownFields = set(`id object type account api_version created livemode pending_webhooks
	status payment_status active open requested
	amount amount_captured amount_received amount_refunded amount_capturable amount_total amount_subtotal application_fee_amount
	fee net currency captured paid refunded disputed actionable automatic is_charge_refundable
	charge payment_intent payment_link latest_charge balance_transaction failure_balance_transaction review source
	reason opened_reason closed_reason fraud_type failure_code failure_reason code decline_code network_status risk_level
	cancellation_reason capture_method mode method source_type reconciliation_status
	arrival_date available_on expires_at due_by has_evidence past_due submission_count canceled_at has_more total_count
	charges_enabled payouts_enabled details_submitted disabled_reason default_currency`)

func set(words string) map[string]bool {
	s := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		s[word] = true
	}
	return s
}

func maskedObject(object map[string]any) map[string]any {
	masked := make(map[string]any, len(object))
	for key, value := range object {
		masked[key] = maskedValue(key, value)
	}
	return masked
}

func maskedValue(key string, value any) any {
	switch v := value.(type) {
	case nil:
		return nil
	case map[string]any:
		if shownInside[key] {
			return maskedObject(v)
		}
	case []any:
		if shownInside[key] {
			return maskedList(v)
		}
	case string:
		if shownFields[key] && (oneWord(v) || isTime(v)) {
			return v
		}
	default: // a number or a truth value
		if shownFields[key] {
			return v
		}
	}
	return Hidden
}

func maskedList(list []any) []any {
	masked := make([]any, len(list))
	for i, one := range list {
		masked[i] = Hidden
		if object, ok := one.(map[string]any); ok {
			masked[i] = maskedObject(object)
		}
	}
	return masked
}

// isTime says that a text is a moment, as events of Stripe's API v2 write it.
func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

// oneWord says that a text is an id, a state or a code, and nothing that people write.
func oneWord(s string) bool {
	const most = 100
	if len(s) > most {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return true
}
