//go:build ignore

// Gen writes fixtures.json, all that the sandbox knows of Stripe's own description of its
// API: a blank object of every kind that it serves, and the parameters of every call that it
// answers. The description is the one embedded in stripe-mock, of API version 2023-10-16. It
// is 15 MB, so the sandbox embeds this extract of it instead.
//
// Run it with "go generate ./sandbox" after a change to the two lists below.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
	"slices"
	"strings"

	"github.com/stripe/stripe-mock/embedded"
)

// kinds are the objects that the sandbox makes.
var kinds = []string{
	"account", "account_link", "balance", "balance_transaction", "bank_account", "capability", "charge",
	"checkout.session", "dispute", "event", "file", "item", "login_link", "payment_intent", "payment_link", "payout",
	"price", "product", "radar.early_fraud_warning", "refund", "review", "webhook_endpoint",
}

// calls are the requests that the sandbox answers.
var calls = []string{
	"GET /v1/account",
	"GET /v1/accounts", "POST /v1/accounts",
	"GET /v1/accounts/{account}", "POST /v1/accounts/{account}", "DELETE /v1/accounts/{account}",
	"GET /v1/accounts/{account}/capabilities", "GET /v1/accounts/{account}/capabilities/{capability}",
	"GET /v1/accounts/{account}/external_accounts",
	"POST /v1/accounts/{account}/login_links", "POST /v1/accounts/{account}/reject",
	"POST /v1/account_links",
	"GET /v1/balance",
	"GET /v1/balance_transactions", "GET /v1/balance_transactions/{id}",
	"GET /v1/charges", "GET /v1/charges/{charge}",
	"GET /v1/checkout/sessions", "POST /v1/checkout/sessions", "GET /v1/checkout/sessions/{session}",
	"POST /v1/checkout/sessions/{session}/expire", "GET /v1/checkout/sessions/{session}/line_items",
	"GET /v1/disputes", "GET /v1/disputes/{dispute}", "POST /v1/disputes/{dispute}", "POST /v1/disputes/{dispute}/close",
	"GET /v1/events", "GET /v1/events/{id}",
	"GET /v1/files", "POST /v1/files", "GET /v1/files/{file}",
	"GET /v1/payment_intents", "GET /v1/payment_intents/{intent}",
	"GET /v1/payment_links", "POST /v1/payment_links",
	"GET /v1/payment_links/{payment_link}", "POST /v1/payment_links/{payment_link}",
	"GET /v1/payment_links/{payment_link}/line_items",
	"GET /v1/payouts", "POST /v1/payouts", "GET /v1/payouts/{payout}", "POST /v1/payouts/{payout}", "POST /v1/payouts/{payout}/cancel",
	"GET /v1/prices", "POST /v1/prices", "GET /v1/prices/{price}", "POST /v1/prices/{price}",
	"GET /v1/products", "POST /v1/products", "GET /v1/products/{id}", "POST /v1/products/{id}",
	"GET /v1/radar/early_fraud_warnings", "GET /v1/radar/early_fraud_warnings/{early_fraud_warning}",
	"GET /v1/refunds", "POST /v1/refunds", "GET /v1/refunds/{refund}", "POST /v1/refunds/{refund}",
	"POST /v1/refunds/{refund}/cancel",
	"GET /v1/reviews", "GET /v1/reviews/{review}", "POST /v1/reviews/{review}/approve",
	"GET /v1/webhook_endpoints", "POST /v1/webhook_endpoints",
	"GET /v1/webhook_endpoints/{webhook_endpoint}", "POST /v1/webhook_endpoints/{webhook_endpoint}",
	"DELETE /v1/webhook_endpoints/{webhook_endpoint}",
}

// filled are keys that may be null by the description and never are on a real object.
var filled = []string{"business_profile", "settings", "total_details"}

type object = map[string]any

var schemas object

func main() {
	var api, fixtures object
	decode(embedded.OpenAPISpec, &api)
	decode(embedded.OpenAPIFixtures, &fixtures)
	schemas = api["components"].(object)["schemas"].(object)

	objects := object{}
	for _, kind := range kinds {
		fixture, _ := fixtures["resources"].(object)[kind].(object)
		blank := blankObject(schemas[kind].(object), fixture)
		if kind == "charge" {
			delete(blank, "refunds") // sent only when it is asked for
		}
		for _, key := range []string{"id", "url", "name", "secret", "client_secret"} {
			if text, ok := blank[key].(string); ok && text != "" {
				blank[key] = ""
			}
		}
		objects[kind] = blank
	}

	params := object{}
	for _, call := range calls {
		method, path, _ := strings.Cut(call, " ")
		operation, ok := api["paths"].(object)[path].(object)[strings.ToLower(method)].(object)
		if !ok {
			log.Fatalf("no operation %s", call)
		}
		params[call] = callParams(operation)
	}

	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(object{"objects": objects, "params": params}); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("fixtures.json", out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func decode(data []byte, into any) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		log.Fatal(err)
	}
}

