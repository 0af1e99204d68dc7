package sandbox_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"trak/sandbox"
)

func TestTheWholeWay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	connect, platform := w.hook(t, true), w.hook(t, false)
	account := w.account(t)

	got, err := w.api.Accounts.GetByID(account, &stripe.AccountParams{})
	if err != nil {
		t.Fatal(err)
	}
	if !got.ChargesEnabled || !got.PayoutsEnabled || !got.DetailsSubmitted || len(got.Requirements.CurrentlyDue) > 0 ||
		got.Capabilities.CardPayments != stripe.AccountCapabilityStatusActive {
		t.Errorf("after onboarding: %+v", got)
	}

	link := w.link(t, account, 12345, "eur")
	session := w.opened(t, link.URL)
	outcome, err := w.Pay(session, sandbox.Card{Number: "4242 4242 4242 4242", Expiry: "12/40", CVC: "123", Email: "client@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://trak.test/i/abc?session=" + session; outcome.Status != sandbox.Succeeded || outcome.RedirectURL != want {
		t.Errorf("outcome %+v, want success and %s", outcome, want)
	}

	s := w.session(t, account, session)
	if s.Status != "complete" || s.PaymentStatus != "paid" || s.AmountTotal != 12345 || s.PaymentLink.ID != link.ID ||
		s.Metadata["trak_link_version"] != "1" || s.CustomerDetails.Email != "client@example.com" || s.URL != "" {
		t.Errorf("session %+v", s)
	}
	intent := s.PaymentIntent
	if intent.Status != "succeeded" || intent.AmountReceived != 12345 || intent.Metadata["trak_invoice_id"] != "inv" || intent.Metadata["trak_link_version"] != "" {
		t.Errorf("intent %+v", intent)
	}
	charge := intent.LatestCharge
	if charge.Status != "succeeded" || charge.AmountCaptured != 12345 || charge.PaymentMethodDetails.Card.Last4 != "4242" ||
		charge.Metadata["trak_invoice_id"] != "inv" || charge.Refunds != nil || charge.BalanceTransaction.Net != 12345-388 {
		t.Errorf("charge %+v", charge)
	}

	refund := &stripe.RefundParams{PaymentIntent: stripe.String(intent.ID), Amount: stripe.Int64(345), Reason: stripe.String("requested_by_customer")}
	refund.SetStripeAccount(account)
	if _, err := w.api.Refunds.New(refund); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Refund(charge.ID, 0); err != nil {
		t.Fatal(err)
	}
	_, err = w.api.Refunds.New(refund)
	wantCode(t, err, 400, "charge_already_refunded")

	w.settle(t)
	want := []string{
		"product.created", "price.created", "payment_link.created",
		"payment_intent.created", "charge.succeeded", "checkout.session.completed", "payment_intent.succeeded",
		"refund.created", "charge.refunded", "charge.refund.updated",
		"refund.created", "charge.refunded", "charge.refund.updated",
	}
	all := w.types(account, "")
	if last := all[len(all)-len(want):]; !slices.Equal(last, want) {
		t.Errorf("events %v, want %v", last, want)
	}
	for _, event := range connect.received() {
		if event.Account != account || event.APIVersion != stripe.APIVersion || event.Livemode || event.Data.Object["object"] == nil {
			t.Errorf("event %+v", event)
		}
	}
	if got, want := len(connect.received()), len(all); got != want {
		t.Errorf("%d deliveries to the Connect endpoint, want %d", got, want)
	}
	if got := len(platform.received()); got != 0 {
		t.Errorf("%d deliveries of connected accounts' events to the platform's endpoint", got)
	}
}

func wantCode(t *testing.T, err error, status int, code string) {
	t.Helper()
	var told *stripe.Error
	if !errors.As(err, &told) {
		t.Fatalf("error %v, want %d %s", err, status, code)
	}
	if told.HTTPStatusCode != status || string(told.Code) != code {
		t.Errorf("error %d %s (%s), want %d %s", told.HTTPStatusCode, told.Code, told.Msg, status, code)
	}
}

func TestDeclineThenSuccessOnOneIntent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	session := w.opened(t, w.link(t, account, 12345, "usd").ID)
	outcome, err := w.Pay(session, sandbox.Card{Number: "4000000000009995"})
	if err != nil || outcome.Status != sandbox.Declined || outcome.Message != "Your card has insufficient funds." {
		t.Fatalf("outcome %+v, %v", outcome, err)
	}
	s := w.session(t, account, session)
	first := s.PaymentIntent
	if s.Status != "open" || first.Status != "requires_payment_method" || first.LastPaymentError.DeclineCode != "insufficient_funds" ||
		first.LatestCharge.Status != "failed" || first.LatestCharge.FailureCode != "card_declined" || first.LatestCharge.Paid {
		t.Errorf("after the decline: %+v", first)
	}
	if _, err := w.Pay(session, sandbox.Card{Number: "4242424242424242"}); err != nil {
		t.Fatal(err)
	}
	second := w.session(t, account, session).PaymentIntent
	if second.ID != first.ID || second.Status != "succeeded" || second.LastPaymentError != nil || second.LatestCharge.ID == first.LatestCharge.ID {
		t.Errorf("after the success: %+v", second)
	}
	want := []string{
		"payment_intent.created", "charge.failed", "payment_intent.payment_failed",
		"charge.succeeded", "checkout.session.completed", "payment_intent.succeeded",
	}
	if got := w.types(account, "payment_link.created"); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if _, err := w.Pay(session, sandbox.Card{Number: "4242424242424242"}); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("paying twice: %v, want ErrClosed", err)
	}
}

