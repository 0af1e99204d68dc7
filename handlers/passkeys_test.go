package handlers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"html"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trak/db"
)

// device keeps one passkey, as an authenticator does.
type device struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	id     []byte
	user   string // base64url
	count  uint32
	origin string
	site   string
	flags  byte // user present and verified
}

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return &device{t: t, key: key, id: id, origin: origin, site: "trak.example", flags: 1 | 4}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// options are what Trak sends to a browser.
type options struct {
	PublicKey struct {
		Challenge          string
		User               struct{ ID, Name string }
		ExcludeCredentials []struct{ ID string }
	}
}

func (d *device) clientData(kind, challenge string) []byte {
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

// data is the authenticator's own part.
func (d *device) data(flags byte, rest []byte) []byte {
	site := sha256.Sum256([]byte(d.site))
	d.count++
	return slices.Concat(site[:], []byte{flags}, binary.BigEndian.AppendUint32(nil, d.count), rest)
}

func (d *device) answer(clientData []byte, response map[string]any) string {
	response["clientDataJSON"] = b64(clientData)
	b, err := json.Marshal(map[string]any{"id": b64(d.id), "rawId": b64(d.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}

// make answers a request to make a passkey, without attestation.
func (d *device) make(o options) string {
	d.user = o.PublicKey.User.ID
	point, err := d.key.PublicKey.Bytes()
	if err != nil {
		d.t.Fatal(err)
	}
	x, y := point[1:33], point[33:]
	cose := slices.Concat([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, x, []byte{0x22, 0x58, 32}, y)
	attested := slices.Concat(make([]byte, 16), binary.BigEndian.AppendUint16(nil, uint16(len(d.id))), d.id, cose)
	data := d.data(d.flags|0x40, attested)
	object := slices.Concat([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"), []byte{byte(len(data))}, data)
	return d.answer(d.clientData("webauthn.create", o.PublicKey.Challenge), map[string]any{"attestationObject": b64(object), "transports": []string{"internal"}})
}

// use answers a request to sign in.
func (d *device) use(o options) string {
	client, data := d.clientData("webauthn.get", o.PublicKey.Challenge), d.data(d.flags, nil)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(slices.Concat(data, hash[:]))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(client, map[string]any{"authenticatorData": b64(data), "signature": b64(signature), "userHandle": d.user})
}

func (b *browser) options(path string) (o options) {
	b.w.t.Helper()
	a := b.post(path, url.Values{"csrf": {""}}, "X-CSRF-Token", b.token)
	if err := json.Unmarshal([]byte(a.body), &o); err != nil || a.status != 200 || o.PublicKey.Challenge == "" {
		b.w.t.Fatalf("%s: %d %s, %v", path, a.status, a.body, err)
	}
	return o
}

// passkey adds one in a browser that is signed in.
func (b *browser) passkey(name string) *device {
	t := b.w.t
	t.Helper()
	d := newDevice(t)
	b.get("/account/security")
	answer := d.make(b.options("/account/security/passkeys/begin"))
	if a := b.post("/account/security/passkeys", url.Values{"name": {name}, "passkey": {answer}}); a.status != 303 {
		t.Fatalf("add: %d %s", a.status, a.body)
	}
	if a := b.get("/account/security"); !strings.Contains(a.body, "Passkey added.") || !strings.Contains(a.body, `value="`+html.EscapeString(name)+`"`) {
		t.Fatalf("not added: %s\n%s", a.body, b.w.log)
	}
	return d
}

func (b *browser) signInWith(answer func(o options) string) answer {
	b.w.t.Helper()
	b.get("/signin")
	return b.post("/signin/passkey", url.Values{"passkey": {answer(b.options("/signin/passkey/begin"))}, "next": {"/workspaces"}})
}

func TestPasskeys(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.user("mira@north.example")
	w.user("kim@north.example")
	owner := w.signedIn("mira@north.example")
	owner.secondFactor()
	d := owner.passkey("Phone & key")
	theirs := w.signedIn("kim@north.example").passkey("Kim's")

	t.Run("signs in without password and code, under another token", func(t *testing.T) {
		b := w.browser()
		b.get("/signin")
		before := b.cookie
		if a := b.signInWith(d.use); a.status != 303 || a.Get("Location") != "/workspaces" || b.cookie == before {
			t.Fatalf("%d to %q %s\n%s", a.status, a.Get("Location"), a.body, w.log)
		}
		if a := b.get("/account/security"); a.status != 200 || !strings.Contains(a.body, "mira@north.example") || !strings.Contains(a.body, "last used just now") {
			t.Errorf("%d", a.status)
		}
	})
	refused := func(t *testing.T, what string, use func(o options) string) {
		t.Helper()
		b := w.browser()
		if a := b.signInWith(use); a.status != 422 || !strings.Contains(a.body, "This passkey did not work") {
			t.Errorf("%s: %d to %q", what, a.status, a.Get("Location"))
		}
		if a := b.get("/workspaces"); a.status != 303 {
			t.Errorf("%s opens something: %d", what, a.status)
		}
	}
	t.Run("not with what proves nothing", func(t *testing.T) {
		changed := func(change func(d *device)) func(o options) string {
			return func(o options) string {
				other := *d
				change(&other)
				answer := other.use(o)
				d.count = other.count
				return answer
			}
		}
		refused(t, "another site's page", changed(func(d *device) { d.origin = "https://trak.example.evil.example" }))
		refused(t, "another port", changed(func(d *device) { d.origin = origin + ":81" }))
		refused(t, "another site's key", changed(func(d *device) { d.site = "evil.example" }))
		refused(t, "a device that asked for nothing", changed(func(d *device) { d.flags = 1 }))
		refused(t, "another key", changed(func(d *device) { d.key = newDevice(t).key }))
		refused(t, "an unknown key", newDevice(t).use)
		refused(t, "somebody else's name", changed(func(d *device) { d.user = theirs.user }))
		refused(t, "nobody's name", changed(func(d *device) { d.user = "" }))
		refused(t, "somebody else's key under this name", func(o options) string {
			other := *theirs
			other.user = d.user
			return other.use(o)
		})
		refused(t, "a copy, whose counter is behind", changed(func(d *device) { d.count = 0 }))
		refused(t, "no answer", func(options) string { return "" })
		refused(t, "garbage", func(options) string { return `{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{}}` })
		refused(t, "another challenge", func(o options) string {
			o.PublicKey.Challenge = b64(make([]byte, 32))
			return d.use(o)
		})
	})
	t.Run("an answer works once, in its own session, for a few minutes", func(t *testing.T) {
		b := w.browser()
		b.get("/signin")
		answer := d.use(b.options("/signin/passkey/begin"))
		form := func() url.Values { return url.Values{"passkey": {answer}} }
		other := w.browser()
		other.get("/signin")
		other.options("/signin/passkey/begin")
		if a := other.post("/signin/passkey", form()); a.status != 422 {
			t.Errorf("in another session: %d", a.status)
		}
		if a := b.post("/signin/passkey", form()); a.status != 303 {
			t.Errorf("in its own: %d", a.status)
		}
		b.get("/account/security")
		if a := b.post("/signin/passkey", form()); a.status != 422 {
			t.Errorf("again: %d", a.status)
		}
		twice := w.browser()
		twice.get("/signin")
		answer = d.use(twice.options("/signin/passkey/begin"))
		if a := twice.post("/signin/passkey", url.Values{"passkey": {"{}"}}); a.status != 422 {
			t.Errorf("garbage: %d", a.status)
		}
		if a := twice.post("/signin/passkey", form()); a.status != 422 {
			t.Errorf("after a wrong one: %d", a.status)
		}
		late := w.browser()
		late.get("/signin")
		answer = d.use(late.options("/signin/passkey/begin"))
		w.pass(5 * time.Minute)
		if a := late.post("/signin/passkey", form()); a.status != 422 {
			t.Errorf("late: %d", a.status)
		}
	})
	t.Run("a challenge to sign in adds none", func(t *testing.T) {
		b := w.signedIn("kim@north.example")
		b.get("/account/security")
		o := b.options("/account/security/passkeys/begin")
		o.PublicKey.Challenge = b.options("/signin/passkey/begin").PublicKey.Challenge
		b.post("/account/security/passkeys", url.Values{"name": {"X"}, "passkey": {newDevice(t).make(o)}})
		if n := w.number("SELECT count(*) FROM passkeys WHERE name = 'X'"); n != 0 {
			t.Error("added")
		}
	})
	t.Run("the device is told which it has already", func(t *testing.T) {
		o := owner.options("/account/security/passkeys/begin")
		if len(o.PublicKey.ExcludeCredentials) != 1 || o.PublicKey.ExcludeCredentials[0].ID != b64(d.id) {
			t.Errorf("%+v", o)
		}
	})
	t.Run("they have names, and are removed", func(t *testing.T) {
		id := b64(d.id)
		owner.get("/account/security")
		if a := owner.post("/account/security/passkeys/name", url.Values{"passkey": {id}, "name": {" "}}); a.status != 422 || !strings.Contains(a.body, "Give it a name") {
			t.Errorf("no name: %d", a.status)
		}
		if a := owner.post("/account/security/passkeys/name", url.Values{"passkey": {id}, "name": {"Laptop"}}); a.status != 303 {
			t.Errorf("rename: %d", a.status)
		}
		for _, path := range []string{"name", "remove"} {
			if a := owner.post("/account/security/passkeys/"+path, url.Values{"passkey": {b64(theirs.id)}, "name": {"Mine"}, "confirm_password": {password}}); a.status != 404 {
				t.Errorf("%s somebody else's: %d", path, a.status)
			}
		}
		if a := owner.get("/account/security"); !strings.Contains(a.body, `value="Laptop"`) {
			t.Error("the name is not there")
		}
		if a := owner.post("/account/security/passkeys/remove", url.Values{"passkey": {id}}); a.status != 303 {
			t.Errorf("remove: %d", a.status)
		}
		refused(t, "a removed one", d.use)
	})
	t.Run("nobody who is disabled gets in", func(t *testing.T) { // D7
		w.disable("kim@north.example")
		refused(t, "a disabled person's", theirs.use)
	})
}

// disable writes behind Trak's back.
func (w *world) disable(email string) {
	w.t.Helper()
	file, err := sql.Open("sqlite3", "file:"+filepath.Join(w.dir, db.FileName)+"?_busy_timeout=5000")
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Exec("UPDATE users SET disabled_at = 1 WHERE email = ?", email); err != nil {
		w.t.Fatal(err)
	}
}
