package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// ErrWrongPasskey is an answer of a browser that proves nothing: of another key or challenge, for
// another site, or not in order.
var ErrWrongPasskey = errors.New("wrong passkey")

// Passkeys makes and checks passkeys (WebAuthn) for one site. Each takes the place of password and
// second factor together, so the device has to ask for a fingerprint, a PIN or the like.
type Passkeys struct{ web *webauthn.WebAuthn }

// NewPasskeys returns the passkeys of the site at a URL, which alone may use them. Browsers know
// none for a site that is reached by an IP address: then it returns nil.
func NewPasskeys(site string) *Passkeys {
	u, err := url.Parse(site)
	if err != nil || protocol.ValidateRPID(u.Hostname()) != nil {
		return nil
	}
	web, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "Trak", RPOrigins: []string{site}, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil
	}
	return &Passkeys{web}
}

// PasskeyUser is whose passkeys they are: the id goes into the device, and names the person when
// it signs in.
type PasskeyUser struct {
	ID, Name, Email string
	Credentials     [][]byte // those they have, as Add returned them
}

// owner is a PasskeyUser as the library wants it.
type owner struct {
	PasskeyUser
	credentials []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return []byte(o.ID) }
func (o owner) WebAuthnName() string                       { return o.Email }
func (o owner) WebAuthnDisplayName() string                { return o.Name }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

func ownerOf(u PasskeyUser) (owner, error) {
	o := owner{PasskeyUser: u}
	for _, stored := range u.Credentials {
		var c webauthn.Credential
		if err := json.Unmarshal(stored, &c); err != nil {
			return owner{}, fmt.Errorf("read passkey: %w", err)
		}
		o.credentials = append(o.credentials, c)
	}
	return o, nil
}

// BeginAdd returns what the browser needs to make a passkey, as JSON, and the challenge, which is
// kept for Add, once.
func (p *Passkeys) BeginAdd(u PasskeyUser) (options, challenge []byte, err error) {
	o, err := ownerOf(u)
	if err != nil {
		return nil, nil, err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range o.credentials {
		known = append(known, c.Descriptor())
	}
	creation, session, err := p.web.BeginRegistration(o, webauthn.WithExclusions(known))
	if err != nil {
		return nil, nil, fmt.Errorf("begin passkey: %w", err)
	}
	return marshalBoth(creation, session)
}

// Add checks what the browser answered to BeginAdd, and returns the passkey's id and what is to be
// stored of it. ErrWrongPasskey when it is not in order.
func (p *Passkeys) Add(u PasskeyUser, challenge, answer []byte) (id string, credential []byte, err error) {
	o, err := ownerOf(u)
	if err != nil {
		return "", nil, err
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(challenge, &session); err != nil {
		return "", nil, fmt.Errorf("read challenge: %w", err)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrWrongPasskey, err)
	}
	c, err := p.web.CreateCredential(o, session, parsed)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrWrongPasskey, err)
	}
	if credential, err = json.Marshal(c); err != nil {
		return "", nil, fmt.Errorf("write passkey: %w", err)
	}
	return passkeyID(c.ID), credential, nil
}

// BeginUse returns what the browser needs to let somebody choose a passkey, as JSON, and the
// challenge, which is kept for Use, once.
func (p *Passkeys) BeginUse() (options, challenge []byte, err error) {
	assertion, session, err := p.web.BeginDiscoverableLogin()
	if err != nil {
		return nil, nil, fmt.Errorf("begin with passkey: %w", err)
	}
	return marshalBoth(assertion, session)
}

// Use checks what the browser answered to BeginUse. find returns whose passkey has the id, or an
// error. Use returns the user's and the passkey's id and what is to be stored of it from now on.
// ErrWrongPasskey when the answer proves nothing, or the key seems to have been copied.
func (p *Passkeys) Use(challenge, answer []byte, find func(id string) (PasskeyUser, error)) (userID, id string, credential []byte, err error) {
	var session webauthn.SessionData
	if err := json.Unmarshal(challenge, &session); err != nil {
		return "", "", nil, fmt.Errorf("read challenge: %w", err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", "", nil, fmt.Errorf("%w: %w", ErrWrongPasskey, err)
	}
	id = passkeyID(parsed.RawID)
	user, c, err := p.web.ValidatePasskeyLogin(func([]byte, []byte) (webauthn.User, error) {
		u, err := find(id)
		if err != nil {
			return nil, err
		}
		return ownerOf(u)
	}, session, parsed)
	if err != nil {
		return "", "", nil, fmt.Errorf("%w: %w", ErrWrongPasskey, err)
	}
	if c.Authenticator.CloneWarning {
		return "", "", nil, fmt.Errorf("%w: its counter went back, so there may be a copy", ErrWrongPasskey)
	}
	if credential, err = json.Marshal(c); err != nil {
		return "", "", nil, fmt.Errorf("write passkey: %w", err)
	}
	return string(user.WebAuthnID()), id, credential, nil
}

func passkeyID(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func marshalBoth(options, session any) (first, second []byte, err error) {
	if first, err = json.Marshal(options); err != nil {
		return nil, nil, fmt.Errorf("write options: %w", err)
	}
	if second, err = json.Marshal(session); err != nil {
		return nil, nil, fmt.Errorf("write challenge: %w", err)
	}
	return first, second, nil
}