func TestUnknownCardsAreRefusedWithoutATrace(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	session := w.opened(t, w.link(t, account, 12345, "usd").ID)
	for _, typed := range []sandbox.Card{
		{Number: "4111111111111111"}, {Number: ""},
		{Number: "4242424242424242", Expiry: "13/40"},
		{Number: "4242424242424242", Expiry: "01/20"},
		{Number: "4242424242424242", CVC: "12"},
	} {
		outcome, err := w.Pay(session, typed)
		if err != nil || outcome.Status != sandbox.Declined || outcome.Message == "" {
			t.Errorf("%+v: %+v, %v", typed, outcome, err)
		}
	}
	if got := w.types(account, "payment_link.created"); len(got) > 0 {
		t.Errorf("events %v, want none", got)
	}
}

func TestThreeDSecure(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	session := w.opened(t, w.link(t, account, 12345, "usd").ID)
	challenge := func() {
		t.Helper()
		outcome, err := w.Pay(session, sandbox.Card{Number: "4000002760003184"})
		if err != nil || outcome.Status != sandbox.RequiresAction || outcome.RedirectURL != w.URL()+"/checkout/"+session+"/authenticate" {
			t.Fatalf("outcome %+v, %v", outcome, err)
		}
	}
	challenge()
	if got := w.session(t, account, session).PaymentIntent; got.Status != "requires_action" || got.NextAction == nil {
		t.Errorf("intent %+v", got)
	}
	outcome, err := w.Authenticate(session, false)
	if err != nil || outcome.Status != sandbox.Declined {
		t.Fatalf("failed challenge: %+v, %v", outcome, err)
	}
	if got := w.session(t, account, session).PaymentIntent; got.Status != "requires_payment_method" || got.LastPaymentError.Code != "payment_intent_authentication_failure" {
		t.Errorf("intent %+v", got)
	}
	if _, err := w.Authenticate(session, true); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("challenge without a payment: %v", err)
	}
	challenge()
	if outcome, err = w.Authenticate(session, true); err != nil || outcome.Status != sandbox.Succeeded {
		t.Errorf("passed challenge: %+v, %v", outcome, err)
	}
}

