package handlers_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trak/sandbox"
)

const maxWebhook = 256 << 10

// Attacks A1, A3 and A4.
func TestWebhookRefusesWhatStripeDidNotSign(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{})
	_, link := in.invoice(in.owner, "2,940.00", "eur")
	body := []byte(ofType(t, in.paid(link), "checkout.session.completed"))
	flipped := bytes.Clone(body)
	flipped[bytes.Index(flipped, []byte("294000"))] = '9'
	var spaced bytes.Buffer
	must(t, json.Indent(&spaced, body, "", " "))
	now := in.now()
	good := sign(body, now, "whsec_inbox")
	tests := map[string]struct {
		body      []byte
		signature string
	}{
		"no signature":                     {body, ""},
		"words for a signature":            {body, "please"},
		"another secret":                   {body, sign(body, now, "whsec_other")},
		"the empty secret":                 {body, sign(body, now, "")},
		"only the old scheme":              {body, strings.Replace(good, "v1=", "v0=", 1)},
		"no time":                          {body, strings.TrimLeft(good, "t=0123456789,")},
		"another time than the signed one": {body, strings.Replace(good, "t=", "t=1", 1)},
		"one byte of the amount changed":   {flipped, good},
		"the same event in other spacing":  {spaced.Bytes(), good},
		"one byte more":                    {append(bytes.Clone(body), ' '), good},
		"301 seconds old":                  {body, sign(body, now.Add(-302*time.Second), "whsec_inbox")},
		"from 10 minutes ahead":            {body, sign(body, now.Add(10*time.Minute), "whsec_inbox")},
		"from 10 years ahead":              {body, sign(body, now.AddDate(10, 0, 0), "whsec_inbox")},
		"no event: a text":                 {[]byte(`"hello"`), sign([]byte(`"hello"`), now, "whsec_inbox")},
		"no event: half of one":            {body[:len(body)/2], sign(body[:len(body)/2], now, "whsec_inbox")},
		"no event: no id":                  {[]byte(`{"type":"a"}`), sign([]byte(`{"type":"a"}`), now, "whsec_inbox")},
		"no event: nothing":                {nil, sign(nil, now, "whsec_inbox")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var headers []string
			if test.signature != "" {
				headers = []string{"Stripe-Signature", test.signature}
			}
			status, answer := in.post(bytes.NewReader(test.body), headers...)
			if status != http.StatusBadRequest || len(answer) > 30 {
				t.Errorf("%d %q", status, answer)
			}
		})
	}
	if n := in.count("SELECT count(*) FROM stripe_webhook_events"); n != 0 {
		t.Errorf("%d events are stored", n)
	}
	if n := in.count("SELECT count(*) FROM payments"); n != 0 {
		t.Errorf("%d payments", n)
	}
}

