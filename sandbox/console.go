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
	Own, Connected           bool // Own is the platform's
}

type linkRow struct{ ID, URL, Title, State string }

type paymentRow struct {
	ID, Account, Currency, Status, Method string
	Amount, Refunded                      int64
	Refundable, Disputable, Reviewable    bool
}

type disputeRow struct {
	ID, Charge, Currency, Reason, Status, Due string
	Amount                                    int64
	Evidence                                  []evidenceRow
	Open, Inquiry                             bool
}

type evidenceRow struct{ Part, Says string }

type payoutRow struct {
	ID, Account, Currency, Kind, Status, Arrives string
	Amount                                       int64
	Pending, Returnable                          bool
}

type reviewRow struct{ ID, Charge, Reason string }

type bankRow struct{ ID, Name, Holder, Status string }

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
	Reviews            []reviewRow
	Payouts            []payoutRow
	Events             []eventRow
	Knobs              Knobs
	Calls              Calls
	Away               string // until when, empty when it isn't
	AwayHours          int64
	Outcomes           []string
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
		Knobs: s.knobs, Calls: s.calls, Outcomes: outcomes, Faults: append([]string{""}, Faults...), Answers: answerRows(s.answers), Now: s.now().UTC().Format("2 Jan 2006 15:04"),
		Unsettled: len(s.debits) + len(s.unsettledRefunds), Waiting: len(s.sender.due) + len(s.sender.timers),
	}
	if s.unix() < s.knobs.AwayUntil {
		p.Away, p.AwayHours = shortTime(s.knobs.AwayUntil), (s.knobs.AwayUntil-s.unix()+3599)/3600
	}
	for _, r := range append(s.newest("platform"), s.newest("account")...) {
		p.Accounts = append(p.Accounts, s.accountRow(r))
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
		p.Disputes = append(p.Disputes, newDisputeRow(r))
	}
	for _, r := range s.newest("review") {
		if truth(r.obj, "open") {
			p.Reviews = append(p.Reviews, reviewRow{r.id(), text(r.obj, "charge"), text(r.obj, "reason")})
		}
	}
	for _, r := range s.newest("payout") {
		row := payoutRow{
			ID: r.id(), Account: s.owner(r), Currency: text(r.obj, "currency"), Kind: "by hand", Status: text(r.obj, "status"),
			Arrives: shortTime(number(r.obj, "arrival_date")), Amount: number(r.obj, "amount"),
			Pending: r.obj["status"] == "pending", Returnable: isUnderWay(r) || r.obj["status"] == "paid",
		}
		if truth(r.obj, "automatic") {
			row.Kind = "automatic"
		}
		p.Payouts = append(p.Payouts, row)
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

func shortTime(unix int64) string { return time.Unix(unix, 0).UTC().Format("2 Jan 15:04") }

func (s *Server) accountRow(r *record) accountRow {
	row := accountRow{
		ID: r.id(), Name: text(child(r.obj, "business_profile"), "name"), Country: text(r.obj, "country"),
		Own: r.kind == "platform", Connected: r.kind == "platform" || s.connected(r.id()),
	}
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
	return row
}

func newDisputeRow(r *record) disputeRow {
	row := disputeRow{
		ID: r.id(), Charge: text(r.obj, "charge"), Currency: text(r.obj, "currency"), Reason: text(r.obj, "reason"),
		Status: text(r.obj, "status"), Due: shortTime(number(child(r.obj, "evidence_details"), "due_by")),
		Amount: number(r.obj, "amount"), Open: !isClosed(r), Inquiry: isInquiry(r),
	}
	evidence := child(r.obj, "evidence")
	for _, part := range sorted(evidence) {
		if says := text(evidence, part); says != "" {
			row.Evidence = append(row.Evidence, evidenceRow{strings.ReplaceAll(part, "_", " "), says})
		}
	}
	return row
}

func (s *Server) paymentRow(r *record) paymentRow {
	details := child(r.obj, "payment_method_details")
	method := child(details, text(details, "type"))
	return paymentRow{
		ID: r.id(), Account: s.owner(r), Currency: text(r.obj, "currency"), Status: text(r.obj, "status"),
		Method: "•••• " + text(method, "last4"), Amount: number(r.obj, "amount"), Refunded: number(r.obj, "amount_refunded"),
		Refundable: r.obj["status"] == "succeeded" && number(r.obj, "amount_refunded") < number(r.obj, "amount_captured") && !s.chargedBack(r),
		Disputable: r.obj["status"] == "succeeded" && !truth(r.obj, "disputed"),
		Reviewable: r.obj["status"] == "succeeded" && r.obj["review"] == nil,
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
	var banks []bankRow
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
	for _, r := range s.lists[listKey{account, "bank_account"}] {
		if !r.deleted {
			banks = append(banks, bankRow{r.id(), text(r.obj, "bank_name") + " •••• " + text(r.obj, "last4"), text(r.obj, "account_holder_name"), text(r.obj, "status")})
		}
	}
	s.mu.Unlock()
	if !found {
		s.message(w, http.StatusNotFound, "Account not found", "This account does not exist.")
		return
	}
	s.page(w, http.StatusOK, "dashboard.html", "", map[string]any{"ID": id, "Name": name, "Balances": balances, "Banks": banks, "Table": paymentTable{payments, id}})
}
