package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// linkLives is how long an account link may be opened, as Stripe's do.
const linkLives = 300 * time.Second

// countries that Stripe opens accounts in, with their currency.
var countries = map[string]string{
	"AE": "aed", "AT": "eur", "AU": "aud", "BE": "eur", "BG": "bgn", "BR": "brl", "CA": "cad",
	"CH": "chf", "CY": "eur", "CZ": "czk", "DE": "eur", "DK": "dkk", "EE": "eur", "ES": "eur",
	"FI": "eur", "FR": "eur", "GB": "gbp", "GI": "gbp", "GR": "eur", "HK": "hkd", "HR": "eur",
	"HU": "huf", "IE": "eur", "IN": "inr", "IS": "eur", "IT": "eur", "JP": "jpy", "LI": "chf",
	"LT": "eur", "LU": "eur", "LV": "eur", "MT": "eur", "MX": "mxn", "MY": "myr", "NL": "eur",
	"NO": "nok", "NZ": "nzd", "PL": "pln", "PT": "eur", "RO": "ron", "SE": "sek", "SG": "sgd",
	"SI": "eur", "SK": "eur", "TH": "thb", "US": "usd",
}

// asked is what a new account has to give before it can be paid.
var asked = []any{
	"business_profile.mcc", "business_profile.url", "business_type", "external_account",
	"representative.dob.day", "representative.dob.month", "representative.dob.year",
	"representative.email", "representative.first_name", "representative.last_name",
	"tos_acceptance.date", "tos_acceptance.ip",
}

// onboarding is an account link that was handed out.
type onboarding struct {
	account    string
	refreshURL string
	returnURL  string
	expires    time.Time
	visit      string // set once it was opened; its form must carry it
	submitted  bool
}

// newPlatform makes the account that the API key belongs to, ready to be paid.
func (s *Server) newPlatform() string {
	account := s.newAccount("US", "standard")
	account["business_profile"].(object)["name"] = "Sandbox platform"
	account["capabilities"] = object{"card_payments": "active", "transfers": "active"}
	account["details_submitted"], account["charges_enabled"], account["payouts_enabled"] = true, true, true
	account["requirements"] = requirements("")
	s.add("platform", "", account)
	return text(account, "id")
}

func (s *Server) newAccount(country, kind string) object {
	account := blank("account")
	account["id"] = s.newID("acct_1", 15)
	account["type"] = kind
	account["country"] = country
	account["default_currency"] = countries[country]
	account["created"] = s.unix()
	account["capabilities"] = object{}
	account["requirements"] = requirements("requirements.past_due", asked...)
	account["future_requirements"] = requirements("")
	account["external_accounts"].(object)["url"] = "/v1/accounts/" + text(account, "id") + "/external_accounts"
	payouts := child(account, "settings")["payouts"].(object)
	payouts["schedule"] = object{"delay_days": int64(2), "interval": "daily"}
	return account
}

// requirements is the hash of that name with what is due now.
func requirements(disabled string, due ...any) object {
	past := []any{}
	if disabled == "requirements.past_due" {
		past = due
	}
	return object{
		"alternatives": []any{}, "current_deadline": nil, "currently_due": append([]any{}, due...),
		"disabled_reason": nullable(disabled), "errors": []any{}, "eventually_due": append([]any{}, due...),
		"past_due": append([]any{}, past...), "pending_verification": []any{},
	}
}

// connected reports whether the platform may act for an account.
func (s *Server) connected(id string) bool {
	r := s.find("", "account", id)
	return r != nil && !truth(r.hidden, "deauthorized")
}

// within is an account as its objects have it, empty for the platform. It must be one that the
// platform may act for.
func (s *Server) within(account string) (string, error) {
	if account == "" || account == s.platform {
		return "", nil
	}
	if !s.connected(account) {
		return "", fmt.Errorf("%s: no such connected account", account)
	}
	return account, nil
}