// Attack A27.
func TestWebhookTakesWhatStripeSigned(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{secrets: []string{"whsec_new", "whsec_old"}})
	_, link := in.invoice(in.owner, "10", "eur")
	body := []byte(ofType(t, in.paid(link), "charge.succeeded"))
	for name, signature := range map[string]string{
		"now":                             sign(body, in.now(), "whsec_new"),
		"a little less than 300 s old":    sign(body, in.now().Add(-290*time.Second), "whsec_new"),
		"from a clock that goes before":   sign(body, in.now().Add(290*time.Second), "whsec_new"),
		"the secret that is replaced":     sign(body, in.now(), "whsec_old"),
		"two signatures, the second ours": sign(body, in.now(), "whsec_strange", "whsec_old"),
		"what else the header may hold":   sign(body, in.now(), "whsec_new") + ",v0=00,v9=00",
	} {
		if status, answer := in.post(bytes.NewReader(body), "Stripe-Signature", signature); status != http.StatusOK {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if n := in.count("SELECT count(*) FROM stripe_webhook_events"); n != 1 {
		t.Errorf("%d events are stored", n)
	}
}

// Attacks A7, A8 and A10.
func TestWebhookLimits(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{noAccount: true})
	event := func(size int) []byte {
		head, tail := `{"id":"evt_size","type":"x.y","account":"acct_1","pad":"`, `"}`
		return []byte(head + strings.Repeat("a", size-len(head)-len(tail)) + tail)
	}
	signed := func(body []byte) []string { return []string{"Stripe-Signature", sign(body, in.now(), "whsec_inbox")} }

	t.Run("as large as allowed", func(t *testing.T) {
		body := event(maxWebhook)
		if status, _ := in.post(bytes.NewReader(body), signed(body)...); status != http.StatusOK {
			t.Errorf("%d", status)
		}
	})
	t.Run("a byte too large", func(t *testing.T) {
		body := event(maxWebhook + 1)
		for name, reader := range map[string]interface{ Read([]byte) (int, error) }{
			"with a length": bytes.NewReader(body),
			"in chunks":     struct{ *strings.Reader }{strings.NewReader(string(body))},
		} {
			r, err := http.NewRequest(http.MethodPost, in.url+"/api/stripe/webhook", reader)
			must(t, err)
			if name == "in chunks" {
				r.ContentLength = -1
			}
			r.Header.Set("Stripe-Signature", sign(body, in.now(), "whsec_inbox"))
			res, err := in.client.Do(r)
			if err != nil {
				continue // the connection was closed before all of it was sent
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: %d", name, res.StatusCode)
			}
		}
	})
	t.Run("compressed", func(t *testing.T) {
		body := event(1000)
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(body)
		must(t, z.Close())
		for _, encoding := range []string{"gzip", "br", "deflate", "identity, gzip"} {
			for _, signedBody := range [][]byte{body, packed.Bytes()} {
				status, _ := in.post(bytes.NewReader(packed.Bytes()), append(signed(signedBody), "Content-Encoding", encoding)...)
				if status != http.StatusUnsupportedMediaType {
					t.Errorf("%s: %d", encoding, status)
				}
			}
		}
	})
	t.Run("other methods", func(t *testing.T) {
		body := event(200)
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			status, answer := in.request(method, bytes.NewReader(body), signed(body)...)
			if status != http.StatusMethodNotAllowed || answer != "" {
				t.Errorf("%s: %d %q", method, status, answer)
			}
		}
	})
	if n := in.count("SELECT count(*) FROM stripe_webhook_events"); n != 1 {
		t.Errorf("%d events are stored", n)
	}
}

// Attack A2.
func TestWebhookWithoutASecretBelievesNobody(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{secrets: []string{}, noAccount: true})
	body := []byte(`{"id":"evt_1","type":"x.y","account":"acct_1"}`)
	for name, headers := range map[string][]string{
		"unsigned": nil, "signed with nothing": {"Stripe-Signature", sign(body, in.now(), "")},
	} {
		if status, _ := in.post(bytes.NewReader(body), headers...); status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", name, status)
		}
	}
	if n := in.count("SELECT count(*) FROM stripe_webhook_events"); n != 0 {
		t.Errorf("%d events are stored", n)
	}
}

