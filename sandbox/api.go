package sandbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// call is one request to the API, checked and read.
type call struct {
	account string // connected account it is made for; empty for the platform itself
	id      string // first id of the path
	subID   string // second one
	in      object // parameters, with the types of Stripe's description
	file    *upload
	version string // API version that was asked for
	request object // id and idempotency_key, as events tell them
}

// answer is what goes back.
type answer struct {
	status int
	body   []byte
}

// remembered is the answer to an idempotency key.
type remembered struct {
	request [sha256.Size]byte
	made    time.Time
	answer  *answer // nil while the call is under way
}

// keysLive is how long Stripe keeps idempotency keys at least.
const keysLive = 24 * time.Hour

// apiRoutes is the API's table of contents. Patterns are those of Stripe's description.
func (s *Server) apiRoutes() map[string]func(*call) (any, error) {
	return map[string]func(*call) (any, error){
		"GET /v1/account":                   s.getOwnAccount,
		"GET /v1/accounts":                  s.listAccounts,
		"POST /v1/accounts":                 s.createAccount,
		"GET /v1/accounts/{account}":        s.getAccount,
		"POST /v1/accounts/{account}":       s.updateAccount,
		"DELETE /v1/accounts/{account}":     s.deleteAccount,
		"POST /v1/account_links":            s.createAccountLink,
		"GET /v1/balance":                   s.getBalance,
		"GET /v1/charges":                   s.listCharges,
		"GET /v1/charges/{charge}":          s.getter("charge"),
		"GET /v1/checkout/sessions":         s.listSessions,
		"GET /v1/events":                    s.listEvents,
		"GET /v1/events/{id}":               s.getEvent,
		"GET /v1/payment_intents":           s.lister("payment_intent", "customer"),
		"GET /v1/payment_links":             s.lister("payment_link", "active"),
		"POST /v1/payment_links":            s.createLink,
		"GET /v1/prices":                    s.listPrices,
		"POST /v1/prices":                   s.createPrice,
		"GET /v1/prices/{price}":            s.getter("price"),
		"POST /v1/prices/{price}":           s.updatePrice,
		"GET /v1/products":                  s.listProducts,
		"POST /v1/products":                 s.createProduct,
		"GET /v1/products/{id}":             s.getter("product"),
		"POST /v1/products/{id}":            s.updateProduct,
		"GET /v1/refunds":                   s.lister("refund", "charge", "payment_intent"),
		"POST /v1/refunds":                  s.createRefund,
		"GET /v1/refunds/{refund}":          s.getter("refund"),
		"POST /v1/refunds/{refund}":         s.updateRefund,
		"GET /v1/webhook_endpoints":         s.lister("webhook_endpoint"),
		"POST /v1/webhook_endpoints":        s.createEndpoint,
		"GET /v1/balance_transactions":      s.listTransactions,
		"GET /v1/balance_transactions/{id}": s.getter("balance_transaction"),
		"GET /v1/disputes":                  s.lister("dispute", "charge", "payment_intent"),
		"GET /v1/disputes/{dispute}":        s.getter("dispute"),
		"POST /v1/disputes/{dispute}":       s.updateDispute,
		"POST /v1/disputes/{dispute}/close": s.acceptDispute,
		"GET /v1/payouts":                   s.listPayouts,
		"POST /v1/payouts":                  s.createPayout,
		"GET /v1/payouts/{payout}":          s.getter("payout"),
		"POST /v1/payouts/{payout}":         s.updatePayout,
		"POST /v1/payouts/{payout}/cancel":  s.cancelPayout,
		"POST /v1/refunds/{refund}/cancel":  s.cancelRefund,
		"POST /v1/checkout/sessions":        s.createSession,

		"GET /v1/radar/early_fraud_warnings":                       s.lister("radar.early_fraud_warning", "charge", "payment_intent"),
		"GET /v1/radar/early_fraud_warnings/{early_fraud_warning}": s.getter("radar.early_fraud_warning"),
		"GET /v1/files":                     s.lister("file", "purpose"),
		"POST /v1/files":                    s.createFile,
		"GET /v1/files/{file}":              s.getter("file"),
		"GET /v1/reviews":                   s.listOpenReviews,
		"GET /v1/reviews/{review}":          s.getter("review"),
		"POST /v1/reviews/{review}/approve": s.approveReview,

		"GET /v1/payment_intents/{intent}":      s.getter("payment_intent"),
		"GET /v1/payment_links/{payment_link}":  s.getter("payment_link"),
		"POST /v1/payment_links/{payment_link}": s.updateLink,

		"GET /v1/accounts/{account}/capabilities":              s.listCapabilities,
		"GET /v1/accounts/{account}/capabilities/{capability}": s.getCapability,
		"GET /v1/accounts/{account}/external_accounts":         s.listBanks,
		"POST /v1/accounts/{account}/login_links":              s.createLoginLink,
		"POST /v1/accounts/{account}/reject":                   s.rejectAccount,
		"GET /v1/checkout/sessions/{session}":                  s.getter("checkout.session"),
		"POST /v1/checkout/sessions/{session}/expire":          s.expireSession,
		"GET /v1/checkout/sessions/{session}/line_items":       s.lineItems("checkout.session"),
		"GET /v1/payment_links/{payment_link}/line_items":      s.lineItems("payment_link"),
		"GET /v1/webhook_endpoints/{webhook_endpoint}":         s.getter("webhook_endpoint"),
		"POST /v1/webhook_endpoints/{webhook_endpoint}":        s.updateEndpoint,
		"DELETE /v1/webhook_endpoints/{webhook_endpoint}":      s.deleteEndpoint,
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range s.apiRoutes() {
		mux.Handle(pattern, s.api(pattern, handle))
	}
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		s.write(w, failure(&apiError{
			status: http.StatusNotFound, Type: "invalid_request_error",
			Message: "Unrecognized request URL (" + r.Method + ": " + r.URL.Path + ").",
		}))
	})
	s.pageRoutes(mux)
	s.simRoutes(mux)
	return http.NewCrossOriginProtection().Handler(mux)
}

