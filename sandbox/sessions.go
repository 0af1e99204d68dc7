package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// sessionLives is how long a Checkout page can be paid on.
const sessionLives = 24 * time.Hour

// Reasons why a link's page offers nothing to pay.
var (
	ErrNoLink   = errors.New("no such payment link")
	ErrInactive = errors.New("the payment link is no longer active")
	ErrUsedUp   = errors.New("the payment link has been used")
	ErrRefused  = errors.New("the address of the payment link is not understood")
)

// Checkout opens a Payment Link, named by its id or its address, as a browser does: it makes
// a Checkout session and returns its id.
func (s *Server) Checkout(link string) (sessionID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	r := s.records[link]
	if token, isURL := strings.CutPrefix(link, s.base+"/pay/"); isURL {
		token, _, _ = strings.Cut(token, "?")
		r = s.linkTokens[token]
	}
	session, err := s.openSession(r, pageQuery{})
	if err != nil {
		return "", fmt.Errorf("open payment link %s: %w", link, err)
	}
	return session.id(), nil
}

// pageQuery is what the address of a link may carry: hints for the form, never identity.
type pageQuery struct{ reference, email string }

var referenceForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// openSession makes a Checkout session of a link. The link's limit of completed sessions is
// looked at now and not when it is paid, so that two pages opened before either is paid can
// both be paid, as Stripe documents.
func (s *Server) openSession(link *record, q pageQuery) (*record, error) {
	switch {
	case link == nil || link.kind != "payment_link":
		return nil, ErrNoLink
	case !truth(link.obj, "active") || !s.canCharge(link.account):
		return nil, ErrInactive
	case usedUp(link.obj):
		return nil, ErrUsedUp
	case q.reference != "" && s.answers.LongReferenceIsRefused && !referenceForm.MatchString(q.reference):
		return nil, ErrRefused
	}
	r := s.newSession(link.account, link.obj, link.hidden["lines"].([]any), number(link.hidden, "total"), sessionLives, q)
	s.refer(r, "payment_link", link.id())
	return r, nil
}

// newSession makes a session from what a link says, or a call.
func (s *Server) newSession(account string, link object, lines []any, total int64, lives time.Duration, q pageQuery) *record {
	now := s.unix()
	session := blank("checkout.session")
	id := s.newID("cs_test_a1", 56)
	session["id"] = id
	session["amount_subtotal"] = total
	session["amount_total"] = total
	session["currency"] = link["currency"]
	session["created"] = now
	session["expires_at"] = now + int64(lives.Seconds())
	session["metadata"] = clone(link["metadata"])
	session["payment_method_types"] = methodTypes(link)
	session["payment_method_options"] = object{}
	session["payment_method_collection"] = "if_required"
	session["status"] = "open"
	session["submit_type"] = link["submit_type"]
	session["ui_mode"] = "hosted"
	session["url"] = s.base + "/checkout/" + id
	session["cancel_url"] = "https://stripe.com"
	session["success_url"] = "https://stripe.com"
	if target := text(child(child(link, "after_completion"), "redirect"), "url"); target != "" {
		session["success_url"] = target
	}
	session["total_details"] = object{"amount_discount": int64(0), "amount_shipping": int64(0), "amount_tax": int64(0)}
	session["customer_creation"] = link["customer_creation"]
	session["allow_promotion_codes"] = link["allow_promotion_codes"]
	session["billing_address_collection"] = link["billing_address_collection"]
	session["phone_number_collection"] = clone(link["phone_number_collection"])
	session["custom_fields"] = clone(link["custom_fields"])
	session["custom_text"] = clone(link["custom_text"])
	session["automatic_tax"] = object{"enabled": false, "liability": nil, "status": nil}
	session["customer_email"] = nullable(q.email)
	if referenceForm.MatchString(q.reference) {
		session["client_reference_id"] = q.reference
	}
	r := s.add("checkout.session", account, session)
	r.hidden["lines"] = lines
	s.setAlarm(r)
	return r
}

// methodTypes are the ways to pay that a link offers: those it names, or all that fit.
func methodTypes(link object) []any {
	if named := children(link, "payment_method_types"); len(named) > 0 {
		return clone(named).([]any)
	}
	switch link["currency"] {
	case "usd":
		return []any{card, bankDebit}
	case "eur":
		return []any{card, sepaDebit}
	}
	return []any{card}
}