// What a validly signed event may say, and what becomes of an invoice of 2,940.00 EUR.
// Attacks A13, A15, A16 and A18.
func TestWebhookComparesWhatItIsTold(t *testing.T) {
	t.Parallel()
	all := func(changes map[string]any) func(*testing.T, []json.RawMessage) []json.RawMessage {
		return func(t *testing.T, events []json.RawMessage) (out []json.RawMessage) {
			for _, e := range events {
				mine := map[string]any{}
				for path, value := range changes {
					if typ, rest, only := strings.Cut(path, " "); only && strings.HasPrefix(typeOf(e), typ) {
						mine[rest] = value
					} else if !only {
						mine[path] = value
					}
				}
				out = append(out, altered(t, e, mine))
			}
			return out
		}
	}
	amounts := func(amount int64) map[string]any {
		return map[string]any{
			"checkout.session data.object.amount_total":   amount,
			"payment_intent.succeeded data.object.amount": amount, "payment_intent.succeeded data.object.amount_received": amount,
			"charge data.object.amount": amount, "charge data.object.amount_captured": amount,
		}
	}
	tests := map[string]struct {
		change func(*testing.T, []json.RawMessage) []json.RawMessage
		want   string
	}{
		"the truth":           {all(nil), "paid received 294000 due 0 payments 1"},
		"less than the total": {all(amounts(100000)), "partially_paid received 100000 due 194000 payments 1"},
		"more than the total": {all(amounts(300000)), "paid received 300000 due 0 payments 1 overpaid"},
		"another currency":    {all(map[string]any{"data.object.currency": "usd"}), "open received 0 due 294000 payments 1 currency_mismatch"},
		"an event of the other mode": {all(map[string]any{"livemode": true, "data.object.livemode": true}),
			"open received 0 due 294000 payments 0"},
		"an event of the platform": {all(map[string]any{"account": nil}), "open received 0 due 294000 payments 0"},
		"an unknown account":       {all(map[string]any{"account": "acct_unknown"}), "open received 0 due 294000 payments 0"},
		"a link that is not ours": {all(map[string]any{"checkout.session data.object.payment_link": "plink_other"}),
			"open received 0 due 294000 payments 0"},
	}
	for name, test := range tests {
		bothInboxes(t, name, func(t *testing.T, in *inbox) {
			inv, link := in.invoice(in.owner, "2,940.00", "eur")
			events := test.change(t, in.paid(link))
			in.sandbox.Close() // nothing is asked of Stripe: the events are all there is
			in.delivered(events...)
			want := test.want
			if in.own && name == "an event of the platform" {
				want = tests["the truth"].want // which own mode is paid into
			}
			if s := in.standing(in.owner, inv.ID); s != want {
				t.Errorf("%s, want %s", s, want)
			}
			for _, e := range events {
				if state, outcome := in.stored(idOf(e)); state == "failed" {
					t.Errorf("%s: %s, %s", typeOf(e), state, outcome)
				}
			}
			in.verified()
		})
	}
}

// Attacks A11, A12 and A14.
func TestWebhookBelongsToTheAccountAlone(t *testing.T) {
	t.Parallel()

	t.Run("another workspace's account can't touch an invoice, whatever ids it names", func(t *testing.T) {
		t.Parallel()
		in := newInbox(t, inboxOptions{})
		inv, link := in.invoice(in.owner, "2,940.00", "eur")
		before := in.detail(in.owner, inv.ID).Invoice.Version
		evil := in.workspace("eve@south.example", "Southwark Prints")
		account := in.onboard(evil)
		for i, e := range in.paid(link) {
			// Word for word what Stripe would say of the payment, but of the attacker's account,
			// which may give its objects any metadata.
			in.delivered(altered(t, e, map[string]any{"account": account, "id": "evt_evil" + string(rune('a'+i))}))
		}
		if s := in.standing(in.owner, inv.ID); s != "open received 0 due 294000 payments 0" {
			t.Error(s)
		}
		if v := in.detail(in.owner, inv.ID).Invoice.Version; v != before {
			t.Errorf("version %d, was %d", v, before)
		}
		if n := in.count("SELECT count(*) FROM payments WHERE workspace_id = ?", in.owner.WorkspaceID); n != 0 {
			t.Errorf("%d payments in the victim's workspace", n)
		}
		if n := in.count("SELECT count(*) FROM payments WHERE invoice_id IS NOT NULL"); n != 0 {
			t.Errorf("%d payments have an invoice", n)
		}
		in.verified()
	})

	for name, hint := range map[string]string{
		"the right id": "", "SQL": "1 OR 1=1", "much text": strings.Repeat("x", 10_000), "an id of nothing": "00000000-0000-0000-0000-000000000000",
	} {
		bothInboxes(t, "metadata alone never finds an invoice: "+name, func(t *testing.T, in *inbox) {
			inv, link := in.invoice(in.owner, "10", "eur")
			if hint == "" {
				hint = inv.ID
			}
			events := in.paid(link)
			in.sandbox.Close()
			for _, e := range events {
				changes := map[string]any{"data.object.metadata": map[string]any{"trak_invoice_id": hint}}
				if strings.HasPrefix(typeOf(e), "checkout.session") {
					changes["data.object.payment_link"] = "plink_other"
				}
				in.delivered(altered(t, e, changes))
			}
			if s := in.standing(in.owner, inv.ID); s != "open received 0 due 1000 payments 0" {
				t.Error(s)
			}
			if n := in.count("SELECT count(*) FROM payments WHERE invoice_id IS NULL AND gross = 1000"); n != 1 {
				t.Errorf("%d unmatched payments", n)
			}
		})
	}

	t.Run("an account that is not known yet waits for its row", func(t *testing.T) {
		t.Parallel()
		in := newInbox(t, inboxOptions{})
		inv, link := in.invoice(in.owner, "10", "eur")
		events := in.paid(link)
		// As if Stripe's answer to the creation were still under way.
		must(t, ignore(in.raw.Exec("UPDATE stripe_connect_accounts SET stripe_account_id = NULL")))
		in.delivered(events...)
		for _, e := range events {
			if state, _ := in.stored(idOf(e)); state != "unmatched" {
				t.Fatalf("%s is %s", typeOf(e), state)
			}
		}
		_, err := in.app.StartOnboarding(t.Context(), in.owner, "DE") // the same key, so the same account
		must(t, err)
		in.until("the invoice is paid", func() bool { return in.standing(in.owner, inv.ID) == "paid received 1000 due 0 payments 1" })
		in.verified()
	})
}