// api is one call of the API: who asks, what for, whether it was asked before, and only then
// the effect.
func (s *Server) api(pattern string, handle func(*call) (any, error)) http.Handler {
	params := description.Params[pattern]
	names := pathNames(pattern)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requestID := s.requestID()
		w.Header().Set("Request-Id", requestID)
		w.Header().Set("Stripe-Version", cmp.Or(r.Header.Get("Stripe-Version"), s.version))

		if err := s.authorize(r); err != nil {
			s.write(w, failure(err))
			return
		}
		if s.tooMany(w) {
			return
		}
		form, file, err := readForm(r)
		if err != nil {
			s.write(w, failure(err))
			return
		}
		c := &call{file: file, account: r.Header.Get("Stripe-Account"), version: w.Header().Get("Stripe-Version")}
		if c.account == s.platform {
			c.account = ""
		}
		if len(names) > 0 {
			c.id = r.PathValue(names[0])
		}
		if len(names) > 1 {
			c.subID = r.PathValue(names[1])
		}
		key := r.Header.Get("Idempotency-Key")
		if r.Method == http.MethodGet {
			key = "" // Stripe ignores it there
		}
		c.request = object{"id": requestID, "idempotency_key": nullable(key)}

		memory, earlier, err := s.remember(c.account, key, fingerprint(r, form))
		if err != nil {
			s.write(w, failure(err))
			return
		}
		if earlier != nil {
			w.Header().Set("Idempotent-Replayed", "true")
			s.write(w, *earlier)
			return
		}

		s.latency(r)
		fault, kept := s.nextFault(r.Method, r.URL.Path)
		if fault != "" && !hasEffect(fault) {
			if kept {
				s.keep(memory, failure(brokenDown))
			} else {
				defer s.forget(c.account, key, memory) // it is in use as long as the call hangs
			}
			s.fail(w, r, fault, answer{})
			return
		}
		result := s.perform(c, key, memory, params, form, handle)
		switch {
		case fault == "":
			s.write(w, result)
			return
		case kept:
			s.keep(memory, failure(brokenDown))
		}
		s.fail(w, r, fault, result)
	})
}

func pathNames(pattern string) (names []string) {
	for _, part := range strings.Split(pattern, "/") {
		if strings.HasPrefix(part, "{") {
			names = append(names, strings.Trim(part, "{}"))
		}
	}
	return names
}

func (s *Server) authorize(r *http.Request) *apiError {
	key, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		key, _, _ = r.BasicAuth() // as curl -u does
	}
	switch {
	case key == "":
		return &apiError{status: http.StatusUnauthorized, Type: "invalid_request_error",
			Message: "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth."}
	case key != s.secretKey:
		shown := key
		if len(shown) > 4 {
			shown = strings.Repeat("*", 8) + shown[len(shown)-4:]
		}
		return &apiError{status: http.StatusUnauthorized, Type: "invalid_request_error", Message: "Invalid API Key provided: " + shown}
	}
	return nil
}

var requestTooLarge = &apiError{status: http.StatusRequestEntityTooLarge, Type: "invalid_request_error", Message: "Request is too large."}

