package sandbox

import (
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// shownRows is how many of each thing the sandbox's own page lists.
const shownRows = 50

type accountRow struct {
	ID, Name, Country, State string
	Connected                bool
}

type linkRow struct{ ID, URL, Title, State string }

type paymentRow struct {
	ID, Account, Currency, Status, Method string
	Amount, Refunded                      int64
	Refundable, Disputable                bool
}

type disputeRow struct {
	ID, Charge, Currency, Reason, Status string
	Amount                               int64
	Open                                 bool
}

// paymentTable is a table of payments; Dashboard is the account whose page it stands on.
type paymentTable struct {
	Rows      []paymentRow
	Dashboard string
}

type eventRow struct {
	ID, Type, Account, Time, Delivery string
}

type consolePage struct {
	Accounts           []accountRow
	Links              []linkRow
	Table              paymentTable
	Disputes           []disputeRow
	Events             []eventRow
	Knobs              Knobs
	Faults             []string
	Answers            []answerRow
	Now                string
	Unsettled, Waiting int
}

// answerRow is one of the Answers, with its name in words.
type answerRow struct {
	Name, Words string
	On          bool
}

func answerRows(a Answers) (rows []answerRow) {
	fields := reflect.ValueOf(a)
	for i, name := range AnswerNames() {
		var words strings.Builder
		for j, r := range name {
			if j > 0 && unicode.IsUpper(r) {
				words.WriteByte(' ')
				r = unicode.ToLower(r)
			}
			words.WriteRune(r)
		}
		rows = append(rows, answerRow{name, words.String(), fields.Field(i).Bool()})
	}
	return rows
}

// newest gives the latest records of a kind, of all accounts, newest first.
func (s *Server) newest(kind string) []*record {
	var all []*record
	for key, list := range s.lists {
		if key.kind == kind {
			all = append(all, list[max(0, len(list)-shownRows):]...)
		}
	}
	slices.SortFunc(all, func(a, b *record) int {
		return cmp.Or(cmp.Compare(number(b.obj, "created"), number(a.obj, "created")), cmp.Compare(a.account, b.account), cmp.Compare(b.at, a.at))
	})
	return all[:min(len(all), shownRows)]
}

// getConsole is the sandbox's own page: what there is, and what Stripe or a bank could do now.
func (s *Server) getConsole(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.catchUp()
	p := consolePage{
		Knobs: s.knobs, Faults: append([]string{""}, Faults...), Answers: answerRows(s.answers), Now: s.now().UTC().Format("2 Jan 2006 15:04"),
		Unsettled: len(s.debits) + len(s.unsettledRefunds), Waiting: len(s.sender.due) + len(s.sender.timers),
	}
	for _, r := range s.newest("account") {
		row := accountRow{ID: r.id(), Name: text(child(r.obj, "business_profile"), "name"), Country: text(r.obj, "country"), Connected: s.connected(r.id())}
		switch {
		case !row.Connected:
			row.State = "disconnected"
		case truth(r.obj, "payouts_enabled"):
			row.State = "payments and payouts on"
		case truth(r.obj, "charges_enabled"):
			row.State = "payments on, payouts off"
		case truth(r.obj, "details_submitted"):
			row.State = "details given, payments off"
		default:
			row.State = "onboarding"
		}
		p.Accounts = append(p.Accounts, row)
	}
	for _, r := range s.newest("payment_link") {
		row := linkRow{ID: r.id(), URL: text(r.obj, "url"), Title: s.title(r), State: "active"}
		if usedUp(r.obj) {
			row.State = "used"
		}
		if !truth(r.obj, "active") {
			row.State = "inactive"
		}
		p.Links = append(p.Links, row)
	}
	for _, r := range s.newest("charge") {
		p.Table.Rows = append(p.Table.Rows, s.paymentRow(r))
	}
	for _, r := range s.newest("dispute") {
		p.Disputes = append(p.Disputes, disputeRow{
			ID: r.id(), Charge: text(r.obj, "charge"), Currency: text(r.obj, "currency"), Reason: text(r.obj, "reason"),
			Status: text(r.obj, "status"), Amount: number(r.obj, "amount"), Open: !isClosed(r),
		})
	}
	p.Unsettled += len(s.unsettled())
	last := map[string]Delivery{}
	for _, d := range s.sender.log {
		last[d.EventID] = d
	}
	for _, r := range s.newest("event") {
		row := eventRow{ID: r.id(), Type: text(r.obj, "type"), Account: r.account, Time: time.Unix(number(r.obj, "created"), 0).UTC().Format("15:04:05"), Delivery: "not sent"}
		if d, tried := last[r.id()]; tried {
			row.Delivery = "answered " + strconv.Itoa(d.Status)
			if d.Status == 0 {
				row.Delivery = "no answer"
			}
			if d.Attempt > 1 {
				row.Delivery += ", try " + strconv.Itoa(d.Attempt)
			}
		}
		p.Events = append(p.Events, row)
	}
	s.mu.Unlock()
	s.page(w, http.StatusOK, "console.html", "", p)
}

func (s *Server) paymentRow(r *record) paymentRow {
	details := child(r.obj, "payment_method_details")
	method := child(details, text(details, "type"))
	return paymentRow{
		ID: r.id(), Account: s.owner(r), Currency: text(r.obj, "currency"), Status: text(r.obj, "status"),
		Method: "•••• " + text(method, "last4"), Amount: number(r.obj, "amount"), Refunded: number(r.obj, "amount_refunded"),
		Refundable: r.obj["status"] == "succeeded" && number(r.obj, "amount_refunded") < number(r.obj, "amount_captured"),
		Disputable: r.obj["status"] == "succeeded" && !truth(r.obj, "disputed"),
	}
}

type balanceRow struct {
	Currency           string
	Available, Pending int64 // minor units
}

// getDashboard is where login links lead: the balance and the payments of one account.
func (s *Server) getDashboard(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("account")
	account := id
	if id == s.platform {
		account = ""
	}
	s.mu.Lock()
	found := account == "" || s.find("", "account", id) != nil
	var name string
	var balances []balanceRow
	var payments []paymentRow
	if found {
		name = text(child(s.records[id].obj, "business_profile"), "name")
		for _, currency := range sorted(s.funds[account]) {
			f := s.fundsOf(account, currency)
			balances = append(balances, balanceRow{currency, f.available, f.pending})
		}
		charges := s.lists[listKey{account, "charge"}]
		for _, r := range slices.Backward(charges[max(0, len(charges)-shownRows):]) {
			payments = append(payments, s.paymentRow(r))
		}
	}
	s.mu.Unlock()
	if !found {
		s.message(w, http.StatusNotFound, "Account not found", "This account does not exist.")
		return
	}
	s.page(w, http.StatusOK, "dashboard.html", "", map[string]any{"ID": id, "Name": name, "Balances": balances, "Table": paymentTable{payments, id}})
}

// back leads to the page that a form names, if it is one of the sandbox's own.
func back(w http.ResponseWriter, r *http.Request) {
	to := "/"
	if account := r.PostFormValue("dashboard"); account != "" {
		to = "/dashboard/" + account
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Server) postRefund(w http.ResponseWriter, r *http.Request) {
	amount := int64(0)
	if typed := r.PostFormValue("amount"); typed != "" {
		var err error
		if amount, err = strconv.ParseInt(typed, 10, 64); err != nil || amount <= 0 {
			s.message(w, http.StatusBadRequest, "That did not work", "Write the amount in the smallest unit of its currency, such as 1250.")
			return
		}
	}
	if _, err := s.Refund(r.PostFormValue("payment"), amount); err != nil {
		s.message(w, http.StatusBadRequest, "That did not work", err.Error())
		return
	}
	back(w, r)
}

func (s *Server) postSettle(w http.ResponseWriter, r *http.Request) {
	s.SettleBankDebits()
	s.SettleRefunds()
	s.SettlePayouts(r.PostFormValue("fail_payouts") != "")
	back(w, r)
}

func (s *Server) postDispute(w http.ResponseWriter, r *http.Request) {
	if _, err := s.Dispute(r.PostFormValue("payment"), "fraudulent", 0); err != nil {
		s.message(w, http.StatusBadRequest, "That did not work", err.Error())
		return
	}
	back(w, r)
}

func (s *Server) postCloseDispute(w http.ResponseWriter, r *http.Request) {
	if err := s.CloseDispute(r.PostFormValue("dispute"), r.PostFormValue("won") != ""); err != nil {
		s.message(w, http.StatusBadRequest, "That did not work", err.Error())
		return
	}
	back(w, r)
}

func (s *Server) postResend(w http.ResponseWriter, r *http.Request) {
	if err := s.Resend(r.PostFormValue("event")); err != nil {
		s.message(w, http.StatusNotFound, "That did not work", err.Error())
		return
	}
	back(w, r)
}

func (s *Server) postDeauthorize(w http.ResponseWriter, r *http.Request) {
	if err := s.Deauthorize(r.PostFormValue("account")); err != nil {
		s.message(w, http.StatusNotFound, "That did not work", err.Error())
		return
	}
	back(w, r)
}