// Attacks A4, A5 and A6.
func TestWebhookTwice(t *testing.T) {
	t.Parallel()

	bothInboxes(t, "a hundred times at once is one payment", func(t *testing.T, in *inbox) {
		inv, link := in.invoice(in.owner, "10", "eur")
		event := ofType(t, in.paid(link), "checkout.session.completed")
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if status := in.deliver(event); status != http.StatusOK {
					t.Errorf("status %d", status)
				}
			})
		}
		wg.Wait()
		if s := in.standing(in.owner, inv.ID); s != "paid received 1000 due 0 payments 1" {
			t.Error(s)
		}
		if n := in.count("SELECT count(*) FROM payments"); n != 1 {
			t.Errorf("%d payments", n)
		}
		if n := in.count("SELECT count(*) FROM stripe_webhook_events"); n != 1 {
			t.Errorf("%d events", n)
		}
		in.verified()
	})

	bothInboxes(t, "the first body of an event stands", func(t *testing.T, in *inbox) {
		inv, link := in.invoice(in.owner, "10", "eur")
		event := ofType(t, in.paid(link), "charge.succeeded")
		session := ofType(t, in.events(0), "checkout.session.completed")
		in.delivered(session, event, altered(t, event, map[string]any{"data.object.amount_captured": 99999, "data.object.amount": 99999}))
		if s := in.standing(in.owner, inv.ID); s != "paid received 1000 due 0 payments 1" {
			t.Error(s)
		}
		var payload []byte
		must(t, in.raw.QueryRow("SELECT payload FROM stripe_webhook_events WHERE event_id = ?", idOf(event)).Scan(&payload))
		if !bytes.Equal(payload, event) {
			t.Error("the second body is stored")
		}
	})

	bothInboxes(t, "one stored in time and sent again much later changes nothing", func(t *testing.T, in *inbox) {
		inv, link := in.invoice(in.owner, "10", "eur")
		events := in.paid(link)
		in.delivered(events...)
		in.idle()
		version := in.detail(in.owner, inv.ID).Invoice.Version
		in.advance(48 * time.Hour)
		in.delivered(events...)
		if v := in.detail(in.owner, inv.ID).Invoice.Version; v != version {
			t.Errorf("version %d, was %d", v, version)
		}
	})
}

// Attack A19.
func TestWebhookOfAnotherVersion(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]any{"newer": "2026-08-26.dahlia", "older": "2017-05-25", "none": nil} {
		bothInboxes(t, name, func(t *testing.T, in *inbox) {
			inv, link := in.invoice(in.owner, "2,940.00", "eur")
			var events []json.RawMessage
			for _, e := range in.paid(link) {
				events = append(events, altered(t, e, map[string]any{
					"api_version": version, "request": "req_1",
					"data.object.amount_total": 1, "data.object.amount_captured": 1, "data.object.amount_received": 1,
				}))
			}
			in.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailServer, FailTimes: 1000, FailMethod: "GET"})
			in.delivered(events...)
			if s := in.standing(in.owner, inv.ID); s != "open received 0 due 294000 payments 0" {
				t.Errorf("believed without asking: %s", s)
			}
			in.sandbox.SetKnobs(sandbox.Knobs{})
			in.advance(time.Hour)
			in.nudge()
			in.until("the objects were read from Stripe", func() bool { return in.standing(in.owner, inv.ID) == "paid received 294000 due 0 payments 1" })
			in.verified()
		})
	}
}