func TestBankDebit(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]struct {
		charge, intent, payment string
		events                  []string
	}{
		"000123456789": {"succeeded", "succeeded", "paid", []string{"charge.succeeded", "payment_intent.succeeded", "checkout.session.async_payment_succeeded"}},
		"000222222227": {"failed", "requires_payment_method", "unpaid", []string{"charge.failed", "payment_intent.payment_failed", "checkout.session.async_payment_failed"}},
	} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			account := w.account(t)
			session := w.paid(t, account, number)
			s := w.session(t, account, session)
			if s.Status != "complete" || s.PaymentStatus != "unpaid" || s.PaymentIntent.Status != "processing" || s.PaymentIntent.LatestCharge.Status != "pending" {
				t.Errorf("while processing: %+v", s)
			}
			if got := w.SettleBankDebits(); got != 1 {
				t.Errorf("settled %d, want 1", got)
			}
			s = w.session(t, account, session)
			if string(s.PaymentIntent.LatestCharge.Status) != want.charge || string(s.PaymentIntent.Status) != want.intent || string(s.PaymentStatus) != want.payment {
				t.Errorf("settled: %+v", s)
			}
			events := append([]string{"payment_intent.created", "checkout.session.completed", "payment_intent.processing", "charge.pending"}, want.events...)
			if got := w.types(account, "payment_link.created"); !slices.Equal(got, events) {
				t.Errorf("events %v, want %v", got, events)
			}
		})
	}
	t.Run("is for dollars only", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		outcome, err := w.Pay(w.opened(t, w.link(t, w.account(t), 5000, "eur").ID), sandbox.Card{Number: "000123456789"})
		if err != nil || outcome.Status != sandbox.Declined {
			t.Errorf("outcome %+v, %v", outcome, err)
		}
	})
}

func TestRefundsThatAreNotFinal(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]struct {
		first, last string
		refunded    int64
	}{
		"4000000000007726": {"pending", "succeeded", 12345},
		"4000000000005126": {"succeeded", "failed", 0},
	} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			account := w.account(t)
			session := w.paid(t, account, number)
			charge := w.session(t, account, session).PaymentIntent.LatestCharge
			id, err := w.Refund(charge.PaymentIntent.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			status := func() string {
				params := &stripe.RefundParams{}
				params.SetStripeAccount(account)
				refund, err := w.api.Refunds.Get(id, params)
				if err != nil {
					t.Fatal(err)
				}
				return string(refund.Status)
			}
			if got := status(); got != want.first {
				t.Errorf("at first %s, want %s", got, want.first)
			}
			if got := w.SettleRefunds(); got != 1 {
				t.Errorf("settled %d, want 1", got)
			}
			if got := status(); got != want.last {
				t.Errorf("at last %s, want %s", got, want.last)
			}
			if got := w.session(t, account, session).PaymentIntent.LatestCharge.AmountRefunded; got != want.refunded {
				t.Errorf("charge says %d refunded, want %d", got, want.refunded)
			}
		})
	}
}

func TestLimitOfCompletedSessions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	link := w.link(t, w.account(t), 12345, "usd")
	one, two := w.opened(t, link.ID), w.opened(t, link.ID)
	for _, session := range []string{one, two} {
		// Both were opened before either was paid: the limit is no lock.
		if outcome, err := w.Pay(session, sandbox.Card{Number: "4242424242424242"}); err != nil || outcome.Status != sandbox.Succeeded {
			t.Errorf("pay %s: %+v, %v", session, outcome, err)
		}
	}
	if _, err := w.Checkout(link.URL); !errors.Is(err, sandbox.ErrUsedUp) {
		t.Errorf("opened a used link: %v", err)
	}
}

