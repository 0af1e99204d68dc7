package connect

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

const secret = "whsec_current"

var signingTime = time.Unix(1701600000, 0)

func mac(at time.Time, payload, secret string) string {
	return hex.EncodeToString(webhook.ComputeSignature(at, []byte(payload), secret))
}

// Attacks A2 and A3.
func TestVerify(t *testing.T) {
	t.Parallel()
	const body = `{"id":"evt_1"}`
	now := signingTime
	good := mac(now, body, secret)
	header := func(at time.Time, secret string) string {
		return fmt.Sprintf("t=%d,v1=%s", at.Unix(), mac(at, body, secret))
	}
	ours := []string{secret}
	tests := []struct {
		name    string
		header  string
		secrets []string
		ok      bool
	}{
		{"signed now", header(now, secret), ours, true},
		{"two v1, the second is ours", fmt.Sprintf("t=%d,v1=%s,v1=%s", now.Unix(), mac(now, body, "whsec_x"), good), ours, true},
		{"upper-case hex", fmt.Sprintf("t=%d,v1=%s", now.Unix(), strings.ToUpper(good)), ours, true},
		{"unknown parts", fmt.Sprintf("t=%d,v9=zz,v1=%s,v0=aa", now.Unix(), good), ours, true},
		{"a v1 that is no hex beside ours", fmt.Sprintf("t=%d,v1=zz,v1=%s", now.Unix(), good), ours, true},
		{"t twice, the last is signed", fmt.Sprintf("t=1,t=%d,v1=%s", now.Unix(), good), ours, true},
		{"300 s old", header(now.Add(-300*time.Second), secret), ours, true},
		{"300 s ahead", header(now.Add(300*time.Second), secret), ours, true},
		{"rotated: the new secret", header(now, secret), []string{"whsec_old", secret}, true},
		{"rotated: the old secret", header(now, "whsec_old"), []string{"whsec_old", secret}, true},

		{"no header", "", ours, false},
		{"garbage", "garbage", ours, false},
		{"wrong secret", header(now, "whsec_wrong"), ours, false},
		{"only v0", fmt.Sprintf("t=%d,v0=%s", now.Unix(), good), ours, false},
		{"no t", "v1=" + good, ours, false},
		{"t is not a number", "t=now,v1=" + good, ours, false},
		{"t out of range", "t=99999999999999999999,v1=" + good, ours, false},
		{"301 s old", header(now.Add(-301*time.Second), secret), ours, false},
		{"301 s ahead", header(now.Add(301*time.Second), secret), ours, false},
		{"an hour ahead", header(now.Add(time.Hour), secret), ours, false},
		{"ten years ahead", header(now.AddDate(10, 0, 0), secret), ours, false},
		{"as far ahead as int64 goes", "t=9223372036854775807,v1=" + mac(time.Unix(1<<63-1, 0), body, secret), ours, false},
		{"fresh t after the signed old one", fmt.Sprintf("t=1,v1=%s,t=%d", mac(time.Unix(1, 0), body, secret), now.Unix()), ours, false},
		{"old t after a fresh signed one", fmt.Sprintf("t=%d,v1=%s,t=1", now.Unix(), good), ours, false},
		{"space after the comma", fmt.Sprintf("t=%d, v1=%s", now.Unix(), good), ours, false},
		{"a pair with two equal signs", fmt.Sprintf("t=%d,v1==%s", now.Unix(), good), ours, false},
		{"empty v1", fmt.Sprintf("t=%d,v1=", now.Unix()), ours, false},
		{"no secret", header(now, secret), nil, false},
		{"empty secret, signed with it", header(now, ""), []string{""}, false},
		{"empty secret beside ours, signed with the empty one", header(now, ""), []string{"", secret}, false},
		{"a header without end", header(now, secret) + strings.Repeat(",v1=aa", 1000), ours, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := Verify([]byte(body), tt.header, tt.secrets, now)
			if tt.ok && err != nil {
				t.Errorf("refused: %v", err)
			}
			if !tt.ok && !errors.Is(err, ErrSignature) {
				t.Errorf("got %v, want ErrSignature", err)
			}
			if err != nil && strings.Contains(err.Error(), "whsec_") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	for _, altered := range []string{`{"id":"evt_2"}`, `{"id": "evt_1"}`, `{"id":"evt_1"} `, ``} {
		if err := Verify([]byte(altered), header(now, secret), ours, now); !errors.Is(err, ErrSignature) {
			t.Errorf("altered body %q: %v", altered, err)
		}
	}
}

// signedByHand reads a header in the plainest way: some v1 is the MAC of the last time and the body.
func signedByHand(payload []byte, header string) bool {
	last, signatures := "", []string{}
	for _, pair := range strings.Split(header, ",") {
		switch key, value, _ := strings.Cut(pair, "="); key {
		case "t":
			last = value
		case "v1":
			signatures = append(signatures, strings.ToLower(value))
		}
	}
	at, err := strconv.ParseInt(last, 10, 64)
	if err != nil || at < signingTime.Unix()-300 || at > signingTime.Unix()+300 {
		return false
	}
	right := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(right, "%d.%s", at, payload)
	return slices.Contains(signatures, hex.EncodeToString(right.Sum(nil)))
}

func FuzzVerify(f *testing.F) {
	const body = `{"id":"evt_1"}`
	good := mac(signingTime, body, secret)
	for _, h := range []string{"", "t=1701600000,v1=" + good, "t=1701600000,v1=" + good + ",v1=", "t=,v1=", "t=1,t=1701600000,v1=" + good,
		"v1=" + good, "t=-9223372036854775808,v1=00", "t==1,v1=" + good, ",,,,", "t=1701600000, v1=" + good} {
		f.Add([]byte(body), h)
	}
	files, _ := filepath.Glob("testdata/events/*.json")
	for _, name := range files { // each signed, so that what is altered is near to what is right
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "t=1701600000,v1="+mac(signingTime, string(b), secret))
	}
	f.Fuzz(func(t *testing.T, payload []byte, header string) {
		if Verify(payload, header, []string{""}, signingTime) == nil {
			t.Error("an empty secret verified")
		}
		if Verify(payload, header, []string{"whsec_other", secret}, signingTime) != nil {
			return
		}
		if !signedByHand(payload, header) {
			t.Errorf("a wrong signature verified: %q", header)
		}
	})
}