// canCharge reports whether an account, the platform's for an empty id, may take payments.
func (s *Server) canCharge(id string) bool {
	_, err := s.within(id)
	return err == nil && truth(s.home(id).obj, "charges_enabled")
}

func (s *Server) createAccount(c *call) (any, error) {
	if c.account != "" {
		return nil, invalid("", "", "Connected accounts can't create accounts.")
	}
	kind := text(c.in, "type")
	if kind == "" {
		return nil, invalid("parameter_missing", "type", "Missing required param: type.")
	}
	country := text(c.in, "country")
	if country == "" {
		country = "US"
	}
	if countries[country] == "" {
		return nil, invalid("country_unsupported", "country", "%s is not currently supported by Stripe", country)
	}
	capabilities := child(c.in, "capabilities")
	if capabilities["card_payments"] != nil && capabilities["transfers"] == nil {
		return nil, invalid("", "capabilities", "Accounts do not currently support card_payments without transfers.")
	}
	account := s.newAccount(country, kind)
	if err := setAccount(account, c.in); err != nil {
		return nil, err
	}
	r := s.add("account", "", account)
	s.emit(c, r.id(), "account.updated", account)
	return account, nil
}

// setAccount writes parameters into an account. What people would give on Stripe's own pages
// (company, individual, bank account) is accepted and changes nothing.
func setAccount(account, in object) error {
	for _, key := range []string{"email", "business_type"} {
		if given, ok := in[key]; ok {
			account[key] = nullable(given.(string))
		}
	}
	if currency := text(in, "default_currency"); currency != "" {
		currency, err := checkCurrency(currency)
		if err != nil {
			return err
		}
		account["default_currency"] = currency
	}
	for key, given := range child(in, "business_profile") {
		if _, documented := child(account, "business_profile")[key]; documented {
			child(account, "business_profile")[key] = given
		}
	}
	for name, given := range child(in, "capabilities") {
		if !truth(given.(object), "requested") {
			continue
		}
		status := "inactive"
		if truth(account, "charges_enabled") {
			status = "active"
		}
		child(account, "capabilities")[name] = status
	}
	setMetadata(account, in["metadata"])
	return nil
}

// accountNamed is the account of the path; one without access is 403, as at Stripe.
func (s *Server) accountNamed(c *call) (*record, error) {
	if c.id == s.platform {
		return s.records[s.platform], nil
	}
	if c.account != "" && c.account != c.id || !s.connected(c.id) {
		return nil, noAccess(c.id)
	}
	return s.records[c.id], nil
}

func (s *Server) getAccount(c *call) (any, error) {
	r, err := s.accountNamed(c)
	if err != nil {
		return nil, err
	}
	return r.obj, nil
}

func (s *Server) getOwnAccount(c *call) (any, error) {
	if c.account != "" {
		return s.records[c.account].obj, nil
	}
	return s.records[s.platform].obj, nil
}

func (s *Server) listAccounts(c *call) (any, error) {
	return s.list(c, "account", func(r *record) bool { return !truth(r.hidden, "deauthorized") })
}

func (s *Server) updateAccount(c *call) (any, error) {
	r, err := s.accountNamed(c)
	if err != nil {
		return nil, err
	}
	s.update(c, r, "account.updated", func(account object) { err = setAccount(account, c.in) })
	return r.obj, err
}

func (s *Server) deleteAccount(c *call) (any, error) {
	r, err := s.accountNamed(c)
	if err != nil {
		return nil, err
	}
	if r.id() == s.platform {
		return nil, invalid("", "id", "You cannot delete your own account.")
	}
	s.emit(c, r.id(), "account.application.deauthorized", s.applicationObject())
	r.hidden["deauthorized"] = true
	r.deleted = true
	return object{"id": c.id, "object": "account", "deleted": true}, nil
}

func (s *Server) listCapabilities(c *call) (any, error) {
	r, err := s.accountNamed(c)
	if err != nil {
		return nil, err
	}
	all := []any{}
	for _, name := range sorted(child(r.obj, "capabilities")) {
		all = append(all, s.capability(r, name))
	}
	return whole(all, "/v1/accounts/"+c.id+"/capabilities"), nil
}

