package connect

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestEnsureWebhook(t *testing.T) {
	t.Parallel()
	const (
		hook   = "https://trak.example/api/stripe/webhook"
		list   = "GET /v1/webhook_endpoints"
		create = "POST /v1/webhook_endpoints"
		mend   = "POST /v1/webhook_endpoints/we_1"
		remove = "DELETE /v1/webhook_endpoints/we_1"
	)
	wanted := `"` + strings.Join(WantedEvents(), `","`) + `"`
	endpoint := func(id, url, version, application, status, events string) string {
		return fmt.Sprintf(`{"id":"%s","object":"webhook_endpoint","url":%q,"api_version":%q,"application":%q,"status":%q,"enabled_events":[%s]}`,
			id, url, version, application, status, events)
	}
	right := endpoint("we_1", hook, stripe.APIVersion, "ca_1", "enabled", wanted)
	other := endpoint("we_0", "https://other.example/hook", stripe.APIVersion, "ca_1", "enabled", wanted)
	tests := []struct {
		name       string
		existing   string
		haveSecret bool
		calls      string
		secret     string
		note       string
	}{
		{"none yet", other, false, list + "\n" + list + "\n" + create, "whsec_new", "Created the webhook endpoint."},
		{"as it should be", right, true, list + "\n" + list, "", "as it should be"},
		{"made by us, without an application shown", `{"id":"we_1","object":"webhook_endpoint","url":"` + hook + `","api_version":"2023-10-16","application":null,
			"metadata":{"trak_connect":"true"},"status":"enabled","enabled_events":["*"]}`, true, list + "\n" + list, "", "as it should be"},
		{"all events are enabled", endpoint("we_1", hook, stripe.APIVersion, "ca_1", "enabled", `"*"`), true, list + "\n" + list, "", "as it should be"},
		{"events are missing", endpoint("we_1", hook, stripe.APIVersion, "ca_1", "enabled", `"charge.refunded","radar.early_fraud_warning.created"`), true,
			list + "\n" + list + "\n" + mend, "", "Added 39 missing events"},
		{"disabled", endpoint("we_1", hook, stripe.APIVersion, "ca_1", "disabled", wanted), true, list + "\n" + list + "\n" + mend, "", "Enabled"},
		{"our secret is lost", right, false, strings.Join([]string{list, list, create, remove}, "\n"), "whsec_new", "removed the old one"},
		{"not for connected accounts", endpoint("we_1", hook, stripe.APIVersion, "", "enabled", wanted), true,
			strings.Join([]string{list, list, create, remove}, "\n"), "whsec_new", "removed the old one"},
		{"of another API version", endpoint("we_1", hook, "2024-06-20", "ca_1", "enabled", wanted), true,
			strings.Join([]string{list, list, create, remove}, "\n"), "whsec_new", "removed the old one"},
		{"of the account's own API version", endpoint("we_1", hook, "", "ca_1", "enabled", wanted), true,
			strings.Join([]string{list, list, create, remove}, "\n"), "whsec_new", "removed the old one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, rec := script(t, map[string]http.HandlerFunc{
				list:   sayPages(endpoint("we_a", "https://a.example", "", "", "enabled", `"*"`), tt.existing),
				create: say(200, `{"id":"we_new","object":"webhook_endpoint","url":"`+hook+`","secret":"whsec_new"}`),
				mend:   say(200, right),
				remove: say(200, `{"id":"we_1","object":"webhook_endpoint","deleted":true}`),
			})
			got, err := c.EnsureWebhook(t.Context(), hook, tt.haveSecret)
			if err != nil {
				t.Fatal(err)
			}
			if got.Secret != tt.secret || !strings.Contains(got.Note, tt.note) {
				t.Errorf("got %+v", got)
			}
			if calls := rec.lines(); calls != tt.calls {
				t.Errorf("calls:\n%s\nwant:\n%s", calls, tt.calls)
			}
			for _, made := range rec.all() {
				if made.String() == mend && made.form.Get("enabled_events[0]") == "charge.refunded" &&
					made.form.Get("enabled_events[1]") != "radar.early_fraud_warning.created" {
					t.Error("an event that others enabled was taken away")
				}
			}
		})
	}
}

// In own mode the endpoint is the account's own; one for connected accounts is replaced.
func TestEnsureWebhookInOwnMode(t *testing.T) {
	t.Parallel()
	const hook = "https://trak.example/hook"
	wanted := `"` + strings.Join(WantedEvents(), `","`) + `"`
	endpoint := func(application, metadata string) string {
		return `{"id":"we_1","object":"webhook_endpoint","url":"` + hook + `","api_version":"` + stripe.APIVersion + `","application":` + application +
			`,"metadata":` + metadata + `,"status":"enabled","enabled_events":[` + wanted + `]}`
	}
	for name, tt := range map[string]struct {
		existing string
		made     bool
	}{
		"the account's own":                     {endpoint("null", `{"trak_connect":"false"}`), false},
		"made by hand":                          {endpoint("null", `{}`), false},
		"for connected accounts":                {endpoint(`"ca_1"`, `{}`), true},
		"ours from before, without application": {endpoint("null", `{"trak_connect":"true"}`), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, rec := script(t, map[string]http.HandlerFunc{
				"GET /v1/webhook_endpoints":         sayList(tt.existing),
				"POST /v1/webhook_endpoints":        say(200, `{"id":"we_new","object":"webhook_endpoint","url":"`+hook+`","secret":"whsec_new"}`),
				"DELETE /v1/webhook_endpoints/we_1": say(200, `{"id":"we_1","object":"webhook_endpoint","deleted":true}`),
			})
			c.own = true
			got, err := c.EnsureWebhook(t.Context(), hook, true)
			if err != nil || (got.Secret != "") != tt.made {
				t.Fatalf("got %+v, %v", got, err)
			}
			for _, made := range rec.all() {
				if made.String() == "POST /v1/webhook_endpoints" && made.form.Get("connect") != "false" {
					t.Errorf("made for connected accounts: %v", made.form)
				}
			}
		})
	}
}

