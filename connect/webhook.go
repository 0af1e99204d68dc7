package connect

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

// ErrSignature says that a webhook was not signed by Stripe with one of our secrets, or not
// now. Such a request will never be right.
var ErrSignature = errors.New("webhook signature refused")

// ErrStranger is an ErrSignature: signed now, but with none of our secrets. It is made once:
// forged events come in floods.
var ErrStranger = fmt.Errorf("%w: no secret of ours made it", ErrSignature)

const (
	signatureTolerance = 300 * time.Second // Stripe's own default
	maxSignatureHeader = 4096
)

// Verify checks the Stripe-Signature header over the raw body, with any of the secrets, and
// that it was signed at most 300 s before or after now: stripe-go itself would accept any time
// in the future, and an empty secret. Without a secret nothing verifies.
func Verify(payload []byte, header string, secrets []string, now time.Time) error {
	if len(header) > maxSignatureHeader {
		return fmt.Errorf("%w: the header is too long", ErrSignature)
	}
	signed, err := signedAt(header)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	switch age := now.Sub(signed); {
	case age > signatureTolerance:
		return fmt.Errorf("%w: too old", ErrSignature)
	case age < -signatureTolerance:
		return fmt.Errorf("%w: from the future", ErrSignature)
	}
	for _, secret := range secrets {
		if secret != "" && webhook.ValidatePayloadIgnoringTolerance(payload, header, secret) == nil {
			return nil
		}
	}
	return ErrStranger
}

// signedAt finds the time in the header: the last t, which is the one that stripe-go puts
// under the signature.
func signedAt(header string) (time.Time, error) {
	var t int64
	found := false
	for pair := range strings.SplitSeq(header, ",") {
		value, ok := strings.CutPrefix(pair, "t=")
		if !ok {
			continue
		}
		var err error
		if t, err = strconv.ParseInt(value, 10, 64); err != nil {
			return time.Time{}, errors.New("its time is not a number")
		}
		found = true
	}
	if !found {
		return time.Time{}, errors.New("it has no time")
	}
	return time.Unix(t, 0), nil
}
