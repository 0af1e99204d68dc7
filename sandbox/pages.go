package sandbox

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{"shown": shown}).ParseFS(pageFiles, "pages/*.html"))

// pageRoutes are the pages that people see: Stripe's hosted ones, and the sandbox's own.
func (s *Server) pageRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /onboard/{token}", s.getOnboard)
	mux.HandleFunc("POST /onboard/{token}", s.postOnboard)

	mux.HandleFunc("GET /pay/{token}", s.getPay)
	mux.HandleFunc("GET /checkout/{session}", s.getCheckout)
	mux.HandleFunc("POST /checkout/{session}", s.postCheckout)
	mux.HandleFunc("GET /checkout/{session}/authenticate", s.getAuthenticate)
	mux.HandleFunc("POST /checkout/{session}/authenticate", s.postAuthenticate)

	mux.HandleFunc("GET /dashboard/{account}", s.getDashboard)
	mux.HandleFunc("GET /{$}", s.getConsole)
	mux.HandleFunc("POST /sandbox/knobs", s.postKnobs)
	mux.HandleFunc("POST /sandbox/answers", s.postAnswers)
	mux.HandleFunc("POST /sandbox/clock", s.postClock)
	s.actionRoutes(mux)
	mux.HandleFunc("GET /sandbox/sandbox.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, pageFiles, "pages/sandbox.css")
	})
}

// page writes a page. Its forms may lead, through a redirect, to the address target besides
// to the sandbox itself; a browser checks that against the policy too.
func (s *Server) page(w http.ResponseWriter, status int, name, target string, data any) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, data); err != nil {
		s.log.Error("sandbox page", "page", name, "error", err)
		http.Error(w, "This page could not be made.", http.StatusInternalServerError)
		return
	}
	actions := "'self'"
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		actions += " " + u.Scheme + "://" + u.Host
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action "+actions)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(out.Bytes())
}

// message is a page that says one thing.
func (s *Server) message(w http.ResponseWriter, status int, title, text string) {
	s.page(w, status, "message.html", "", map[string]string{"Title": title, "Text": text})
}

// getOnboard opens an account link. It works once and for five minutes; later it leads to the
// refresh address, where a new one is made.
func (s *Server) getOnboard(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	link := s.onboardings[r.PathValue("token")]
	var visit, business, refresh, target string
	open := false
	if link != nil {
		refresh, target = link.refreshURL, link.returnURL
		open = link.visit == "" && s.now().Before(link.expires) && s.connected(link.account)
	}
	if open {
		link.visit = s.newID("", 24)
		visit = link.visit
		business = text(child(s.records[link.account].obj, "business_profile"), "name")
	}
	s.mu.Unlock()
	switch {
	case link == nil:
		s.message(w, http.StatusNotFound, "Link not found", "This onboarding link does not exist.")
	case !open:
		http.Redirect(w, r, refresh, http.StatusSeeOther)
	default:
		s.page(w, http.StatusOK, "onboard.html", target, map[string]string{"Visit": visit, "Business": business})
	}
}

