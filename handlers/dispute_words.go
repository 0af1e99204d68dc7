package handlers

// disputeReason is why a client's bank disputes a payment, in plain words.
type disputeReason struct {
	Title string
	Means string // what the client told the bank
	Helps string // which evidence speaks against it
}

// reasons are Stripe's (docs.stripe.com/disputes/categories).
var reasons = map[string]disputeReason{
	"bank_cannot_process": {"The bank could not process it", "The client's bank had trouble with the payment, often because the account or its data are wrong.",
		"Ask your client what happened. Show that they ordered and received what the invoice is for."},
	"check_returned": {"A cheque came back", "The client's bank returned the cheque.",
		"Ask your client to pay in another way. Little can be answered here."},
	"credit_not_processed": {"A refund is missing", "Your client says that you promised a refund or credit, and that it never came.",
		"Show that you refunded already, or that none was owed: your refund policy, how your client could see it, and why it does not apply."},
	"customer_initiated": {"Your client disputes the payment", "Your client asked the bank to take the payment back.",
		"Ask your client why. Show what was agreed and that it was delivered."},
	"debit_not_authorized": {"The debit was not authorised", "Your client says that they did not allow the direct debit.",
		"Show that your client agreed to it: a signed order or mandate, messages about the invoice, and that the work was delivered to them."},
	"duplicate": {"Charged twice", "Your client says that they paid for the same thing twice.",
		"Show that the two payments are for different things, with both invoices. If it was charged twice, accept the loss or refund."},
	"fraudulent": {"Not recognised by the cardholder", "The cardholder says that they did not make or allow this payment. It is the most common reason.",
		"Show that the real client ordered it: the signed offer or order, messages with them, and proof that they received the work."},
	"general": {"No particular reason", "The bank gave no reason that Stripe has a word for.",
		"Ask your client why. Show what was agreed, that it was delivered, and what you wrote to each other."},
	"incorrect_account_details": {"Wrong account details", "The account that was debited is not the client's, or its data are wrong.",
		"Ask your client for the right account and another payment. Little can be answered here."},
	"insufficient_funds": {"Not enough money in the account", "The client's account could not cover the debit.",
		"Ask your client to pay again. Little can be answered here."},
	"product_not_received": {"Nothing was received", "Your client says that what they paid for never came.",
		"Show that and when it was delivered: an accepted delivery note, files that were sent, messages in which they use it, tracking of a parcel."},
	"product_unacceptable": {"Not as described", "Your client says that it was faulty or not what had been agreed.",
		"Show what was agreed and what was delivered, how you dealt with the complaint, and your terms for refunds."},
	"subscription_canceled": {"Charged after it was cancelled", "Your client says that they had ended the agreement before this payment.",
		"Show the terms for cancelling, and that it was not cancelled in time or that the payment is for work before that."},
	"unrecognized": {"Not recognised by the client", "Your client does not know what this payment is for.",
		"Ask your client: showing them the invoice may be enough to make them withdraw it. Show the order, messages and delivery."},
}

func reasonOf(word string) disputeReason {
	if r, ok := reasons[word]; ok {
		return r
	}
	return reasons["general"]
}

// evidenceWord is how the form asks for a piece of evidence.
type evidenceWord struct{ Label, Hint string }

var evidenceWords = map[string]evidenceWord{
	"uncategorized_text":             {"What happened, and why the payment is right", "The bank reads this first. Write short sentences with dates."},
	"product_description":            {"What you sold", ""},
	"customer_name":                  {"Client's name", ""},
	"customer_email_address":         {"Client's email", ""},
	"billing_address":                {"Client's address", ""},
	"customer_purchase_ip":           {"IP address of the order", "If your client ordered online and you know it."},
	"service_date":                   {"Date of the service", ""},
	"access_activity_log":            {"Log of use", "Times at which your client signed in, downloaded or used what they bought."},
	"shipping_address":               {"Delivered to", "Of goods."},
	"shipping_carrier":               {"Carrier", ""},
	"shipping_date":                  {"Date of dispatch", ""},
	"shipping_tracking_number":       {"Tracking number", ""},
	"duplicate_charge_id":            {"Stripe's id of the other payment", "It begins with ch_."},
	"duplicate_charge_explanation":   {"How the two payments differ", ""},
	"refund_policy_disclosure":       {"How your client could see the refund policy", ""},
	"refund_refusal_explanation":     {"Why no refund is owed", ""},
	"cancellation_policy_disclosure": {"How your client could see the terms for cancelling", ""},
	"cancellation_rebuttal":          {"Why it was not cancelled in time", ""},
	"receipt":                        {"Invoice or receipt", ""},
	"customer_communication":         {"Messages with your client", "Those in which they agree, thank, or complain."},
	"customer_signature":             {"Signed offer or order", ""},
	"service_documentation":          {"Proof of delivery", "An accepted delivery note, the work itself, minutes of the handover."},
	"shipping_documentation":         {"Proof of dispatch", "With the client's full address, if there is one."},
	"duplicate_charge_documentation": {"Invoice of the other payment", ""},
	"refund_policy":                  {"Refund policy", ""},
	"cancellation_policy":            {"Terms for cancelling", ""},
	"uncategorized_file":             {"Another file", ""},
}
