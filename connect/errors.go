package connect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// Codes that are ours: no answer of Stripe's stands behind them.
const (
	codeNoAnswer   = "no_answer"         // network error or timeout
	codeUnreadable = "unreadable_answer" // not JSON, cut off, or too large
	codeUnexpected = "unexpected_answer" // JSON, but not what the API promises
	codePaused     = "paused"            // not sent: Stripe asked for fewer calls
	codeTooLong    = "list_too_long"     // more pages than one list may have
	codeInvalid    = "invalid_request"   // refused before anything was sent
)

// Error is why a call to Stripe failed. It never holds a key or a client secret.
type Error struct {
	Op        string // what was being done: "create price"
	Status    int    // HTTP status, 0 without a readable answer
	Code      string // Stripe's code (amount_too_small, …), or one of ours
	Type      string // Stripe's type (invalid_request_error, …)
	Param     string // the parameter that Stripe objects to
	RequestID string // req_…, for Stripe's support
	Message   string
	// RetryAfter is how long Stripe asks to be left alone, 0 = it says nothing.
	RetryAfter time.Duration

	cause error // of a call without an answer, for errors.Is(err, context.Canceled)
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + ": ")
	if e.Status != 0 {
		fmt.Fprintf(&b, "stripe answered %d: ", e.Status)
	}
	if e.Code != "" {
		b.WriteString(e.Code + ": ")
	}
	b.WriteString(e.Message)
	if e.Param != "" {
		b.WriteString(" (parameter " + e.Param + ")")
	}
	if e.RequestID != "" {
		b.WriteString(" [" + e.RequestID + "]")
	}
	return b.String()
}

// Unwrap returns the cause of a call that got no answer, such as context.Canceled.
func (e *Error) Unwrap() error { return e.cause }

// Temporary reports whether the same request with the same idempotency key is worth another
// try: Stripe may have done it already and will say so, or was busy, limiting or down.
func (e *Error) Temporary() bool {
	switch e.Code {
	case codeNoAnswer, codeUnreadable:
		return true
	}
	return e.Status == http.StatusConflict || e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// KeySpent reports whether the idempotency key will bring the same answer again: Stripe keeps
// the outcome of a key's first request for 24 hours, its own failures (500) included. What that
// request may have done has to be looked for, and the next try needs another key.
func (e *Error) KeySpent() bool { return e.Status >= 500 || e.Code == codeUnexpected }

// IsAccountGone reports whether the key has no access to the connected account any more: it
// was disconnected or deleted (account_invalid).
func IsAccountGone(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusForbidden && e.Code == string(stripe.ErrorCodeAccountInvalid)
}

// IsForbidden reports whether Stripe knows the key and does not allow it this call: a restricted
// key lacks a permission.
func IsForbidden(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusForbidden && !IsAccountGone(err)
}

// IsKeyRefused reports whether Stripe does not accept the key at all.
func IsKeyRefused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusUnauthorized
}

// IsMissing reports whether Stripe has no such object on that account (resource_missing), or
// the id can't be one. Ids that visitors bring are told apart by it from an outage.
func IsMissing(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Code == string(stripe.ErrorCodeResourceMissing) || e.Code == codeInvalid)
}

// RetryAfter is how long Stripe asks to be left alone after a failed call, 0 = it says nothing.
func RetryAfter(err error) time.Duration {
	var e *Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.RetryAfter
}

// IsTooLong reports whether a list has more pages than are read of one.
func IsTooLong(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == codeTooLong
}