// readForm joins the query and the body, either of which may carry parameters.
func readForm(r *http.Request) (string, *upload, *apiError) {
	if isMultipart(r) {
		return readUpload(r)
	}
	form := r.URL.RawQuery
	if r.Method != http.MethodGet {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return "", nil, tooLargeOr(err, invalid("", "", "The request could not be read."))
		}
		if len(body) > 0 {
			form += "&" + string(body)
		}
	}
	return strings.TrimPrefix(form, "&"), nil, nil
}

// fingerprint tells requests apart; the order of their parameters doesn't matter.
func fingerprint(r *http.Request, form string) [sha256.Size]byte {
	pairs := strings.Split(form, "&")
	slices.Sort(pairs)
	return sha256.Sum256([]byte(r.Method + " " + r.URL.Path + "?" + strings.Join(pairs, "&")))
}

// remember looks an idempotency key up. It returns the answer that the key already has, or
// takes the key for this call. Keys belong to the account that the call is made for.
func (s *Server) remember(account, key string, request [sha256.Size]byte) (*remembered, *answer, *apiError) {
	if key == "" {
		return nil, nil, nil
	}
	if len(key) > 255 {
		return nil, nil, invalid("", "", "Idempotency keys must be at most 255 characters")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetOld()
	known := s.idempotency[account+" "+key]
	switch {
	case known == nil:
		memory := &remembered{request: request, made: s.now()}
		s.idempotency[account+" "+key] = memory
		s.keys = append(s.keys, account+" "+key)
		return memory, nil, nil
	case known.request != request:
		return nil, nil, &apiError{status: http.StatusBadRequest, Type: "idempotency_error",
			Message: "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '" + key + "' if you meant to execute a different request."}
	case known.answer == nil:
		return nil, nil, keyInUse
	}
	return nil, known.answer, nil
}

// forgetOld drops the keys that are too old, oldest first.
func (s *Server) forgetOld() {
	for len(s.keys) > 0 {
		oldest := s.idempotency[s.keys[0]]
		if oldest != nil && s.now().Sub(oldest.made) <= keysLive {
			return
		}
		delete(s.idempotency, s.keys[0])
		s.keys = s.keys[1:]
	}
}

// forget frees a key whose call never began.
func (s *Server) forget(account, key string, memory *remembered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked(account, key, memory)
}

func (s *Server) forgetLocked(account, key string, memory *remembered) {
	if memory != nil && s.idempotency[account+" "+key] == memory {
		delete(s.idempotency, account+" "+key)
	}
}

// perform does the call. Its answer is kept for the idempotency key, errors included, unless
// the parameters were refused before it began: Stripe's own rule.
func (s *Server) perform(c *call, key string, memory *remembered, params *param, form string, handle func(*call) (any, error)) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	refused := func(err *apiError) answer {
		s.forgetLocked(c.account, key, memory)
		return failure(err)
	}
	if c.account != "" && !s.connected(c.account) {
		return refused(noAccess(c.account))
	}
	fields, err := parseForm(form)
	if err != nil {
		return refused(invalid("", "", "Invalid request: %s", err))
	}
	in, refusal := params.read("", fields)
	if refusal != nil {
		return refused(refusal)
	}
	c.in = in.(object)
	result := s.handle(c, handle)
	if memory != nil {
		memory.answer = &result
	}
	return result
}

// keep makes an answer the one that the key gets from now on.
func (s *Server) keep(memory *remembered, told answer) {
	if memory == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	memory.answer = &told
}

var keyInUse = &apiError{status: http.StatusConflict, Type: "idempotency_error", Code: "idempotency_key_in_use",
	Message: "There is currently another in-progress request using this idempotent key. Please try again later."}

func (s *Server) handle(c *call, handle func(*call) (any, error)) answer {
	result, err := handle(c)
	if err == nil {
		result, err = s.expand(c.account, result, children(c.in, "expand"))
	}
	if err != nil {
		return failure(err)
	}
	body, err := json.Marshal(result)
	if err != nil {
		return failure(err)
	}
	return answer{status: http.StatusOK, body: body}
}

// failure is the answer that tells an error; one that isn't the API's own is a 500.
func failure(err error) answer {
	var told *apiError
	if !errors.As(err, &told) {
		told = &apiError{status: http.StatusInternalServerError, Type: "api_error", Message: err.Error()}
	}
	body, _ := json.Marshal(map[string]*apiError{"error": told}) // texts only: can't fail
	return answer{status: told.status, body: body}
}

func (s *Server) write(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	w.Write(a.body) // an answer that can't be written is the caller's loss
}

func (s *Server) requestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newID("req_", 14)
}