func (s *Server) postOnboard(w http.ResponseWriter, r *http.Request) {
	visit, outcome, business := r.PostFormValue("visit"), r.PostFormValue("outcome"), strings.TrimSpace(r.PostFormValue("business"))
	s.mu.Lock()
	link := s.onboardings[r.PathValue("token")]
	var err error
	to := ""
	if link != nil {
		to = link.refreshURL
		if link.visit != "" && link.visit == visit && !link.submitted {
			to = link.returnURL
			if err = s.onboard(link.account, outcome, business); err == nil {
				link.submitted = true
			}
		}
	}
	s.mu.Unlock()
	switch {
	case link == nil:
		s.message(w, http.StatusNotFound, "Link not found", "This onboarding link does not exist.")
	case err != nil:
		s.message(w, http.StatusBadRequest, "That did not work", err.Error())
	default:
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// getPay opens a Payment Link: it makes a Checkout session and leads to its page.
func (s *Server) getPay(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		return // a look at the link is no visit
	}
	query := r.URL.Query()
	s.mu.Lock()
	s.catchUp()
	link := s.linkTokens[r.PathValue("token")]
	session, err := s.openSession(link, pageQuery{reference: query.Get("client_reference_id"), email: query.Get("prefilled_email")})
	why := ""
	if err != nil && link != nil {
		why = text(link.obj, "inactive_message")
	}
	s.mu.Unlock()
	switch {
	case errors.Is(err, ErrNoLink):
		s.message(w, http.StatusNotFound, "Link not found", "This payment link does not exist.")
	case errors.Is(err, ErrUsedUp):
		if why == "" {
			why = "It has been paid already, as often as it can be."
		}
		s.message(w, http.StatusGone, "This payment link has been used", why)
	case err != nil:
		if why == "" {
			why = "Ask whoever sent it to you for a new one."
		}
		s.message(w, http.StatusGone, "This payment link is no longer active", why)
	default:
		http.Redirect(w, r, "/checkout/"+session.id(), http.StatusSeeOther)
	}
}

// checkoutPage is what the Checkout page shows.
type checkoutPage struct {
	Seller, Title, Currency string
	Amount                  int64
	Methods                 []methodTab
	Kind                    string // the payment method whose form is shown
	Problem                 string
	Typed                   Card
	Hints                   []string
	target                  string
	status, thanks          string
}

type methodTab struct {
	Name, Link string
	Selected   bool
}

// checkout gathers what the page of a session shows; kind is the payment method chosen.
func (s *Server) checkout(id, kind string) (checkoutPage, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	session, err := s.session(id)
	if err != nil {
		return checkoutPage{}, false
	}
	origin := s.origin(session)
	seller := s.records[s.owner(session)]
	p := checkoutPage{
		Seller:   text(child(seller.obj, "business_profile"), "name"),
		Title:    s.title(session),
		Amount:   number(session.obj, "amount_total"),
		Currency: text(session.obj, "currency"),
		Kind:     card,
		Typed:    Card{Email: text(session.obj, "customer_email")},
		target:   text(child(child(origin, "after_completion"), "redirect"), "url"),
		status:   text(session.obj, "status"),
		thanks:   text(child(child(origin, "after_completion"), "hosted_confirmation"), "custom_message"),
	}
	p.target = strings.ReplaceAll(p.target, "{CHECKOUT_SESSION_ID}", id)
	if intent := s.records[text(session.obj, "payment_intent")]; intent != nil {
		p.Problem = text(child(intent.obj, "last_payment_error"), "message")
	}
	if kind != "" && offers(session.obj, kind) {
		p.Kind = kind
	}
	names := map[string]string{card: "Card", bankDebit: "Bank debit", sepaDebit: "SEPA debit"}
	for _, offered := range []string{card, bankDebit, sepaDebit} {
		if offers(session.obj, offered) {
			p.Methods = append(p.Methods, methodTab{names[offered], "/checkout/" + id + "?method=" + offered, offered == p.Kind})
		}
	}
	for _, m := range methods {
		if m.kind == p.Kind {
			p.Hints = append(p.Hints, m.number+" "+m.hint)
		}
	}
	return p, true
}

func (s *Server) getCheckout(w http.ResponseWriter, r *http.Request) {
	p, found := s.checkout(r.PathValue("session"), r.FormValue("method"))
	switch {
	case !found:
		s.message(w, http.StatusNotFound, "Page not found", "This checkout page does not exist.")
	case p.status == "expired":
		s.message(w, http.StatusGone, "This page has expired", "Open the payment link again to pay.")
	case p.status == "complete":
		if p.thanks == "" {
			p.thanks = "Your payment was received. You can close this page."
		}
		s.message(w, http.StatusOK, "Thank you", p.thanks)
	default:
		s.page(w, http.StatusOK, "checkout.html", p.target, p)
	}
}

func (s *Server) postCheckout(w http.ResponseWriter, r *http.Request) {
	id, kind := r.PathValue("session"), card
	if method := r.PostFormValue("method"); method == bankDebit || method == sepaDebit {
		kind = method
	}
	typed := Card{
		Number: strings.TrimSpace(r.PostFormValue("number")), Expiry: strings.TrimSpace(r.PostFormValue("expiry")),
		CVC: strings.TrimSpace(r.PostFormValue("cvc")), Email: strings.TrimSpace(r.PostFormValue("email")),
	}
	var outcome Outcome
	var err error
	if typed.Email == "" || typed.Number == "" || kind == card && (typed.Expiry == "" || typed.CVC == "") {
		outcome = Outcome{Status: Declined, Message: "Fill in every field, please."}
	} else {
		s.mu.Lock()
		outcome, err = s.pay(id, kind, typed)
		s.mu.Unlock()
	}
	if err != nil {
		http.Redirect(w, r, "/checkout/"+url.PathEscape(id), http.StatusSeeOther) // its page says why
		return
	}
	if outcome.RedirectURL != "" {
		http.Redirect(w, r, outcome.RedirectURL, http.StatusSeeOther)
		return
	}
	p, found := s.checkout(id, kind)
	if !found {
		s.message(w, http.StatusNotFound, "Page not found", "This checkout page does not exist.")
		return
	}
	p.Problem, p.Typed = outcome.Message, typed
	s.page(w, http.StatusPaymentRequired, "checkout.html", p.target, p)
}

func (s *Server) getAuthenticate(w http.ResponseWriter, r *http.Request) {
	p, found := s.checkout(r.PathValue("session"), card)
	if !found || p.status != "open" {
		http.Redirect(w, r, "/checkout/"+url.PathEscape(r.PathValue("session")), http.StatusSeeOther)
		return
	}
	s.page(w, http.StatusOK, "authenticate.html", p.target, p)
}

func (s *Server) postAuthenticate(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("session")
	outcome, err := s.Authenticate(id, r.PostFormValue("result") == "complete")
	if err != nil || outcome.RedirectURL == "" {
		http.Redirect(w, r, "/checkout/"+url.PathEscape(id), http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, outcome.RedirectURL, http.StatusSeeOther)
}