// Stripe shows the secret of a new endpoint once: nothing that fails later may lose it.
func TestTheNewSecretSurvivesAFailedRemoval(t *testing.T) {
	t.Parallel()
	const hook = "https://trak.example/hook"
	c, _ := script(t, map[string]http.HandlerFunc{
		"GET /v1/webhook_endpoints":         sayList(`{"id":"we_1","object":"webhook_endpoint","url":"` + hook + `"}`),
		"POST /v1/webhook_endpoints":        say(200, `{"id":"we_new","object":"webhook_endpoint","url":"`+hook+`","secret":"whsec_new"}`),
		"DELETE /v1/webhook_endpoints/we_1": say(500, `{"error":{"type":"api_error"}}`),
	})
	got, err := c.EnsureWebhook(t.Context(), hook, true)
	if err != nil || got.Secret != "whsec_new" || !strings.Contains(got.Note, "we_1") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAnOldEndpointStaysWhenTheNewOneCannotBeMade(t *testing.T) {
	t.Parallel()
	const hook = "https://trak.example/hook"
	c, rec := script(t, map[string]http.HandlerFunc{
		"GET /v1/webhook_endpoints":  sayList(`{"id":"we_1","object":"webhook_endpoint","url":"` + hook + `"}`),
		"POST /v1/webhook_endpoints": say(400, `{"error":{"type":"invalid_request_error","param":"url","message":"Invalid URL"}}`),
	})
	if _, err := c.EnsureWebhook(t.Context(), hook, false); err == nil {
		t.Error("no error")
	}
	if strings.Contains(rec.lines(), "DELETE") {
		t.Error("the old endpoint was removed without a new one")
	}
}

func TestCheckWebhook(t *testing.T) {
	t.Parallel()
	const hook = "https://trak.example/hook"
	wanted := `"` + strings.Join(WantedEvents(), `","`) + `"`
	endpoint := func(id, version, application, status, events string) string {
		return fmt.Sprintf(`{"id":"%s","object":"webhook_endpoint","url":"%s","api_version":"%s","application":%s,"status":"%s","enabled_events":[%s]}`,
			id, hook, version, application, status, events)
	}
	right := endpoint("we_1", APIVersion, `"ca_1"`, "enabled", wanted)
	for name, tt := range map[string]struct {
		existing string
		own      bool
		want     WebhookState
	}{
		"none":     {`{"id":"we_0","object":"webhook_endpoint","url":"https://other.example/"}`, false, WebhookState{}},
		"right":    {right, false, WebhookState{ID: "we_1", Enabled: true, APIVersion: APIVersion}},
		"disabled": {endpoint("we_1", APIVersion, `"ca_1"`, "disabled", `"*"`), false, WebhookState{ID: "we_1", APIVersion: APIVersion}},
		"of the platform alone": {endpoint("we_1", APIVersion, "null", "enabled", `"*"`), false,
			WebhookState{ID: "we_1", Enabled: true, Foreign: true, APIVersion: APIVersion}},
		"of connected accounts, in own mode": {right, true, WebhookState{ID: "we_1", Enabled: true, Foreign: true, APIVersion: APIVersion}},
		"of another version":                 {endpoint("we_1", "2024-06-20", `"ca_1"`, "enabled", `"*"`), false, WebhookState{ID: "we_1", Enabled: true, APIVersion: "2024-06-20"}},
		"events are missing": {endpoint("we_1", APIVersion, `"ca_1"`, "enabled", strings.TrimPrefix(wanted, `"checkout.session.completed",`)), false,
			WebhookState{ID: "we_1", Enabled: true, APIVersion: APIVersion, Missing: []string{"checkout.session.completed"}}},
		"the right one of several": {endpoint("we_0", "", "null", "disabled", `"*"`) + "," + right + "," + endpoint("we_2", "", "null", "enabled", `"*"`), false,
			WebhookState{ID: "we_1", Enabled: true, APIVersion: APIVersion, Others: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, rec := script(t, map[string]http.HandlerFunc{"GET /v1/webhook_endpoints": sayList(tt.existing)})
			c.own = tt.own
			got, err := c.CheckWebhook(t.Context(), hook)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v", got, err)
			}
			if right := name == "right" || name == "the right one of several"; got.Right() != right {
				t.Errorf("right: %v", got.Right())
			}
			if calls := rec.lines(); strings.Contains(calls, "POST") || strings.Contains(calls, "DELETE") {
				t.Errorf("it changed something: %s", calls)
			}
		})
	}
}
