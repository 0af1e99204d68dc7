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
	s.expireDue()
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
	now := s.now()
	session := blank("checkout.session")
	id := s.newID("cs_test_a1", 56)
	session["id"] = id
	session["amount_subtotal"] = link.hidden["total"]
	session["amount_total"] = link.hidden["total"]
	session["currency"] = link.obj["currency"]
	session["created"] = now.Unix()
	session["expires_at"] = now.Add(sessionLives).Unix()
	session["metadata"] = clone(link.obj["metadata"])
	session["payment_link"] = link.id()
	session["payment_method_types"] = methodTypes(link.obj)
	session["payment_method_options"] = object{}
	session["payment_method_collection"] = "if_required"
	session["status"] = "open"
	session["submit_type"] = link.obj["submit_type"]
	session["ui_mode"] = "hosted"
	session["url"] = s.base + "/checkout/" + id
	session["cancel_url"] = "https://stripe.com"
	session["success_url"] = "https://stripe.com"
	if target := text(child(child(link.obj, "after_completion"), "redirect"), "url"); target != "" {
		session["success_url"] = target
	}
	session["total_details"] = object{"amount_discount": int64(0), "amount_shipping": int64(0), "amount_tax": int64(0)}
	session["customer_creation"] = link.obj["customer_creation"]
	session["allow_promotion_codes"] = link.obj["allow_promotion_codes"]
	session["billing_address_collection"] = link.obj["billing_address_collection"]
	session["phone_number_collection"] = clone(link.obj["phone_number_collection"])
	session["custom_fields"] = clone(link.obj["custom_fields"])
	session["custom_text"] = clone(link.obj["custom_text"])
	session["automatic_tax"] = object{"enabled": false, "liability": nil, "status": nil}
	session["customer_email"] = nullable(q.email)
	if referenceForm.MatchString(q.reference) {
		session["client_reference_id"] = q.reference
	}
	r := s.add("checkout.session", link.account, session)
	r.hidden["lines"] = link.hidden["lines"]
	s.openPages = append(s.openPages, r)
	return r, nil
}

// methodTypes are the ways to pay that a link offers: those it names, or all that fit.
func methodTypes(link object) []any {
	if named := children(link, "payment_method_types"); len(named) > 0 {
		return clone(named).([]any)
	}
	if link["currency"] == "usd" {
		return []any{card, bankDebit}
	}
	return []any{card}
}

// expireDue ends the sessions whose time is over. Sessions live equally long, so the oldest
// is first.
func (s *Server) expireDue() {
	now := s.unix()
	for len(s.openPages) > 0 {
		r := s.openPages[0]
		if r.obj["status"] == "open" {
			if number(r.obj, "expires_at") > now {
				return
			}
			s.expire(nil, r)
		}
		s.openPages = s.openPages[1:]
	}
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
