package connect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/spec"
	"pgregory.net/rapid"
)

// What somebody could have written is put into every text of every object that Stripe's own
// description has, and into keys that people choose: none of it is left.
func TestMaskedHidesWhatPeopleWrite(t *testing.T) {
	t.Parallel()
	var fixtures spec.Fixtures
	if err := json.Unmarshal(embedded.OpenAPIFixtures, &fixtures); err != nil {
		t.Fatal(err)
	}
	const personal = "Ana Haldenvik <ana@haldenvik.example>"
	for kind, fixture := range fixtures.Resources {
		raw, err := json.Marshal(map[string]any{"id": "evt_1", "type": "x.updated", "data": map[string]any{"object": fixture, "previous_attributes": fixture}})
		if err != nil {
			t.Fatal(err)
		}
		var event map[string]any
		if err := json.Unmarshal(raw, &event); err != nil {
			t.Fatal(err)
		}
		written := written(event, personal)
		payload, err := json.Marshal(written)
		if err != nil {
			t.Fatal(err)
		}
		if masked := Masked(payload); bytes.Contains(masked, []byte("Ana")) || bytes.Contains(masked, []byte("haldenvik")) {
			t.Errorf("%s: %s", kind, masked)
		}
	}
}

// written replaces each text by one that a person wrote, and adds metadata with such a key.
func written(value any, text string) any {
	switch v := value.(type) {
	case string:
		return text
	case []any:
		for i := range v {
			v[i] = written(v[i], text)
		}
		return append(v, text)
	case map[string]any:
		for key := range v {
			v[key] = written(v[key], text)
		}
		v["metadata"] = map[string]any{text: text, "id": "Ana", "status": "Ana", "object": map[string]any{"id": "Ana"}}
	}
	return value
}

// personal are values of captured events that are somebody's, where they are one word as well.
var personal = regexp.MustCompile(`4242|"1881"|fingerprint":"[^h]|"(email|name|phone|line1|postal_code|city|ip|description|statement_descriptor|receipt_url|client_secret|customer|last4|exp_month|exp_year|dob|billing_zip|ip_address)":("?[^hn"])`)

func TestMaskedShowsWhatHappened(t *testing.T) {
	t.Parallel()
	const charge = `{"id":"evt_1","object":"event","type":"charge.succeeded","account":"acct_1","api_version":"2023-10-16","created":1700000000,"livemode":false,
		"request":{"id":"req_1","idempotency_key":"trak:ana"},
		"data":{"object":{"id":"ch_1","object":"charge","amount":12000,"currency":"eur","status":"succeeded","paid":true,"payment_intent":"pi_1","customer":"cus_1",
		"description":"Portrait","receipt_email":"ana@haldenvik.example","receipt_url":"https://pay.stripe.com/r/1","statement_descriptor":"NORTHLIGHT",
		"billing_details":{"name":"Ana","email":"ana@haldenvik.example","phone":"+4711","address":{"city":"Oslo","line1":"Road 1","postal_code":"0150"}},
		"metadata":{"trak_invoice_id":"1","id":"Ana"},"outcome":{"type":"authorized","risk_level":"normal","seller_message":"Payment complete."},
		"payment_method_details":{"type":"card","card":{"brand":"visa","last4":"4242","fingerprint":"Xt5EWLLDS7FJjR1c","exp_month":12,"exp_year":2040}},
		"refunds":{"object":"list","data":[{"id":"re_1","amount":500,"status":"succeeded","reason":"requested_by_customer","description":"Ana asked"}]},
		"source":{"id":"card_1","name":"Ana"}}}}`
	masked := string(Masked([]byte(charge)))
	for _, want := range []string{`"amount":12000`, `"id":"ch_1"`, `"payment_intent":"pi_1"`, `"status":"succeeded"`, `"paid":true`, `"id":"req_1"`, `"risk_level":"normal"`,
		`"payment_method_details":{"card":"hidden","type":"card"}`, `"metadata":"hidden"`, `"source":"hidden"`, `"amount":500`, `"reason":"requested_by_customer"`, `"created":1700000000`} {
		if !strings.Contains(masked, want) {
			t.Errorf("%s is not in %s", want, masked)
		}
	}
	if found := personal.FindString(masked); found != "" || strings.Contains(masked, "Ana") || strings.Contains(masked, "trak:ana") {
		t.Errorf("%q in %s", found, masked)
	}
	for _, payload := range []string{``, `null`, `[]`, `"Ana"`, `{"a":`, `{"id":"Ana Haldenvik","object":["Ana"],"data":[["Ana"],"Ana",{"id":"x"}]}`} {
		if masked := string(Masked([]byte(payload))); strings.Contains(masked, "Ana") || !json.Valid([]byte(masked)) {
			t.Errorf("%s: %s", payload, masked)
		}
	}
}

// Whatever comes, what comes out is JSON, and each of its texts is one word.
func TestMaskedAlwaysAnswers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		payload, err := json.Marshal(map[string]any{"data": map[string]any{"object": map[string]any{"id": text, "status": text, "name": text}}, "type": text})
		if err != nil {
			t.Fatal(err)
		}
		var out struct {
			Type string
			Data struct{ Object map[string]string }
		}
		if err := json.Unmarshal(Masked(payload), &out); err != nil {
			t.Fatal(err)
		}
		for _, s := range append([]string{out.Type}, out.Data.Object["id"], out.Data.Object["status"], out.Data.Object["name"]) {
			if s != "" && !oneWord(s) {
				t.Fatal(fmt.Errorf("%q is shown", s))
			}
		}
		if out.Data.Object["name"] != Hidden {
			t.Fatalf("a name is shown: %q", out.Data.Object["name"])
		}
	})
}
