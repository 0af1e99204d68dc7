package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trak/connect"
)

// unanswered says why a question could not be answered in this run.
type unanswered struct{ why string }

func (u *unanswered) Error() string { return u.why }

// question is one that Stripe's documentation leaves open.
type question struct {
	name   string // of the sandbox's Answers, where it has one
	asks   string
	answer func(ctx context.Context, s *session) (string, error)
}

var questions = []question{
	{"DeactivatedLinkClosesSessions", "deactivating a link expires the sessions that are open on it", deactivatedLink},
	{"FailedDebitFreesLink", "a session whose bank debit failed counts no longer toward the link's limit", failedDebit},
	{"LimitHoldsAtCompletion", "of two sessions that are open at once only the first can complete", limitOfOne},
	{"ZeroFeeIsTaken", "application_fee_amount=0 is accepted on a link", zeroFee},
	{"ExpressStaysConnected", "Express accounts can't disconnect themselves", expressDisconnect},
	{"FailedRefundStaysCounted", "charge.amount_refunded doesn't drop when a refund fails", failedRefund},
	{"EventsInRequestVersion", "/v1/events tells the version that the request asked for", eventsVersion},
	{"LongReferenceIsRefused", "a client_reference_id over its limits shows an error", longReference},
	{"FailuresAreForgotten", "a 500 is not kept with its idempotency key", forgottenFailure},
	{"WantedEventsAreTaken", "an endpoint of this API version takes every event that Trak subscribes to", wantedEvents},
	{"KeyWithOtherParameters", "an idempotency key with other parameters is refused", keyReused},
	{"MetadataLimits", "metadata holds 50 keys of 40 characters and values of 500, and no more", metadataLimits},
}

func yes(b bool) (string, error) {
	if b {
		return "yes", nil
	}
	return "no", nil
}

// left turns a step that a person left out into a question that is not answered.
func left(err error) error {
	if errors.Is(err, errSkipped) {
		return &unanswered{"a step was left out"}
	}
	return err
}

// link makes a payment link that takes one payment of 5.00.
func (s *session) link(ctx context.Context, params ...string) (object, error) {
	price, err := s.post(ctx, "/v1/prices", "currency", "usd", "unit_amount", "500", "product_data[name]", "Test of Trak")
	if err != nil {
		return nil, fmt.Errorf("make a price: %w", err)
	}
	link, err := s.post(ctx, "/v1/payment_links", append([]string{"line_items[0][price]", price.text("id"), "line_items[0][quantity]", "1",
		"restrictions[completed_sessions][limit]", "1"}, params...)...)
	if err != nil {
		return nil, fmt.Errorf("make a link: %w", err)
	}
	return link, nil
}

// sessionsOf waits until a link has sessions that are as wanted, and returns all of them.
func (s *session) sessionsOf(ctx context.Context, link object, what string, ok func([]object) bool) (all []object, err error) {
	err = s.until(ctx, what, func() (bool, error) {
		all, err = s.list(ctx, "/v1/checkout/sessions", "payment_link", link.text("id"))
		return ok(all), err
	})
	return all, err
}

func deactivatedLink(ctx context.Context, s *session) (string, error) {
	link, err := s.link(ctx)
	if err != nil {
		return "", err
	}
	if err := s.person.open(ctx, link.text("url")); err != nil {
		return "", left(err)
	}
	all, err := s.sessionsOf(ctx, link, "the page is open", func(all []object) bool { return len(all) > 0 })
	if err != nil {
		return "", err
	}
	if _, err := s.post(ctx, "/v1/payment_links/"+link.text("id"), "active", "false"); err != nil {
		return "", err
	}
	session, err := s.get(ctx, "/v1/checkout/sessions/"+all[0].text("id"))
	if err != nil {
		return "", err
	}
	return yes(session.text("status") == "expired")
}