func (s *Server) getCapability(c *call) (any, error) {
	r, err := s.accountNamed(c)
	if err != nil {
		return nil, err
	}
	if child(r.obj, "capabilities")[c.subID] == nil {
		return nil, missing(http.StatusNotFound, "capability", "capability", c.subID)
	}
	return s.capability(r, c.subID), nil
}

// capability is what an account may do, as an object; its id is the capability's name.
func (s *Server) capability(account *record, name string) object {
	capability := blank("capability")
	capability["id"] = name
	capability["account"] = account.id()
	capability["requested"] = true
	capability["requested_at"] = account.obj["created"]
	capability["status"] = child(account.obj, "capabilities")[name]
	return capability
}

func (s *Server) createAccountLink(c *call) (any, error) {
	id := text(c.in, "account")
	if !s.connected(id) {
		return nil, noAccess(id)
	}
	account := s.records[id]
	if kind := text(c.in, "type"); kind != "account_onboarding" && text(account.obj, "type") != "custom" {
		return nil, invalid("", "type", "You cannot create `%s` type Account Links for this account. Valid types for this account are: `account_onboarding`.", kind)
	}
	for _, param := range []string{"refresh_url", "return_url"} {
		switch target := text(c.in, param); {
		case target == "":
			return nil, invalid("parameter_missing", param, "You must provide a %s.", param)
		case !isWebURL(target):
			return nil, invalid("url_invalid", param, "Not a valid URL")
		}
	}
	link := &onboarding{
		account: id, expires: s.now().Add(linkLives),
		refreshURL: text(c.in, "refresh_url"), returnURL: text(c.in, "return_url"),
	}
	token := s.newID("", 32)
	s.onboardings[token] = link

	made := blank("account_link")
	made["created"] = s.unix()
	made["expires_at"] = link.expires.Unix()
	made["url"] = s.base + "/onboard/" + token
	return made, nil
}

func (s *Server) createLoginLink(c *call) (any, error) {
	r, err := s.accountNamed(c)
	if err != nil {
		return nil, err
	}
	if text(r.obj, "type") != "express" {
		return nil, invalid("", "", "%s is not an Express account.", c.id)
	}
	if !truth(r.obj, "details_submitted") {
		return nil, invalid("", "", "Cannot create a login link for an account that has not completed onboarding.")
	}
	link := blank("login_link")
	link["created"] = s.unix()
	link["url"] = s.base + "/dashboard/" + c.id
	return link, nil
}

// isWebURL reports whether text is an absolute http or https address.
func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// Outcomes of onboarding: what somebody can do on Stripe's pages, and what Stripe can say.
const (
	OnboardComplete            = "complete"             // everything given, payments and payouts on
	OnboardLeaveEarly          = "leave_early"          // closed half-way
	OnboardPendingVerification = "pending_verification" // everything given, Stripe is looking at it
	OnboardReject              = "reject"               // Stripe refuses the account
	OnboardPayoutsPaused       = "payouts_paused"       // payments on, payouts not yet
	OnboardRestricted          = "restricted"           // Stripe wants to know more, and stops both until then
)

// outcomes are all of them.
var outcomes = []string{
	OnboardComplete, OnboardPayoutsPaused, OnboardRestricted, OnboardPendingVerification, OnboardReject, OnboardLeaveEarly,
}

// Onboard does what somebody does on the onboarding page, or Stripe later on, and tells of every
// step by events. An empty account is the platform's own, which is complete at first.
func (s *Server) Onboard(account, outcome string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.onboard(account, outcome, "")
}

