package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// simHelp is what GET /sim/ says.
const simHelp = `The sandbox by JSON, for tests of any language. Each answers with what changed, or {"error": …}.

GET  /sim/knobs                        how the sandbox misbehaves now
POST /sim/knobs                        all knobs anew, as GET shows them; durations in nanoseconds; {} = none
GET  /sim/faults                       the words that Fail may be
GET  /sim/answers                      how it behaves where Stripe's own behaviour is not known
POST /sim/answers                      all answers anew, as GET shows them
POST /sim/away                         {"seconds": 3600, "cut": false}: the API answers nothing until the clock has come that far
GET  /sim/calls                        how often the API was called: All, Limited (429), Most in a second
POST /sim/calls/reset                  counts from 0 again
POST /sim/clock/advance                {"seconds": 3600}: sessions expire, idempotency keys are forgotten
GET  /sim/events                       {"account": …} in the query: events, oldest first
POST /sim/events/{id}/resend           delivers an event once more
GET  /sim/deliveries                   the latest tries to deliver, oldest first
POST /sim/flush                        lets deliveries go that a knob holds back, and waits until all were tried
POST /sim/settle                       {"fail_payouts": false}: bank debits, pending refunds and payouts come to their end
POST /sim/accounts/{id}/onboard        {"outcome": "complete"}, or leave_early, pending_verification, payouts_paused, restricted, reject;
                                       the platform's own account too
POST /sim/accounts/{id}/deauthorize    the account disconnects itself
POST /sim/accounts/{id}/payout         all that is available goes to the bank, as Stripe does every day; "all" for the id is each account
POST /sim/payouts/{id}/fail            it comes back from the bank, also when it had arrived
POST /sim/payouts/{id}/cancel          it is called off
POST /sim/accounts/{id}/banks          the account gets another bank account
POST /sim/banks/{id}/change            {"holder": …}: its holder's name
POST /sim/banks/{id}/remove            the account loses it
POST /sim/pay                          {"link": id or address, or "session": id, "number": "4242424242424242", "email": …}
POST /sim/sessions/{id}/authenticate   {"ok": true}: answers 3-D Secure
POST /sim/refund                       {"payment": charge or payment intent, "amount": 0 = all}
POST /sim/charges                      {"account": …, "amount": 500, "currency": "usd", "number": …, "description": …}: paid in Stripe's dashboard
POST /sim/adjustments                  {"account": …, "amount": -500, "currency": "usd", "description": …}: booked by Stripe, without an event
POST /sim/fees                         the same, as a fee of Stripe's: a positive amount is taken
POST /sim/disputes                     {"charge": …, "reason": "fraudulent", "amount": 0 = all}: the client's bank takes the money back,
                                       or with "inquiry": true only asks
POST /sim/disputes/{id}/escalate       an inquiry becomes a dispute
POST /sim/disputes/{id}/close          {"won": true}: the bank decides
POST /sim/warnings                     {"charge": …}: the client's bank suspects fraud
POST /sim/reviews                      {"charge": …}: the payment is put up for review
POST /sim/reviews/{id}/approve         the review ends well
POST /sim/emit                         {"account": …, "type": …, "object": …}: an event of any kind
`

// maxFlush bounds how long POST /sim/flush waits.
const maxFlush = 30 * time.Second

