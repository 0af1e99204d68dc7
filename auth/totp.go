package auth

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// Codes of an authenticator app (RFC 6238) as all of them make them: six digits, another one
// every 30 seconds.
const (
	totpPeriod = 30 // seconds
	totpSecret = 20 // bytes, as many as the RFC recommends

	qrSize   = 200 // pixels
	qrBorder = 16  // of white around it, without which cameras don't find it
)

// TOTPKey is the secret that Trak and an authenticator app share.
type TOTPKey struct{ key *otp.Key }

// NewTOTPKey makes a key for the account with the name, an email.
func NewTOTPKey(account string) (TOTPKey, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Trak", AccountName: account, SecretSize: totpSecret})
	if err != nil {
		return TOTPKey{}, fmt.Errorf("make key for codes: %w", err)
	}
	return TOTPKey{key}, nil
}

// ParseTOTPKey reads what URL has written.
func ParseTOTPKey(url string) (TOTPKey, error) {
	key, err := otp.NewKeyFromURL(url)
	if err != nil {
		return TOTPKey{}, fmt.Errorf("read key for codes: %w", err)
	}
	return TOTPKey{key}, nil
}

// URL is the key as it is stored, sealed, and as apps read it from the QR code.
func (k TOTPKey) URL() string { return k.key.URL() }

// Text is the key for people who type it into their app, in groups of four.
func (k TOTPKey) Text() string { return grouped(k.key.Secret()) }

// Step returns the step of time whose code this is: the present one, the one before or the one
// after, since clocks differ; 0 when it is none of theirs.
func (k TOTPKey) Step(code string, now time.Time) int64 {
	var found int64
	for _, skew := range []int64{-1, 0, 1} {
		step := now.Unix()/totpPeriod + skew
		ok, err := totp.ValidateCustom(code, k.key.Secret(), time.Unix(step*totpPeriod, 0), totp.ValidateOpts{
			Period: totpPeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
		})
		if ok && err == nil {
			found = step
		}
	}
	return found
}

// Code is what an app shows at a time, for tests.
func (k TOTPKey) Code(at time.Time) string {
	code, _ := totp.GenerateCode(k.key.Secret(), at)
	return code
}

// QRCode is the key as a picture, PNG in base64.
func (k TOTPKey) QRCode() (string, error) {
	code, err := k.key.Image(qrSize, qrSize)
	if err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	framed := image.NewGray(image.Rect(0, 0, qrSize+2*qrBorder, qrSize+2*qrBorder))
	draw.Draw(framed, framed.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(framed, code.Bounds().Add(image.Pt(qrBorder, qrBorder)), code, code.Bounds().Min, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, framed); err != nil {
		return "", fmt.Errorf("encode QR code: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// NewRecoveryCode returns 80 random bits as people can write them down.
func NewRecoveryCode() string {
	b := make([]byte, 10)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return strings.ToLower(grouped(base32.StdEncoding.EncodeToString(b)))
}

// PlainCode is a code without what people put between its parts. Of a recovery code it is what is
// hashed.
func PlainCode(code string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, code))
}

// grouped puts a space after each four characters.
func grouped(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