func (s *Server) onboard(id, outcome, business string) error {
	id, err := s.within(id)
	if err != nil {
		return fmt.Errorf("onboard: %w", err)
	}
	r := s.home(id)
	step := func(change func(account object)) { s.update(nil, r, "account.updated", change) }
	if business != "" {
		step(func(account object) { child(account, "business_profile")["name"] = business })
	}
	switch outcome {
	case OnboardLeaveEarly:
		step(func(account object) { account["business_type"] = "company" })
	case OnboardComplete, OnboardPayoutsPaused:
		if s.bankOf(id) == nil {
			s.emit(nil, id, "account.external_account.created", s.newBank(id).obj)
		}
		step(func(account object) {
			submit(account, s.unix())
			account["requirements"] = requirements("")
		})
		s.setCapabilities(r, "active")
		step(func(account object) { account["charges_enabled"] = true })
		if outcome == OnboardComplete {
			step(func(account object) { account["payouts_enabled"] = true })
			return nil
		}
		step(func(account object) {
			account["payouts_enabled"] = false
			account["requirements"] = verifying()
		})
	case OnboardPendingVerification:
		step(func(account object) {
			submit(account, s.unix())
			account["charges_enabled"], account["payouts_enabled"] = false, false
			account["requirements"] = verifying()
		})
		s.setCapabilities(r, "pending")
	case OnboardRestricted:
		step(func(account object) {
			submit(account, s.unix())
			account["charges_enabled"], account["payouts_enabled"] = false, false
			account["requirements"] = requirements("requirements.past_due", "company.tax_id")
		})
		s.setCapabilities(r, "inactive")
	case OnboardReject:
		step(func(account object) {
			submit(account, s.unix())
			account["charges_enabled"], account["payouts_enabled"] = false, false
			account["requirements"] = requirements("rejected.fraud")
		})
		s.setCapabilities(r, "inactive")
	default:
		return fmt.Errorf("onboard %s: unknown outcome %q", id, outcome)
	}
	return nil
}

func submit(account object, now int64) {
	account["details_submitted"] = true
	account["business_type"] = "company"
	child(account, "tos_acceptance")["date"] = now
	if child(account, "business_profile")["name"] == nil {
		child(account, "business_profile")["name"] = "Business " + strings.TrimPrefix(text(account, "id"), "acct_")[:6]
	}
}

func verifying() object {
	r := requirements("requirements.pending_verification")
	r["pending_verification"] = []any{"company.tax_id"}
	return r
}

func (s *Server) setCapabilities(account *record, status string) {
	capabilities := child(account.obj, "capabilities")
	for _, name := range sorted(capabilities) {
		if capabilities[name] != status {
			capabilities[name] = status
			s.emit(nil, concerned(account), "capability.updated", s.capability(account, name))
		}
	}
}

// ErrStays says that an account of this type can't disconnect itself.
var ErrStays = errors.New("express accounts can't disconnect themselves")

// Deauthorize ends the connection of an account from its own side. Every later call for it is
// refused.
func (s *Server) Deauthorize(account string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.connected(account) {
		return fmt.Errorf("deauthorize %s: no such connected account", account)
	}
	if s.answers.ExpressStaysConnected && text(s.records[account].obj, "type") == "express" {
		return fmt.Errorf("deauthorize %s: %w", account, ErrStays)
	}
	s.emit(nil, account, "account.application.deauthorized", s.applicationObject())
	s.records[account].hidden["deauthorized"] = true
	return nil
}

func (s *Server) applicationObject() object {
	return object{"id": s.application, "object": "application", "name": "Sandbox platform"}
}

func (s *Server) rejectAccount(c *call) (any, error) {
	r, err := s.accountNamed(c)
	if err != nil {
		return nil, err
	}
	if text(r.obj, "type") == "standard" {
		return nil, invalid("", "", "You cannot reject a Standard account.")
	}
	reason := text(c.in, "reason")
	if reason != "fraud" && reason != "terms_of_service" && reason != "other" {
		return nil, invalid("", "reason", "Invalid reason: must be one of fraud, terms_of_service, or other")
	}
	s.update(c, r, "account.updated", func(account object) {
		account["charges_enabled"], account["payouts_enabled"] = false, false
		account["requirements"] = requirements("rejected." + reason)
	})
	return r.obj, nil
}
