package app

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"trak/connect"
)

// ensureFix is what mends the endpoint and its secret alike.
const ensureFix = "Run \"trak webhook ensure\"."

// Signatures are believed for five minutes, so a clock that is almost as wrong is a failure.
const (
	skewWarns = 60 * time.Second
	skewFails = 240 * time.Second
)

// strangeFails is how many deliveries with a wrong signature in a row mean that the secret is
// wrong: Stripe repeats its own, so they soon are that many. Fewer may be somebody's try.
const strangeFails = 3

// strangeFor is how long such deliveries are remembered.
const strangeFor = 24 * time.Hour

// signatures is what became of the deliveries since the start.
type signatures struct {
	mu       sync.Mutex
	verified time.Time // the last that was believed; zero = none
	strange  int       // not believed since then
	last     time.Time // of those
}

func (s *signatures) believed(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verified, s.strange = at, 0
}

// forget is for a new secret, which what came before says nothing about.
func (s *signatures) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strange = 0
}

func (s *signatures) refused(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.Sub(s.last) > strangeFor {
		s.strange = 0
	}
	s.strange, s.last = s.strange+1, at
}

// strangers is how many deliveries in a row were not believed lately, and when the last one was.
func (s *signatures) strangers(now time.Time) (n int, last, verified time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last) > strangeFor {
		return 0, s.last, s.verified
	}
	return s.strange, s.last, s.verified
}

// checkStripe asks Stripe for the webhook endpoint, and so learns the time there as well.
func (a *App) checkStripe(ctx context.Context) []Check {
	stripe := Check{Key: "stripe", Name: "Stripe"}
	endpoint := Check{Key: "webhook", Name: "Webhook endpoint"}
	state, err := a.stripe.CheckWebhook(ctx, a.webhookURL())
	switch {
	case err == nil && a.webhook.off:
		stripe = stripe.well("Stripe answers, in " + ModeName(a.live) + " mode.")
		endpoint = endpoint.well(a.withoutWebhooks())
	case err == nil:
		stripe = stripe.well("Stripe answers, in " + ModeName(a.live) + " mode.")
		endpoint = a.checkEndpoint(endpoint, state)
	case connect.IsKeyRefused(err):
		stripe = stripe.failed("Stripe does not accept the secret key.", "Set STRIPE_SECRET_KEY to a key that Stripe's dashboard shows under Developers, API keys, and start Trak again.")
		endpoint = endpoint.warned("It could not be looked at.", "Mend the key first.")
	case connect.IsForbidden(err):
		stripe = stripe.well("Stripe answers, in " + ModeName(a.live) + " mode.")
		endpoint = endpoint.warned("The restricted key may not look at webhook endpoints.", "Allow the key to read Webhook Endpoints in Stripe's dashboard.")
	default:
		stripe = stripe.failed(connect.UserMessage(err), "See whether this machine reaches api.stripe.com, and whether status.stripe.com tells of trouble.")
		endpoint = endpoint.warned("It could not be looked at.", "Wait until Stripe answers.")
	}
	return []Check{stripe, endpoint, a.checkSecret(), a.checkClock()}
}

func (a *App) checkEndpoint(c Check, s connect.WebhookState) Check {
	var wrong []string
	switch {
	case s.ID == "":
		return c.failed("Stripe has no endpoint for "+a.webhookURL()+", so payments are not noticed by it.", ensureFix)
	case s.Foreign && a.own != nil:
		wrong = append(wrong, "It is for connected accounts, and Trak is paid into the key's own.")
	case s.Foreign:
		wrong = append(wrong, "It is for the platform's own account, and not for connected accounts.")
	}
	if s.APIVersion != connect.APIVersion {
		was := s.APIVersion
		if was == "" {
			was = "the account's own"
		}
		wrong = append(wrong, fmt.Sprintf("It sends events in API version %s, and Trak speaks %s.", was, connect.APIVersion))
	}
	if !s.Enabled {
		wrong = append(wrong, "It is disabled.")
	}
	if n := len(s.Missing); n > 0 {
		const named = 3
		names := strings.Join(s.Missing[:min(n, named)], ", ")
		if n > named {
			names += fmt.Sprintf(" and %d more", n-named)
		}
		wrong = append(wrong, "It does not send "+names+".")
	}
	if len(wrong) > 0 {
		return c.failed(strings.Join(wrong, " "), ensureFix)
	}
	text := s.ID + " sends all that Trak needs."
	if s.Others > 0 {
		text += fmt.Sprintf(" Stripe has %d more with the same address.", s.Others)
	}
	return c.well(text)
}

// checkSecret goes by what can be known: Stripe shows a secret once, and never again.
func (a *App) checkSecret() Check {
	c := Check{Key: "secret", Name: "Webhook secret"}
	switch {
	case a.webhook.off:
		return c.well(a.withoutWebhooks())
	case len(a.webhook.get()) == 0:
		return c.failed("There is none, so no event is believed.", ensureFix)
	}
	now := a.now()
	n, last, verified := a.webhook.seen.strangers(now)
	seen := "No event has come since the start."
	if !verified.IsZero() {
		seen = "The last event was verified " + before(verified, now) + "."
	}
	if n == 0 {
		return c.well(seen)
	}
	text := fmt.Sprintf("%s in a row %s refused for a wrong signature, the last %s. ", several(n, "delivery", "deliveries"), wasOrWere(n), before(last, now)) + seen
	if n < strangeFails {
		return c.warned(text, "If it goes on, run \"trak webhook ensure\": it then makes an endpoint with a new secret.")
	}
	return c.failed(text, "Run \"trak webhook ensure\" while Trak runs: it makes an endpoint with a new secret.")
}

func (a *App) checkClock() Check {
	c := Check{Key: "clock", Name: "Clock"}
	skew, ok := a.stripe.Skew()
	if !ok {
		return c.warned("Stripe has not said what time it is there.", "Wait until Stripe answers.")
	}
	const fix = "Let this machine keep time by NTP, for example with \"timedatectl set-ntp true\"."
	off := skew.Ahead.Abs()
	text := fmt.Sprintf("This machine is %s ahead of Stripe.", off)
	if skew.Ahead < 0 {
		text = fmt.Sprintf("This machine is %s behind Stripe.", off)
	}
	switch {
	case off >= skewFails:
		return c.failed(text+" From five minutes on no event is believed.", fix)
	case off >= skewWarns:
		return c.warned(text, fix)
	case off < 2*time.Second:
		return c.well("The same as Stripe's.")
	}
	return c.well(text)
}

// withoutWebhooks says that none are expected.
func (a *App) withoutWebhooks() string {
	return fmt.Sprintf("Not needed: TRAK_WEBHOOKS is off, and what happens at Stripe is read every %s, so that news may be as late.", span(a.SyncPeriod()))
}

func (a *App) webhookURL() string { return a.url + "/api/stripe/webhook" }