// UserMessage says in a sentence for people why a call failed.
func UserMessage(err error) string {
	var e *Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		return "Something went wrong on our side. Please try again."
	case IsKeyRefused(err):
		return "Stripe does not accept the secret key of this installation. Whoever runs it can replace the key."
	case IsAccountGone(err):
		return "Stripe no longer gives access to this account. Connect it again to take payments."
	case e.Status == http.StatusTooManyRequests:
		return "Stripe is busy right now. Please try again in a moment."
	case e.Temporary():
		return "Stripe did not answer. Please try again in a moment."
	}
	switch stripe.ErrorCode(e.Code) {
	case stripe.ErrorCodeAmountTooSmall:
		return "The amount is below the smallest that Stripe can charge in this currency."
	case stripe.ErrorCodeAmountTooLarge:
		return "The amount is above the largest that Stripe can charge in this currency."
	case stripe.ErrorCodeTestmodeChargesOnly, "charges_not_allowed":
		return notYetCharging
	case stripe.ErrorCodeCountryUnsupported:
		return "Stripe cannot open an account in this country from here."
	case stripe.ErrorCodeEmailInvalid:
		return "Stripe does not accept this email address."
	case stripe.ErrorCodeChargeAlreadyRefunded:
		return "Nothing is left of this payment: all of it was refunded already."
	case stripe.ErrorCodeChargeDisputed, stripe.ErrorCodeRefundDisputedPayment:
		return "The client's bank has taken this payment back in a dispute. Refunding it as well would pay the client twice, so Stripe refuses."
	case stripe.ErrorCodeBalanceInsufficient, "insufficient_funds":
		return "There is not enough in the Stripe balance for this refund. Add funds in Stripe or wait for the next payments, then refund again."
	case stripe.ErrorCodeResourceMissing:
		return "Stripe no longer knows this. It may have been removed there."
	case codeInvalid, codeUnexpected, codeTooLong:
		return "Something did not fit between this installation and Stripe. Whoever runs it finds the details in the log."
	}
	switch {
	case e.Param == "amount" && e.Op == opRefund:
		return "That is more than what is left of this payment."
	case e.Param == "currency":
		return "Stripe cannot take this currency on this account."
	case e.Param == "country":
		return "Stripe cannot open an account in this country from here."
	case strings.Contains(e.Message, "capability"), strings.Contains(e.Message, "capabilities"):
		return notYetCharging // "You cannot create a charge on a connected account without the `card_payments` capability"
	case e.Message == "":
		return "Stripe refused without saying why."
	}
	return "Stripe refused: " + strings.TrimRight(clip(e.Message, 300), ".") + "."
}

const notYetCharging = "This Stripe account cannot take payments yet. Finish its set-up in Stripe first."

// fail turns what stripe-go returned into an *Error and logs the parts of it that are safe.
func (c *Client) fail(op string, err error) error {
	e := toError(err)
	e.Op = op
	c.log.Warn("stripe call failed", slog.String("op", e.Op), slog.Int("status", e.Status),
		slog.String("type", e.Type), slog.String("stripe_code", e.Code), slog.String("param", e.Param),
		slog.String("request_id", e.RequestID))
	return e
}

func toError(err error) *Error {
	var (
		ours    *Error
		theirs  *stripe.Error
		network *url.Error
	)
	switch {
	case errors.As(err, &ours):
		e := *ours
		return &e
	case errors.As(err, &theirs):
		return &Error{
			Status: theirs.HTTPStatusCode, Code: string(theirs.Code), Type: string(theirs.Type),
			Param: theirs.Param, RequestID: theirs.RequestID, Message: redact(theirs.Msg), RetryAfter: restAfter(theirs),
		}
	case errors.As(err, &network):
		return &Error{Code: codeNoAnswer, Message: redact(network.Err.Error()), cause: network.Err}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: codeNoAnswer, Message: "the answer broke off", cause: err}
	}
	// stripe-go's own text quotes the answer, so it is not repeated.
	return &Error{Code: codeUnreadable, Message: "the answer is cut off, too large, or not Stripe's"}
}

func restAfter(e *stripe.Error) time.Duration {
	if e.LastResponse == nil {
		return 0
	}
	return retryAfter(e.LastResponse.Header)
}

// invalid is an error for a request that is refused before it is sent.
func invalid(message string) *Error { return &Error{Code: codeInvalid, Message: message} }

// unexpected is an error for an answer that does not hold what the API promises.
func unexpected(err error) *Error {
	return &Error{Code: codeUnexpected, Message: redact(err.Error())}
}

// decode reads the object of an answer into v. stripe-go has parsed it before, so an error
// means a field of another kind than ours.
func decode(resp *stripe.APIResponse, v any) error {
	if err := json.Unmarshal(resp.RawJSON, v); err != nil {
		return unexpected(err)
	}
	return nil
}

// secrets matches keys, masked ones too (Stripe's messages quote them), and client secrets.
var secrets = regexp.MustCompile(`\b(sk|rk|pk|whsec)_[A-Za-z0-9_*.…]+|\b[a-z]+_[A-Za-z0-9]+_secret_[A-Za-z0-9]+`)

func redact(s string) string { return secrets.ReplaceAllString(s, "[redacted]") }