// Attack A20.
func TestWebhookOddities(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{})
	deep := strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	for name, test := range map[string]struct {
		typ, object string
		state       string
	}{
		"a type that nobody knows":              {"tax.rate.updated", `{"id":"txr_1","object":"tax_rate"}`, "ignored"},
		"a type with a known object":            {"checkout.session.imagined", `{"id":"cs_1","object":"checkout.session","status":"open","payment_status":"unpaid"}`, "applied"},
		"no object":                             {"charge.succeeded", `null`, "ignored"},
		"a list for an object":                  {"charge.succeeded", `[]`, "ignored"},
		"a number for an object":                {"charge.succeeded", `7`, "ignored"},
		"an object a thousand deep":             {"charge.succeeded", deep, "ignored"},
		"a thousand deep inside of a charge":    {"charge.succeeded", `{"id":"ch_1","object":"charge","status":"pending","deep":` + deep + `}`, "applied"},
		"a status that nobody knows":            {"charge.succeeded", `{"id":"ch_2","object":"charge","status":"dreaming"}`, "applied"},                // by reading it from Stripe,
		"an amount that is a text":              {"charge.succeeded", `{"id":"ch_3","object":"charge","status":"succeeded","amount":"12"}`, "applied"}, // likewise,
		"a session without a payment intent":    {"checkout.session.completed", `{"id":"cs_2","object":"checkout.session","status":"complete","payment_status":"unpaid","payment_intent":null,"payment_link":null}`, "applied"},
		"an intent without a charge":            {"payment_intent.succeeded", `{"id":"pi_1","object":"payment_intent","status":"succeeded","latest_charge":null,"amount_received":5,"currency":"eur"}`, "applied"},
		"a charge that belongs to no intent":    {"charge.succeeded", `{"id":"ch_4","object":"charge","status":"succeeded","payment_intent":null,"amount":5,"amount_captured":5,"currency":"eur","created":1}`, "applied"},
		"an account's event without its object": {"account.updated", `null`, "applied"},
	} {
		id := "evt_" + strings.ReplaceAll(name, " ", "_")
		body := []byte(`{"id":"` + id + `","type":"` + test.typ + `","account":"` + in.account + `","api_version":"2023-10-16","livemode":false,"created":1700000000,"data":{"object":` + test.object + `}}`)
		if status := in.deliver(body); status != http.StatusOK {
			t.Errorf("%s: status %d", name, status)
			continue
		}
		if state, outcome := in.stored(id); state != test.state {
			t.Errorf("%s: %s (%s), want %s", name, state, outcome, test.state)
		}
	}
	in.verified()
}