func TestDeactivatedLink(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	link := w.link(t, account, 12345, "usd")
	opened, other := w.opened(t, link.URL), w.opened(t, link.URL)
	params := &stripe.PaymentLinkParams{Active: stripe.Bool(false)}
	params.SetStripeAccount(account)
	if _, err := w.api.PaymentLinks.Update(link.ID, params); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Checkout(link.URL); !errors.Is(err, sandbox.ErrInactive) {
		t.Errorf("opened an inactive link: %v", err)
	}

	list := &stripe.CheckoutSessionListParams{PaymentLink: stripe.String(link.ID), Status: stripe.String("open")}
	list.SetStripeAccount(account)
	var open []string
	for it := w.api.CheckoutSessions.List(list); it.Next(); {
		open = append(open, it.CheckoutSession().ID)
	}
	if !slices.Equal(open, []string{other, opened}) {
		t.Errorf("open sessions %v, want the two, newest first", open)
	}
	expire := &stripe.CheckoutSessionExpireParams{}
	expire.SetStripeAccount(account)
	if s, err := w.api.CheckoutSessions.Expire(other, expire); err != nil || s.Status != "expired" {
		t.Errorf("expire: %+v, %v", s, err)
	}
	if _, err := w.Pay(other, sandbox.Card{Number: "4242424242424242"}); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("paid an expired session: %v", err)
	}
	if outcome, err := w.Pay(opened, sandbox.Card{Number: "4242424242424242"}); err != nil || outcome.Status != sandbox.Succeeded {
		t.Errorf("a page that was open stays payable: %+v, %v", outcome, err)
	}
}

func TestSessionsExpireAfterADay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	session := w.opened(t, w.link(t, account, 12345, "usd").ID)
	if _, err := w.Pay(session, sandbox.Card{Number: "4000000000000002"}); err != nil {
		t.Fatal(err)
	}
	w.clock.add(24*time.Hour + time.Second)
	if s := w.session(t, account, session); s.Status != "expired" || s.PaymentIntent.Status != "canceled" {
		t.Errorf("session %+v", s)
	}
	types := w.types(account, "payment_intent.payment_failed")
	if want := []string{"payment_intent.canceled", "checkout.session.expired"}; !slices.Equal(types, want) {
		t.Errorf("events %v, want %v", types, want)
	}
}

func TestOnboardingOutcomes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, c := range []struct {
		outcome                   string
		details, charges, payouts bool
		disabled                  string
		due                       bool
	}{
		{sandbox.OnboardLeaveEarly, false, false, false, "requirements.past_due", true},
		{sandbox.OnboardPendingVerification, true, false, false, "requirements.pending_verification", false},
		{sandbox.OnboardReject, true, false, false, "rejected.fraud", false},
		{sandbox.OnboardPayoutsPaused, true, true, false, "requirements.pending_verification", false},
		{sandbox.OnboardComplete, true, true, true, "", false},
	} {
		made, err := w.api.Accounts.New(&stripe.AccountParams{Type: stripe.String("express"), Country: stripe.String("DE")})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Onboard(made.ID, c.outcome); err != nil {
			t.Fatal(err)
		}
		a, err := w.api.Accounts.GetByID(made.ID, &stripe.AccountParams{})
		if err != nil {
			t.Fatal(err)
		}
		if a.DetailsSubmitted != c.details || a.ChargesEnabled != c.charges || a.PayoutsEnabled != c.payouts ||
			string(a.Requirements.DisabledReason) != c.disabled || (len(a.Requirements.CurrentlyDue) > 0) != c.due || a.DefaultCurrency != "eur" {
			t.Errorf("%s: %+v", c.outcome, a)
		}
		_, err = w.api.LoginLinks.New(&stripe.LoginLinkParams{Account: stripe.String(made.ID)})
		if (err == nil) != c.details {
			t.Errorf("%s: login link %v", c.outcome, err)
		}
	}
	if err := w.Onboard("acct_none", sandbox.OnboardComplete); err == nil {
		t.Error("onboarded an account that doesn't exist")
	}
}