// createSession makes a Checkout session by a call, without a link: of prices that exist, or of
// amounts that the call names.
func (s *Server) createSession(c *call) (any, error) {
	if !s.canCharge(c.account) {
		return nil, invalid("", "", "Your account cannot currently make charges.")
	}
	if mode := text(c.in, "mode"); mode != "payment" {
		return nil, invalid("", "mode", "The sandbox makes sessions of mode payment only.")
	}
	if !isWebURL(text(c.in, "success_url")) {
		return nil, invalid("url_invalid", "success_url", "Not a valid URL")
	}
	if len(text(c.in, "client_reference_id")) > 200 {
		return nil, invalid("", "client_reference_id", "Invalid string: must be at most 200 characters")
	}
	lives := sessionLives
	if at := number(c.in, "expires_at"); at != 0 {
		if lives = time.Unix(at, 0).Sub(s.now()); lives < 30*time.Minute-time.Second || lives > sessionLives+time.Second {
			return nil, invalid("", "expires_at", "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.")
		}
	}
	items := clone(children(c.in, "line_items")).([]any)
	for i, item := range items {
		if err := s.priceOf(c, item.(object), fmt.Sprintf("line_items[%d]", i)); err != nil {
			return nil, err
		}
	}
	lines, total, currency, err := s.addUp(c.account, items)
	if err != nil {
		return nil, err
	}
	origin := blank("payment_link")
	origin["currency"], origin["metadata"], origin["payment_method_types"] = currency, object{}, c.in["payment_method_types"]
	origin["submit_type"] = nullable(text(c.in, "submit_type"))
	origin["after_completion"] = object{"type": "redirect", "redirect": object{"url": c.in["success_url"]}}
	if c.account != "" {
		origin["application"] = s.application
	}
	setMetadata(origin, c.in["metadata"])
	if data := child(c.in, "payment_intent_data"); data != nil {
		origin["payment_intent_data"] = object{"metadata": object{}}
		for key, value := range data {
			origin["payment_intent_data"].(object)[key] = value
		}
		origin["application_fee_amount"] = data["application_fee_amount"]
	}
	r := s.newSession(c.account, origin, lines, total, lives, pageQuery{reference: text(c.in, "client_reference_id"), email: text(c.in, "customer_email")})
	r.hidden["origin"] = origin
	return r.obj, nil
}

// priceOf makes the price of a line that names an amount.
func (s *Server) priceOf(c *call, item object, at string) error {
	data := child(item, "price_data")
	if data == nil {
		return nil
	}
	made, err := s.createPrice(&call{account: c.account, request: c.request, in: clone(data).(object)})
	if err != nil {
		return err
	}
	delete(item, "price_data")
	item["price"] = text(made.(object), "id")
	return nil
}

// expire closes a session's page; an intent that was begun there is canceled.
func (s *Server) expire(c *call, r *record) {
	r.obj["status"] = "expired"
	r.obj["url"] = nil
	if intent := s.records[text(r.obj, "payment_intent")]; intent != nil {
		intent.obj["status"] = "canceled"
		intent.obj["canceled_at"] = s.unix()
		intent.obj["cancellation_reason"] = "automatic"
		intent.obj["next_action"] = nil
		s.emit(c, r.account, "payment_intent.canceled", intent.obj)
	}
	s.emit(c, r.account, "checkout.session.expired", r.obj)
}

func (s *Server) expireSession(c *call) (any, error) {
	r, err := s.named(c, "checkout.session")
	if err != nil {
		return nil, err
	}
	if r.obj["status"] != "open" {
		return nil, invalid("", "", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of %s.", text(r.obj, "status"))
	}
	s.expire(c, r)
	return r.obj, nil
}

func (s *Server) listSessions(c *call) (any, error) {
	details := child(c.in, "customer_details")
	return s.list(c, "checkout.session", func(r *record) bool {
		email, given := details["email"]
		return matches(r.obj, c.in, "payment_link", "payment_intent", "status", "customer", "subscription") &&
			(!given || child(r.obj, "customer_details")["email"] == email)
	})
}

// session is a session of any account: its page is public.
func (s *Server) session(id string) (*record, error) {
	r := s.records[id]
	if r == nil || r.kind != "checkout.session" {
		return nil, missing(http.StatusNotFound, "session", "checkout.session", id)
	}
	return r, nil
}