// Attack G16.
func TestWebhookIsStoredBeforeItIsAnswered(t *testing.T) {
	t.Parallel()

	bothInboxes(t, "a disk that fails: 500 and nothing stored, and Stripe's next try succeeds", func(t *testing.T, in *inbox) {
		inv, link := in.invoice(in.owner, "10", "eur")
		events := in.paid(link)
		in.idle()
		for _, statement := range []string{"INSERT INTO stripe_webhook_events", "INSERT INTO payments", "UPDATE invoices", "COMMIT"} {
			hit := false
			fail := func(query string) error {
				if strings.Contains(query, statement) {
					hit = true
					return errors.New("disk I/O error")
				}
				return nil
			}
			in.fault.Store(&fail)
			if status := in.deliver(ofType(t, events, "checkout.session.completed")); status != http.StatusInternalServerError {
				t.Errorf("%s fails: status %d", statement, status)
			}
			in.fault.Store(nil)
			if !hit {
				t.Errorf("%s was never run", statement)
			}
			if n := in.count("SELECT (SELECT count(*) FROM stripe_webhook_events WHERE event_id NOT LIKE 'evt_nudge%') + (SELECT count(*) FROM payments) + (SELECT count(*) FROM checkout_sessions)"); n != 0 {
				t.Errorf("%s fails: %d rows are there", statement, n)
			}
			if s := in.standing(in.owner, inv.ID); s != "open received 0 due 1000 payments 0" {
				t.Errorf("%s fails: %s", statement, s)
			}
		}
		in.delivered(events...)
		if s := in.standing(in.owner, inv.ID); s != "paid received 1000 due 0 payments 1" {
			t.Error(s)
		}
		in.verified()
	})

	bothInboxes(t, "what can't be applied is kept, shown as failed, and applied later", func(t *testing.T, in *inbox) {
		inv, link := in.invoice(in.owner, "10", "eur")
		events := in.paid(link)
		charge := ofType(t, events, "charge.succeeded")
		must(t, ignore(in.raw.Exec("CREATE TRIGGER broken BEFORE INSERT ON charges BEGIN SELECT RAISE(ABORT, 'not today'); END")))
		in.delivered(events...)
		state, outcome := in.stored(idOf(charge))
		if state != "failed" || !strings.Contains(outcome, "not today") {
			t.Fatalf("%s: %s", state, outcome)
		}
		must(t, ignore(in.raw.Exec("DROP TRIGGER broken")))
		in.advance(2 * time.Hour)
		in.nudge()
		in.until("it was applied", func() bool { state, _ := in.stored(idOf(charge)); return state == "applied" })
		if s := in.standing(in.owner, inv.ID); s != "paid received 1000 due 0 payments 1" {
			t.Error(s)
		}
		if n := in.count("SELECT count(*) FROM charges"); n != 1 {
			t.Errorf("%d charges", n)
		}
		in.verified()
	})

	bothInboxes(t, "no call to Stripe comes before the answer", func(t *testing.T, in *inbox) {
		inv, link := in.invoice(in.owner, "10", "eur")
		intent := in.intent(func() { in.pay(link, "4242424242424242") })
		in.refund(intent, 400)
		events := in.events(0)
		in.sandbox.Close() // Stripe is away altogether
		in.delivered(events...)
		if s := in.standing(in.owner, inv.ID); !strings.HasPrefix(s, "partially_refunded received 1000 due 0") {
			t.Error(s)
		}
	})
}

func ignore[T any](_ T, err error) error { return err }

// Anybody can send forged events, as many as they like: these must cost next to nothing.
// Attack A25.
func TestForgedEventTouchesNoDatabaseAndNoJSON(t *testing.T) {
	t.Parallel()
	in := newInbox(t, inboxOptions{noAccount: true})
	event := []byte(`{"id":"evt_1","type":"x.y","account":"acct_1"}`)
	must(t, in.db.Close())
	for name, body := range map[string][]byte{"an event": event, "no JSON": []byte("{{{")} {
		if status, answer := in.post(bytes.NewReader(body), "Stripe-Signature", sign(body, in.now(), "whsec_other")); status != http.StatusBadRequest || answer != "bad signature" {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if status, _ := in.post(bytes.NewReader(event), "Stripe-Signature", sign(event, in.now(), "whsec_inbox")); status != http.StatusInternalServerError {
		t.Errorf("signed, with the database closed: %d", status)
	}
}

// Attack A25.
func TestForgedEventsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	var log webhookLines
	in := newInbox(t, inboxOptions{noAccount: true, log: &log})
	body := []byte(`{"id":"evt_1","type":"x.y","account":"acct_1"}`)
	for range 400 {
		if status, answer := in.post(bytes.NewReader(body), "Stripe-Signature", sign(body, in.now(), "whsec_other")); status != http.StatusBadRequest {
			t.Fatalf("%d %s", status, answer)
		}
	}
	if n := log.Load(); n < 60 || n > 2*60+8 { // the minute may end meanwhile
		t.Errorf("%d lines", n)
	}
}

// webhookLines counts the lines of a log that are about webhooks.
type webhookLines struct{ atomic.Int64 }

func (l *webhookLines) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("webhook")) {
		l.Add(1)
	}
	return len(p), nil
}