func failedDebit(ctx context.Context, s *session) (string, error) {
	link, err := s.link(ctx, "payment_method_types[0]", "us_bank_account")
	var no *refused
	if errors.As(err, &no) {
		return "", &unanswered{"the account takes no US bank debits: " + no.message}
	}
	if err != nil {
		return "", err
	}
	if err := s.person.pay(ctx, link.text("url"), "000222222227"); err != nil {
		return "", left(err)
	}
	if _, err := s.sessionsOf(ctx, link, "the debit is submitted", func(all []object) bool {
		return len(all) > 0 && all[0].text("status") == "complete"
	}); err != nil {
		return "", err
	}
	if err := s.person.settle(ctx); err != nil {
		return "", err
	}
	err = s.until(ctx, "the debit has failed", func() (bool, error) {
		events, err := s.list(ctx, "/v1/events", "type", "checkout.session.async_payment_failed")
		for _, e := range events {
			if e.child("data").child("object").text("payment_link") == link.text("id") {
				return true, err
			}
		}
		return false, err
	})
	if err != nil {
		return "", err
	}
	link, err = s.get(ctx, "/v1/payment_links/"+link.text("id"))
	if err != nil {
		return "", err
	}
	return yes(link.child("restrictions").child("completed_sessions").number("count") == 0)
}

func limitOfOne(ctx context.Context, s *session) (string, error) {
	link, err := s.link(ctx)
	if err != nil {
		return "", err
	}
	if err := s.person.pay(ctx, link.text("url"), goodCard, goodCard); err != nil {
		return "", left(err)
	}
	all, err := s.sessionsOf(ctx, link, "a page is paid", func(all []object) bool { return len(all) > 1 && paid(all) > 0 })
	if err != nil {
		return "", err
	}
	return yes(paid(all) == 1)
}

func paid(sessions []object) (n int) {
	for _, s := range sessions {
		if s.text("payment_status") == "paid" {
			n++
		}
	}
	return n
}

func zeroFee(ctx context.Context, s *session) (string, error) {
	if s.account == "" {
		return "", &unanswered{"it needs a connected account: set STRIPE_TEST_ACCOUNT"}
	}
	on := []string{":Stripe-Account", s.account}
	price, err := s.post(ctx, "/v1/prices", append(on, "currency", "usd", "unit_amount", "500", "product_data[name]", "Test of Trak")...)
	if err != nil {
		return "", err
	}
	_, err = s.post(ctx, "/v1/payment_links", append(on, "line_items[0][price]", price.text("id"), "line_items[0][quantity]", "1", "application_fee_amount", "0")...)
	var no *refused
	if err != nil && !errors.As(err, &no) {
		return "", err
	}
	return yes(err == nil)
}

func expressDisconnect(ctx context.Context, s *session) (string, error) {
	if s.account == "" {
		return "", &unanswered{"it needs a connected Express account: set STRIPE_TEST_ACCOUNT"}
	}
	account, err := s.get(ctx, "/v1/accounts/"+s.account)
	if err != nil {
		return "", err
	}
	if account.text("type") != "express" {
		return "", &unanswered{s.account + " is no Express account"}
	}
	can, err := s.person.canDisconnect(ctx, s.account)
	if err != nil {
		return "", left(err)
	}
	return yes(!can)
}

func failedRefund(ctx context.Context, s *session) (string, error) {
	link, err := s.link(ctx)
	if err != nil {
		return "", err
	}
	if err := s.person.pay(ctx, link.text("url"), "4000000000005126"); err != nil {
		return "", left(err)
	}
	all, err := s.sessionsOf(ctx, link, "it is paid", func(all []object) bool { return paid(all) > 0 })
	if err != nil {
		return "", err
	}
	refund, err := s.post(ctx, "/v1/refunds", "payment_intent", all[0].text("payment_intent"))
	if err != nil {
		return "", err
	}
	if err := s.person.settle(ctx); err != nil {
		return "", err
	}
	err = s.until(ctx, "the refund has failed", func() (bool, error) {
		r, err := s.get(ctx, "/v1/refunds/"+refund.text("id"))
		return r.text("status") == "failed", err
	})
	if err != nil {
		return "", err
	}
	charge, err := s.get(ctx, "/v1/charges/"+refund.text("charge"))
	if err != nil {
		return "", err
	}
	return yes(charge.number("amount_refunded") > 0)
}