// blankObject keeps the documented keys that are always there: those that must be, those that
// may be null, and those of the fixture. What may be null is null; the rest keeps the
// fixture's value when that is a word or a switch, and is empty otherwise.
func blankObject(schema, fixture object) object {
	blank := object{}
	required, _ := schema["required"].([]any)
	for key, property := range schema["properties"].(object) {
		property := property.(object)
		_, told := fixture[key]
		if told || property["nullable"] == true || slices.Contains(required, any(key)) {
			blank[key] = blankValue(property, fixture[key])
			if slices.Contains(filled, key) && blank[key] == nil {
				delete(property, "nullable")
				blank[key] = blankValue(property, fixture[key])
			}
		}
	}
	return blank
}

func blankValue(schema object, fixture any) any {
	if schema["nullable"] == true {
		return nil
	}
	schema = resolve(schema)
	switch {
	case schema["properties"] != nil:
		from, _ := fixture.(object)
		if name, _ := kindOf(schema); name == "list" {
			return object{"object": "list", "data": []any{}, "has_more": false, "url": ""}
		}
		return blankObject(schema, from)
	case schema["type"] == "object":
		return object{}
	case schema["type"] == "array":
		return []any{}
	case schema["type"] == "boolean":
		return fixture == true
	case schema["type"] == "integer" || schema["type"] == "number":
		return 0
	case schema["enum"] != nil && fixture != nil:
		return fixture
	case schema["enum"] != nil && len(schema["enum"].([]any)) == 1:
		return schema["enum"].([]any)[0]
	case schema["type"] == "string":
		return ""
	}
	return nil
}

func kindOf(schema object) (string, bool) {
	kind, ok := schema["properties"].(object)["object"].(object)
	if !ok || kind["enum"] == nil {
		return "", false
	}
	return kind["enum"].([]any)[0].(string), true
}

// resolve follows references; of several possible shapes it takes the first, which is the
// plain id for what can be expanded.
func resolve(schema object) object {
	for {
		if ref, ok := schema["$ref"].(string); ok {
			schema = schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(object)
		} else if any, ok := schema["anyOf"].([]any); ok {
			schema = any[0].(object)
		} else {
			return schema
		}
	}
}

// callParams describes what a call may be sent, in the form that params.go reads.
func callParams(operation object) object {
	all := object{"type": "object", "properties": object{}}
	if content, ok := operation["requestBody"].(object)["content"].(object); ok {
		for _, media := range content {
			if schema, ok := media.(object)["schema"].(object); ok && schema["properties"] != nil {
				all = schema
			}
		}
	}
	parameters, _ := operation["parameters"].([]any)
	for _, parameter := range parameters {
		parameter := parameter.(object)
		if parameter["in"] != "query" {
			continue
		}
		name := parameter["name"].(string)
		all["properties"].(object)[name] = parameter["schema"]
		if parameter["required"] == true {
			required, _ := all["required"].([]any)
			all["required"] = append(required, name)
		}
	}
	return param(all)
}

// param shortens a schema: s scalar type, e allowed words, x may be cleared with an empty
// value, n longest text, p keys, r required keys, o any key (metadata), i items of a list.
func param(schema object) object {
	out := object{}
	if variants, ok := schema["anyOf"].([]any); ok {
		for _, variant := range variants {
			for key, value := range param(variant.(object)) {
				out[key] = value
			}
		}
		return out
	}
	words, _ := schema["enum"].([]any)
	if len(words) == 1 && words[0] == "" {
		return object{"x": true}
	}
	switch schema["type"] {
	case "object":
		properties, _ := schema["properties"].(object)
		if len(properties) > 0 || schema["additionalProperties"] == false {
			keys := object{}
			for key, property := range properties {
				keys[key] = param(property.(object))
			}
			out["p"] = keys
		}
		if open, ok := schema["additionalProperties"].(object); ok {
			out["o"] = param(open)
		}
		if required, ok := schema["required"].([]any); ok {
			slices.SortFunc(required, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			out["r"] = required
		}
	case "array":
		out["i"] = param(schema["items"].(object))
	default:
		out["s"] = schema["type"]
		if words != nil {
			out["e"] = words
		}
		if longest, ok := schema["maxLength"].(json.Number); ok {
			out["n"] = longest
		}
	}
	return out
}
