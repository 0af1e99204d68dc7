package connect

import "strings"

// RequirementLabel puts a requirement key of Stripe's into people's words: company.tax_id is
// "Business tax ID". Stripe adds keys without notice, so an unknown one becomes a readable
// form of itself and is never left out.
func RequirementLabel(key string) string {
	if label, ok := wholeKeys[key]; ok {
		return label
	}
	subject, field, found := strings.Cut(key, ".")
	if !found {
		return sentence(key)
	}
	what, known := fields[field]
	if !known {
		if base, _, nested := strings.Cut(field, "."); nested {
			what, known = fields[base]
		}
	}
	if !known {
		what = sentence(field)
	}
	switch {
	case subject == "company" && known:
		return "Business " + lowerFirst(what)
	case people[subject] != "":
		return what + " of " + people[subject]
	case strings.HasPrefix(subject, "person_"):
		return what + " of the person"
	}
	return sentence(key)
}

// RequirementLabels translates keys in their order and says the same thing only once, as for
// the day, month and year of one birth date.
func RequirementLabels(keys []string) []string {
	var labels []string
	seen := map[[2]string]bool{}
	for _, key := range keys {
		label := RequirementLabel(key)
		subject, _, _ := strings.Cut(key, ".")
		if id := [2]string{subject, label}; !seen[id] {
			seen[id] = true
			labels = append(labels, label)
		}
	}
	return labels
}

var wholeKeys = map[string]string{
	"external_account":                              "Bank account or debit card for payouts",
	"business_type":                                 "Type of business",
	"business_profile.name":                         "Business name",
	"business_profile.mcc":                          "Industry",
	"business_profile.url":                          "Website",
	"business_profile.product_description":          "Description of what you sell",
	"business_profile.support_phone":                "Support phone number",
	"business_profile.support_email":                "Support email address",
	"business_profile.support_url":                  "Support website",
	"business_profile.annual_revenue.amount":        "Annual revenue",
	"business_profile.annual_revenue.currency":      "Annual revenue",
	"business_profile.estimated_worker_count":       "Number of employees",
	"tos_acceptance.date":                           "Acceptance of Stripe's terms",
	"tos_acceptance.ip":                             "Acceptance of Stripe's terms",
	"tos_acceptance.user_agent":                     "Acceptance of Stripe's terms",
	"settings.payments.statement_descriptor":        "Text on your clients' card statements",
	"settings.card_payments.statement_descriptor":   "Text on your clients' card statements",
	"owners_provided":                               "Confirmation that all owners are listed",
	"company.owners_provided":                       "Confirmation that all owners are listed",
	"company.directors_provided":                    "Confirmation that all directors are listed",
	"company.executives_provided":                   "Confirmation that all executives are listed",
	"company.verification.document":                 "Business registration document",
	"documents.bank_account_ownership_verification": "Proof that the bank account is yours",
	"documents.company_license.files":               "Business licence",
	"documents.proof_of_registration.files":         "Proof of business registration",
}

var people = map[string]string{
	"individual":     "the account holder",
	"representative": "the representative",
	"owners":         "an owner",
	"directors":      "a director",
	"executives":     "an executive",
}

var fields = map[string]string{
	"name":                             "Name",
	"name_kana":                        "Name in kana",
	"name_kanji":                       "Name in kanji",
	"first_name":                       "First name",
	"last_name":                        "Last name",
	"first_name_kana":                  "First name in kana",
	"last_name_kana":                   "Last name in kana",
	"first_name_kanji":                 "First name in kanji",
	"last_name_kanji":                  "Last name in kanji",
	"email":                            "Email address",
	"phone":                            "Phone number",
	"dob":                              "Date of birth",
	"address":                          "Address",
	"address_kana":                     "Address in kana",
	"address_kanji":                    "Address in kanji",
	"registered_address":               "Registered address",
	"tax_id":                           "Tax ID",
	"vat_id":                           "VAT number",
	"registration_number":              "Registration number",
	"structure":                        "Legal structure",
	"nationality":                      "Nationality",
	"political_exposure":               "Political exposure",
	"gender":                           "Gender",
	"id_number":                        "ID number",
	"ssn_last_4":                       "Last 4 digits of the social security number",
	"verification":                     "ID document",
	"verification.document":            "ID document",
	"verification.additional_document": "Second ID document",
	"verification.proof_of_liveness":   "Selfie check",
	"relationship.title":               "Job title",
	"relationship.owner":               "Ownership",
	"relationship.percent_ownership":   "Share of ownership",
	"relationship":                     "Role in the business",
}

// sentence makes a key readable: "interv_1.supporting_file" is "Interv 1 supporting file".
func sentence(key string) string {
	s := strings.TrimSpace(strings.NewReplacer(".", " ", "_", " ").Replace(key))
	if s == "" {
		return "Something that Stripe did not name"
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// lowerFirst leaves abbreviations such as "ID" and "VAT" as they are.
func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