func eventsVersion(ctx context.Context, s *session) (string, error) {
	const other = "2022-11-15"
	events, err := s.list(ctx, "/v1/events", ":Stripe-Version", other)
	if err != nil {
		return "", err
	}
	if len(events) == 0 {
		return "", &unanswered{"there were no events"}
	}
	return yes(events[0].text("api_version") == other)
}

func longReference(ctx context.Context, s *session) (string, error) {
	link, err := s.link(ctx)
	if err != nil {
		return "", err
	}
	if err := s.person.open(ctx, link.text("url")+"?client_reference_id="+strings.Repeat("x", 201)); err != nil {
		return "", left(err)
	}
	time.Sleep(min(s.patience/100, 5*time.Second)) // a page that shows an error has no session to wait for
	all, err := s.list(ctx, "/v1/checkout/sessions", "payment_link", link.text("id"))
	if err != nil {
		return "", err
	}
	return yes(len(all) == 0)
}

func forgottenFailure(ctx context.Context, s *session) (string, error) {
	if err := s.person.breakOnce(ctx); errors.Is(err, errSkipped) {
		return "", &unanswered{"nobody can make Stripe answer 500"}
	} else if err != nil {
		return "", err
	}
	key := rand.Text()
	create := func() error {
		_, err := s.post(ctx, "/v1/prices", ":Idempotency-Key", key, "currency", "usd", "unit_amount", "500", "product_data[name]", "Test of Trak")
		return err
	}
	var no *refused
	if err := create(); !errors.As(err, &no) || no.status != http.StatusInternalServerError {
		return "", fmt.Errorf("the call did not break down: %w", err)
	}
	return yes(create() == nil)
}

func wantedEvents(ctx context.Context, s *session) (string, error) {
	params := []string{"url", "https://trak.example.com/" + rand.Text(), "api_version", s.version}
	for i, e := range connect.WantedEvents() {
		params = append(params, "enabled_events["+strconv.Itoa(i)+"]", e)
	}
	endpoint, err := s.post(ctx, "/v1/webhook_endpoints", params...)
	var no *refused
	if errors.As(err, &no) {
		return "no: " + no.message, nil
	}
	if err != nil {
		return "", err
	}
	_, err = s.call(ctx, http.MethodDelete, "/v1/webhook_endpoints/"+endpoint.text("id"))
	if err != nil {
		return "", fmt.Errorf("remove the endpoint again: %w", err)
	}
	return "yes", nil
}

func keyReused(ctx context.Context, s *session) (string, error) {
	key := rand.Text()
	create := func(amount string) error {
		_, err := s.post(ctx, "/v1/prices", ":Idempotency-Key", key, "currency", "usd", "unit_amount", amount, "product_data[name]", "Test of Trak")
		return err
	}
	if err := create("500"); err != nil {
		return "", err
	}
	var no *refused
	err := create("600")
	if err != nil && !errors.As(err, &no) {
		return "", err
	}
	return yes(err != nil)
}

func metadataLimits(ctx context.Context, s *session) (string, error) {
	takes := func(keys, name, value int) (bool, error) {
		params := []string{"name", "Test of Trak"}
		for i := range keys {
			key := fmt.Sprintf("k%02d", i)
			params = append(params, "metadata["+key+strings.Repeat("x", name-len(key))+"]", strings.Repeat("v", value))
		}
		_, err := s.post(ctx, "/v1/products", params...)
		var no *refused
		if errors.As(err, &no) {
			return false, nil
		}
		return err == nil, err
	}
	var said []string
	for _, try := range []struct {
		what              string
		keys, name, value int
	}{{"50 keys", 50, 3, 1}, {"51 keys", 51, 3, 1}, {"a key of 40", 1, 40, 1}, {"a key of 41", 1, 41, 1}, {"a value of 500", 1, 3, 500}, {"a value of 501", 1, 3, 501}} {
		ok, err := takes(try.keys, try.name, try.value)
		if err != nil {
			return "", err
		}
		word := "refused"
		if ok {
			word = "taken"
		}
		said = append(said, try.what+" "+word)
	}
	return strings.Join(said, ", "), nil
}
