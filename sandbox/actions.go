package sandbox

import (
	"errors"
	"net/http"
	"strconv"
)

// actionRoutes are the buttons of the sandbox's own page and of the dashboards: what a client, a
// bank or Stripe could do now. Programs have the same below /sim/.
func (s *Server) actionRoutes(mux *http.ServeMux) {
	form := func(r *http.Request, name string) string { return r.PostFormValue(name) }
	s.action(mux, "/sandbox/account", func(r *http.Request) error {
		return s.Onboard(form(r, "account"), form(r, "outcome"))
	})
	s.action(mux, "/sandbox/deauthorize", func(r *http.Request) error { return s.Deauthorize(form(r, "account")) })
	s.action(mux, "/sandbox/bank", func(r *http.Request) error { return only(s.AddBank(form(r, "account"))) })
	s.action(mux, "/sandbox/bank/change", func(r *http.Request) error { return s.ChangeBank(form(r, "bank"), form(r, "holder")) })
	s.action(mux, "/sandbox/bank/remove", func(r *http.Request) error { return s.RemoveBank(form(r, "bank")) })

	s.action(mux, "/sandbox/refund", func(r *http.Request) error {
		amount := int64(0)
		if typed := form(r, "amount"); typed != "" {
			var err error
			if amount, err = minorUnits(typed); err != nil {
				return err
			}
			if amount <= 0 {
				return errAmount
			}
		}
		return only(s.Refund(form(r, "payment"), amount))
	})
	s.action(mux, "/sandbox/book", s.bookAction)
	s.action(mux, "/sandbox/dispute", func(r *http.Request) error { return only(s.Dispute(form(r, "payment"), "fraudulent", 0)) })
	s.action(mux, "/sandbox/inquire", func(r *http.Request) error { return only(s.Inquire(form(r, "payment"), "general", 0)) })
	s.action(mux, "/sandbox/dispute/escalate", func(r *http.Request) error { return s.EscalateInquiry(form(r, "dispute")) })
	s.action(mux, "/sandbox/dispute/close", func(r *http.Request) error {
		return s.CloseDispute(form(r, "dispute"), form(r, "won") != "")
	})
	s.action(mux, "/sandbox/warn", func(r *http.Request) error { return only(s.WarnOfFraud(form(r, "payment"))) })
	s.action(mux, "/sandbox/review", func(r *http.Request) error { return only(s.OpenReview(form(r, "payment"))) })
	s.action(mux, "/sandbox/review/approve", func(r *http.Request) error { return s.ApproveReview(form(r, "review")) })

	s.action(mux, "/sandbox/payout", func(r *http.Request) error {
		_, err := s.PayOut(form(r, "account"))
		return err
	})
	s.action(mux, "/sandbox/payout/all", func(*http.Request) error { s.PayOutAll(); return nil })
	s.action(mux, "/sandbox/payout/fail", func(r *http.Request) error { return s.FailPayout(form(r, "payout")) })
	s.action(mux, "/sandbox/payout/cancel", func(r *http.Request) error { return s.CancelPayout(form(r, "payout")) })
	s.action(mux, "/sandbox/settle", func(r *http.Request) error {
		s.SettleBankDebits()
		s.SettleRefunds()
		s.SettlePayouts(form(r, "fail_payouts") != "")
		return nil
	})
	s.action(mux, "/sandbox/resend", func(r *http.Request) error { return s.Resend(form(r, "event")) })
}

// action does what a form asks for, and leads back to the page that the form stands on.
func (s *Server) action(mux *http.ServeMux, path string, do func(*http.Request) error) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		if err := do(r); err != nil {
			s.message(w, http.StatusBadRequest, "That did not work", err.Error())
			return
		}
		to := "/"
		if account := r.PostFormValue("dashboard"); account != "" {
			to = "/dashboard/" + account
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
}

// bookAction books what nobody asked for through the API.
func (s *Server) bookAction(r *http.Request) error {
	amount, err := minorUnits(r.PostFormValue("amount"))
	if err != nil {
		return err
	}
	account, currency, description := r.PostFormValue("account"), r.PostFormValue("currency"), r.PostFormValue("description")
	switch r.PostFormValue("kind") {
	case "payment":
		return only(s.PayInDashboard(account, "", currency, amount, description))
	case "adjustment":
		return only(s.Adjust(account, currency, amount, description))
	case "fee":
		return only(s.TakeFee(account, currency, amount, description))
	}
	return errors.New("choose what to book")
}

var errAmount = errors.New("write the amount in the smallest unit of its currency, such as 1250")

func minorUnits(typed string) (int64, error) {
	amount, err := strconv.ParseInt(typed, 10, 64)
	if err != nil {
		return 0, errAmount
	}
	return amount, nil
}

// only is the error of what also tells an id.
func only(_ string, err error) error { return err }
