package connect

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
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
	signed, signatures, err := parseSignature(header)
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
		if secret == "" {
			continue
		}
		right := webhook.ComputeSignature(signed, payload, secret)
		for _, signature := range signatures {
			if hmac.Equal(signature[:], right) {
				return nil
			}
		}
	}
	return ErrStranger
}

// parseSignature reads the header: pairs like t=1495999758 and v1=<hex>, v1 once for each secret
// that is valid at Stripe. Other pairs are for the future, or for tests of Stripe's own (v0).
// See https://docs.stripe.com/webhooks#verify-manually.
func parseSignature(header string) (signed time.Time, signatures [][sha256.Size]byte, err error) {
	hasTime := false
	for pair := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "t":
			unix, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return signed, nil, errors.New("its time is not a number")
			}
			signed, hasTime = time.Unix(unix, 0), true
		case "v1":
			var signature [sha256.Size]byte
			if len(value) != hex.EncodedLen(len(signature)) {
				continue
			}
			if _, err := hex.Decode(signature[:], []byte(value)); err == nil {
				signatures = append(signatures, signature)
			}
		}
	}
	if !hasTime {
		return signed, nil, errors.New("it has no time")
	}
	return signed, signatures, nil
}
