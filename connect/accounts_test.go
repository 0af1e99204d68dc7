package connect

import (
	"net/http"
	"reflect"
	"testing"
)

func TestStage(t *testing.T) {
	t.Parallel()
	ready := Account{DetailsSubmitted: true, ChargesEnabled: true, PayoutsEnabled: true}
	tests := []struct {
		name    string
		account Account
		want    Stage
	}{
		{"nothing handed in", Account{}, StageOnboarding},
		{"nothing handed in, much due", Account{CurrentlyDue: []string{"external_account"}, DisabledReason: "requirements.past_due"}, StageOnboarding},
		{"everything on", ready, StageActive},
		{"only due later", with(ready, func(a *Account) { a.FutureDue, a.EventuallyDue = []string{"x"}, []string{"y"} }), StageActive},
		{"something due", with(ready, func(a *Account) { a.CurrentlyDue = []string{"external_account"} }), StageActionRequired},
		{"something past due", with(ready, func(a *Account) { a.PastDue = []string{"external_account"} }), StageActionRequired},
		{"under review", with(ready, func(a *Account) { a.ChargesEnabled, a.DisabledReason = false, "under_review" }), StagePending},
		{"a reason that the SDK does not list", with(ready, func(a *Account) { a.ChargesEnabled, a.DisabledReason = false, "platform_paused" }), StagePending},
		{"no payouts", with(ready, func(a *Account) { a.PayoutsEnabled = false }), StagePaymentsOnly},
		{"rejected", with(ready, func(a *Account) { a.DisabledReason = "rejected.fraud" }), StageRejected},
		{"rejected before handing in", Account{DisabledReason: "rejected.incomplete_verification"}, StageRejected},
	}
	for _, tt := range tests {
		if got := tt.account.Stage(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestCanTakePayments(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		account Account
		want    bool
	}{
		"charges off":               {Account{Capabilities: map[string]string{"card_payments": "active"}}, false},
		"charges on, card active":   {Account{ChargesEnabled: true, Capabilities: map[string]string{"card_payments": "active"}}, true},
		"charges on, card pending":  {Account{ChargesEnabled: true, Capabilities: map[string]string{"card_payments": "pending"}}, false},
		"charges on, card unlisted": {Account{ChargesEnabled: true}, true},
	}
	for name, tt := range tests {
		if got := tt.account.CanTakePayments(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAccountReadsEveryField(t *testing.T) {
	t.Parallel()
	c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/accounts/acct_1": say(200, `{"id":"acct_1","object":"account","type":"express",
		"country":"DE","default_currency":"eur","email":"a@b.example","charges_enabled":true,"payouts_enabled":false,"details_submitted":true,
		"capabilities":{"card_payments":"active","klarna_payments":"unrequested"},"metadata":{"trak_workspace_id":"ws-1"},
		"requirements":{"currently_due":["external_account"],"past_due":["company.tax_id"],"eventually_due":["tos_acceptance.date"],
			"pending_verification":["individual.id_number"],"errors":[{"code":"invalid_address_city_state_postal_code","reason":"The city is wrong.","requirement":"company.address.city"}],
			"disabled_reason":"requirements.past_due","current_deadline":1701600000},
		"future_requirements":{"currently_due":["individual.phone"],"current_deadline":1701700000}}`)})
	got, err := c.Account(t.Context(), "acct_1")
	if err != nil {
		t.Fatal(err)
	}
	want := Account{ID: "acct_1", Type: "express", Country: "DE", DefaultCurrency: "eur", Email: "a@b.example",
		ChargesEnabled: true, DetailsSubmitted: true,
		CurrentlyDue: []string{"external_account"}, PastDue: []string{"company.tax_id"}, EventuallyDue: []string{"tos_acceptance.date"},
		PendingVerification: []string{"individual.id_number"},
		RequirementErrors:   []RequirementError{{"invalid_address_city_state_postal_code", "The city is wrong.", "company.address.city"}},
		DisabledReason:      "requirements.past_due", Deadline: 1701600000_000000,
		FutureDue: []string{"individual.phone"}, FutureDeadline: 1701700000_000000,
		Capabilities: map[string]string{"card_payments": "active", "klarna_payments": "unrequested"}, WorkspaceID: "ws-1"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestFindAccountOnLaterPages(t *testing.T) {
	t.Parallel()
	account := func(id, install, workspace, attempt string) string {
		return `{"id":"` + id + `","object":"account","metadata":{"trak_install_id":"` + install +
			`","trak_workspace_id":"` + workspace + `","trak_attempt":"` + attempt + `"}}`
	}
	c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/accounts": sayPages(
		account("acct_1", "inst-2", "ws-1", "k1"), // another installation's
		account("acct_2", "inst-1", "ws-2", "k1"), // another workspace's
		account("acct_3", "inst-1", "ws-1", "k0"), // an earlier attempt's
		account("acct_4", "inst-1", "ws-1", "k1"),
	)})
	a, found, err := c.FindAccount(t.Context(), "ws-1", "k1")
	if err != nil || !found || a.ID != "acct_4" || a.WorkspaceID != "ws-1" {
		t.Errorf("got %+v, %v, %v", a, found, err)
	}
	if _, found, err := c.FindAccount(t.Context(), "ws-1", "k9"); found || err != nil {
		t.Errorf("an attempt that was never made: %v, %v", found, err)
	}
}

func TestRequirementLabel(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"external_account":                          "Bank account or debit card for payouts",
		"company.tax_id":                            "Business tax ID",
		"company.address.line1":                     "Business address",
		"company.verification.document":             "Business registration document",
		"individual.dob.day":                        "Date of birth of the account holder",
		"individual.verification.document":          "ID document of the account holder",
		"person_1Oq2.verification.document":         "ID document of the person",
		"person_1Oq2.relationship.title":            "Job title of the person",
		"representative.ssn_last_4":                 "Last 4 digits of the social security number of the representative",
		"owners.email":                              "Email address of an owner",
		"tos_acceptance.ip":                         "Acceptance of Stripe's terms",
		"company.something_new":                     "Company something new",
		"person_1Oq2.something_new.detail":          "Something new detail of the person",
		"interv_cmVxMQ.identity_verification.form2": "Interv cmVxMQ identity verification form2",
		"": "Something that Stripe did not name",
	} {
		if got := RequirementLabel(key); got != want {
			t.Errorf("RequirementLabel(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestRequirementLabelsSayTheSameThingOnce(t *testing.T) {
	t.Parallel()
	got := RequirementLabels([]string{"individual.dob.day", "individual.dob.month", "external_account", "individual.dob.year",
		"person_1.email", "person_2.email"})
	want := []string{"Date of birth of the account holder", "Bank account or debit card for payouts",
		"Email address of the person", "Email address of the person"} // two people
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}
