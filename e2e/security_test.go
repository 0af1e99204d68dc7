package e2e

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

const security = "/account/security"

// passkeys signs in with a passkey of a device that asks for a finger, and confirms with it.
func passkeys(t *testing.T, s *suite, on screen) {
	demo := s.demoAt(t, "localhost:0") // browsers know no passkeys by an IP address
	p := demo.signedIn("owner", on)
	p.device()
	p.to(security)
	p.fill(textbox("Name of a new passkey"), "Door key")
	p.click(button("Add a passkey"))
	p.says("Passkey added.")
	p.see(textbox("Name of the passkey Door key"))

	p.menu()
	p.click(target{role: "DisclosureTriangle", name: "Your account"})
	p.click(button("Sign out"))
	p.see(button("Sign in"))
	p.to("/signin?next=" + security)
	p.click(button("Use a passkey"))
	p.see(title("Security"))
	p.says("last used just now")

	p.click(button("Remove the passkey Door key"))
	p.says("It no longer signs in.")
	p.menu()
	p.click(target{role: "DisclosureTriangle", name: "Your account"})
	p.click(button("Sign out"))
	p.see(button("Sign in"))
	p.click(button("Use a passkey"))
	p.says("This passkey did not work")
}

// device gives the page's browser an authenticator that always says yes.
func (p *page) device() {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, webauthn.Enable, webauthn.EnableParams{})
	p.must("turn on authenticators", err)
	_, err = chromedp.Call(p.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	p.must("add an authenticator", err)
}

// secondFactor sets codes up and signs in with one, without scripts.
func secondFactor(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("member", on)
	p.withoutScripts()
	p.to(security)
	p.click(button("Set up"))
	p.see(title("Set up a second factor"))
	p.see(target{role: "image", name: "QR code with the key below"})
	key := eval[string](p, "document.querySelector('#totp-key').textContent")
	p.fill(textbox("Code"), codeOf(t, key, 0))
	p.click(button("Turn on"))
	p.see(title("Your second factor is on"))
	recovery := eval[string](p, "document.querySelector('main li code').textContent")

	p.to("/signin")
	p.to(security)
	p.click(button("Sign out everywhere"))
	p.see(button("Sign in"))
	p.click(button("Continue as member"))
	p.see(title("Enter your code"))
	p.to(security) // is not opened
	p.see(title("Sign in"))
	p.click(button("Continue as member"))
	p.fill(textbox("Code from your app"), codeOf(t, key, 30*time.Second)) // the present one was used
	p.click(button("Sign in"))
	p.see(title("Security")) // where they wanted to go

	p.click(link("Turn off"))
	p.fill(textbox("Password"), "north-light-member")
	p.fill(textbox("Code from your app, or a recovery code"), recovery)
	p.click(button("Turn off"))
	p.see(button("Set up"))
}

// codeOf is what an authenticator app shows for a key (RFC 6238), a while from now.
func codeOf(t *testing.T, key string, ahead time.Duration) string {
	t.Helper()
	secret, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(key, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, secret)
	_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(ahead).Unix()/30)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}
