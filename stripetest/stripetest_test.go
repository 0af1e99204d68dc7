package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"trak/sandbox"
)

// robot does at the sandbox what a person does at Stripe.
type robot struct {
	t *testing.T
	s *sandbox.Server
}

func (r robot) says(text string) { r.t.Log(text) }

func (r robot) open(_ context.Context, address string) error {
	answer := httptest.NewRecorder()
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	q := httptest.NewRequest(http.MethodGet, address, nil)
	q.Host = u.Host
	r.s.ServeHTTP(answer, q)
	return nil
}

func (r robot) pay(_ context.Context, address string, numbers ...string) error {
	var sessions []string
	for range numbers {
		session, err := r.s.Checkout(address)
		if err != nil {
			return err
		}
		sessions = append(sessions, session)
	}
	for i, number := range numbers {
		_, err := r.s.Pay(sessions[i], sandbox.Card{Number: number, Email: "pay@client.example"})
		if err != nil && !errors.Is(err, sandbox.ErrClosed) {
			return err
		}
	}
	return nil
}

func (r robot) settle(context.Context) error {
	r.s.SettleBankDebits()
	r.s.SettleRefunds()
	return nil
}

func (r robot) canDisconnect(_ context.Context, account string) (bool, error) {
	return r.s.Deauthorize(account) == nil, nil
}

func (r robot) breakOnce(context.Context) error {
	r.s.SetKnobs(sandbox.Knobs{Fail: sandbox.FailServer, FailMethod: http.MethodPost, FailPath: "/v1/prices"})
	return nil
}

// lazy leaves everything out but what the whole way needs.
type lazy struct{ robot }

func (lazy) open(context.Context, string) error                  { return errSkipped }
func (lazy) canDisconnect(context.Context, string) (bool, error) { return false, errSkipped }
func (lazy) breakOnce(context.Context) error                     { return errSkipped }
func (l lazy) pay(ctx context.Context, u string, n ...string) error {
	if len(n) > 1 || n[0] != goodCard {
		return errSkipped
	}
	return l.robot.pay(ctx, u, n...)
}

// at runs everything against a sandbox that answers as given.
func at(t *testing.T, answers sandbox.Answers, who func(robot) person) report {
	t.Helper()
	s := sandbox.New(sandbox.Options{Answers: &answers})
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r, err := verify(t.Context(), target{key: "sk_test_sandbox", base: s.URL(), root: "..", person: who(robot{t, s}), patience: 20 * time.Second, account: express(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// express is a connected account that takes payments.
func express(t *testing.T, s *sandbox.Server) string {
	t.Helper()
	x := &session{target: target{key: "sk_test_sandbox"}, proxy: &httptest.Server{URL: s.URL()}}
	account, err := x.post(t.Context(), "/v1/accounts", "type", "express", "country", "US", "capabilities[card_payments][requested]", "true", "capabilities[transfers][requested]", "true")
	if err == nil {
		err = s.Onboard(account.text("id"), "complete")
	}
	if err != nil {
		t.Fatal(err)
	}
	return account.text("id")
}

// Each question finds out how the sandbox was told to behave, whichever way that is.
func TestEveryAnswerIsFound(t *testing.T) {
	t.Parallel()
	for _, all := range []bool{false, true} {
		t.Run(map[bool]string{false: "as it is likely", true: "the other way round"}[all], func(t *testing.T) {
			t.Parallel()
			var answers sandbox.Answers
			if all {
				var err error
				if answers, err = sandbox.ParseAnswers("all"); err != nil {
					t.Fatal(err)
				}
			}
			r := at(t, answers, func(r robot) person { return r })
			found := map[string]finding{}
			for _, f := range r.Findings {
				found[f.Name] = f
				if len(f.Requests) == 0 {
					t.Errorf("%s names no request", f.Name)
				}
			}
			for field, value := range reflect.ValueOf(answers).Fields() {
				want := map[bool]string{false: "no", true: "yes"}[value.Bool()]
				if got := found[field.Name].Answer; got != want {
					t.Errorf("%s: %q, want %q", field.Name, got, want)
				}
			}
			for _, name := range []string{"WholeWay", "WantedEventsAreTaken", "KeyWithOtherParameters"} {
				if found[name].Answer != "yes" {
					t.Errorf("%s: %q", name, found[name].Answer)
				}
			}
			if r.answered() != len(questions)+1 {
				t.Errorf("%d questions answered", r.answered())
			}
		})
	}
}

// What a person leaves out is said to be unanswered, and the rest goes on.
func TestStepsCanBeLeftOut(t *testing.T) {
	t.Parallel()
	r := at(t, sandbox.Answers{}, func(r robot) person { return lazy{r} })
	text := r.markdown()
	for _, want := range []string{"API version 2023-10-16", "| FailuresAreForgotten |", "not answered: a step was left out", "not answered: nobody can make Stripe answer 500", "req_"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

func TestALiveKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"sk_live_1", "rk_live_1", "", "pk_test_1 "} {
		err := run(t.Context(), key, "", "/nonexistent")
		if err == nil || strings.Contains(err.Error(), "nonexistent") || key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// Every answer that the sandbox can give is a question here.
func TestEveryAnswerIsAsked(t *testing.T) {
	t.Parallel()
	for _, name := range sandbox.AnswerNames() {
		if !slices.ContainsFunc(questions, func(q question) bool { return q.name == name }) {
			t.Errorf("nobody asks %s", name)
		}
	}
}