// simRoutes are for programs what the sandbox's own page is for people; both do the same.
func (s *Server) simRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /sim/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte(simHelp))
	})
	handle(mux, "GET /sim/knobs", func(*http.Request, struct{}) (any, error) { return s.Knobs(), nil })
	handle(mux, "POST /sim/knobs", func(_ *http.Request, k Knobs) (any, error) { s.SetKnobs(k); return s.Knobs(), nil })
	handle(mux, "GET /sim/faults", func(*http.Request, struct{}) (any, error) { return Faults, nil })
	handle(mux, "GET /sim/answers", func(*http.Request, struct{}) (any, error) { return s.Answers(), nil })
	handle(mux, "POST /sim/answers", func(_ *http.Request, a Answers) (any, error) { s.SetAnswers(a); return s.Answers(), nil })
	handle(mux, "POST /sim/away", func(_ *http.Request, in struct {
		Seconds int64
		Cut     bool
	}) (any, error) {
		if in.Seconds < 0 || in.Seconds > maxHours*3600 {
			return nil, errors.New("seconds must be at most ten years")
		}
		s.GoAway(time.Duration(in.Seconds)*time.Second, in.Cut)
		return s.Knobs(), nil
	})
	handle(mux, "GET /sim/calls", func(*http.Request, struct{}) (any, error) { return s.Calls(), nil })
	handle(mux, "POST /sim/calls/reset", func(*http.Request, struct{}) (any, error) { s.ResetCalls(); return s.Calls(), nil })
	handle(mux, "POST /sim/clock/advance", func(_ *http.Request, in struct{ Seconds int64 }) (any, error) {
		if in.Seconds <= 0 || in.Seconds > maxHours*3600 {
			return nil, errors.New("seconds must be positive, and at most ten years")
		}
		s.Advance(time.Duration(in.Seconds) * time.Second)
		return map[string]int64{"now": s.now().Unix()}, nil
	})
	handle(mux, "GET /sim/events", func(r *http.Request, _ struct{}) (any, error) { return s.Events(r.URL.Query().Get("account")), nil })
	handle(mux, "POST /sim/events/{id}/resend", func(r *http.Request, _ struct{}) (any, error) {
		return done, s.Resend(r.PathValue("id"))
	})
	handle(mux, "GET /sim/deliveries", func(*http.Request, struct{}) (any, error) { return s.Deliveries(), nil })
	handle(mux, "POST /sim/flush", func(r *http.Request, _ struct{}) (any, error) {
		k := s.Knobs()
		k.Hold = false
		s.SetKnobs(k)
		ctx, cancel := context.WithTimeout(r.Context(), maxFlush)
		defer cancel()
		return done, s.Settle(ctx)
	})
	handle(mux, "POST /sim/settle", func(_ *http.Request, in struct {
		FailPayouts bool `json:"fail_payouts"`
	}) (any, error) {
		return map[string]int{"debits": s.SettleBankDebits(), "refunds": s.SettleRefunds(), "payouts": s.SettlePayouts(in.FailPayouts)}, nil
	})
	handle(mux, "POST /sim/accounts/{id}/onboard", func(r *http.Request, in struct{ Outcome string }) (any, error) {
		return done, s.Onboard(r.PathValue("id"), in.Outcome)
	})
	handle(mux, "POST /sim/accounts/{id}/deauthorize", func(r *http.Request, _ struct{}) (any, error) {
		return done, s.Deauthorize(r.PathValue("id"))
	})
	handle(mux, "POST /sim/accounts/{id}/payout", func(r *http.Request, _ struct{}) (any, error) {
		if r.PathValue("id") == "all" {
			return s.PayOutAll(), nil
		}
		return anyOf(s.PayOut(r.PathValue("id")))
	})
	handle(mux, "POST /sim/payouts/{id}/fail", func(r *http.Request, _ struct{}) (any, error) {
		return done, s.FailPayout(r.PathValue("id"))
	})
	handle(mux, "POST /sim/payouts/{id}/cancel", func(r *http.Request, _ struct{}) (any, error) {
		return done, s.CancelPayout(r.PathValue("id"))
	})
	handle(mux, "POST /sim/accounts/{id}/banks", func(r *http.Request, _ struct{}) (any, error) {
		return made(s.AddBank(r.PathValue("id")))
	})
	handle(mux, "POST /sim/banks/{id}/change", func(r *http.Request, in struct{ Holder string }) (any, error) {
		return done, s.ChangeBank(r.PathValue("id"), in.Holder)
	})
	handle(mux, "POST /sim/banks/{id}/remove", func(r *http.Request, _ struct{}) (any, error) {
		return done, s.RemoveBank(r.PathValue("id"))
	})
	handle(mux, "POST /sim/pay", func(_ *http.Request, in struct{ Link, Session, Number, Email string }) (any, error) {
		session := in.Session
		if session == "" {
			var err error
			if session, err = s.Checkout(in.Link); err != nil {
				return nil, err
			}
		}
		outcome, err := s.Pay(session, Card{Number: in.Number, Email: in.Email})
		return struct {
			Session string
			Outcome
		}{session, outcome}, err
	})
	handle(mux, "POST /sim/sessions/{id}/authenticate", func(r *http.Request, in struct{ OK bool }) (any, error) {
		return anyOf(s.Authenticate(r.PathValue("id"), in.OK))
	})
	handle(mux, "POST /sim/refund", func(_ *http.Request, in struct {
		Payment string
		Amount  int64
	}) (any, error) {
		return made(s.Refund(in.Payment, in.Amount))
	})
	type booking struct {
		Account, Currency, Description string
		Amount                         int64
	}
	handle(mux, "POST /sim/charges", func(_ *http.Request, in struct {
		booking
		Number string
	}) (any, error) {
		return made(s.PayInDashboard(in.Account, in.Number, in.Currency, in.Amount, in.Description))
	})
	handle(mux, "POST /sim/adjustments", func(_ *http.Request, in booking) (any, error) {
		return made(s.Adjust(in.Account, in.Currency, in.Amount, in.Description))
	})
	handle(mux, "POST /sim/fees", func(_ *http.Request, in booking) (any, error) {
		return made(s.TakeFee(in.Account, in.Currency, in.Amount, in.Description))
	})
	handle(mux, "POST /sim/disputes", func(_ *http.Request, in struct {
		Charge, Reason string
		Amount         int64
		Inquiry        bool
	}) (any, error) {
		return made(s.dispute(in.Charge, in.Reason, in.Amount, in.Inquiry))
	})
	handle(mux, "POST /sim/disputes/{id}/escalate", func(r *http.Request, _ struct{}) (any, error) {
		return done, s.EscalateInquiry(r.PathValue("id"))
	})
	handle(mux, "POST /sim/disputes/{id}/close", func(r *http.Request, in struct{ Won bool }) (any, error) {
		return done, s.CloseDispute(r.PathValue("id"), in.Won)
	})
	handle(mux, "POST /sim/warnings", func(_ *http.Request, in struct{ Charge string }) (any, error) {
		return made(s.WarnOfFraud(in.Charge))
	})
	handle(mux, "POST /sim/reviews", func(_ *http.Request, in struct{ Charge string }) (any, error) {
		return made(s.OpenReview(in.Charge))
	})
	handle(mux, "POST /sim/reviews/{id}/approve", func(r *http.Request, _ struct{}) (any, error) {
		return done, s.ApproveReview(r.PathValue("id"))
	})
	handle(mux, "POST /sim/emit", func(_ *http.Request, in struct {
		Account, Type string
		Object        json.RawMessage
	}) (any, error) {
		if in.Type == "" || len(in.Object) == 0 {
			return nil, errors.New("type and object are needed")
		}
		s.Emit(in.Account, in.Type, in.Object)
		return done, nil
	})
}

var done = map[string]bool{"done": true}

// made tells the id of what was made.
func made(id string, err error) (any, error) { return map[string]string{"id": id}, err }

func anyOf[T any](v T, err error) (any, error) { return v, err }

// handle reads the JSON of a request and writes that of its answer. What a request may not say is
// an error, so that a slip doesn't pass for a wish.
func handle[In any](mux *http.ServeMux, pattern string, do func(*http.Request, In) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var in In
		if r.Method != http.MethodGet && r.ContentLength != 0 {
			decoder := json.NewDecoder(r.Body)
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&in); err != nil {
				told(w, http.StatusBadRequest, map[string]string{"error": fmt.Sprintf("read the request: %v", err)})
				return
			}
		}
		out, err := do(r, in)
		if err != nil {
			told(w, http.StatusConflict, map[string]string{"error": err.Error()})
			return
		}
		told(w, http.StatusOK, out)
	})
}

func told(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
