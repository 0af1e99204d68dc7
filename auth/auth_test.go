package auth

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"trak/billing"
)

// Attack D16.
func TestCheckPassword(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		password string
		ok       bool
	}{
		"four words in a row":                 {"otter lamp quarry mint", true},
		"random characters":                   {"k9#vLq2!xWd0", true},
		"letters of other alphabets":          {"пароход идет вечером", true},
		"twelve characters in more bytes":     {"ÄÖÜäöüßéèñçø", true},
		"exactly 1,024 bytes":                 {strings.Repeat("otter lamp! quartz", 57)[:1024], true},
		"eleven characters":                   {"k9#vLq2!xWd", false},
		"1,025 bytes":                         {strings.Repeat("otter lamp! quartz", 58)[:1025], false},
		"a million bytes":                     {strings.Repeat("x7", 500_000), false},
		"a NUL":                               {"otter lamp\x00quarry", false},
		"broken UTF-8":                        {"otter lamp \xff quarry", false},
		"a common word with digits":           {"password1234", false},
		"a common word with replaced letters": {"P4ssw0rd!2024", false},
		"common words together":               {"LetMeInPlease!", false},
		"a run of keys":                       {"qwertyuiop12", false},
		"digits alone":                        {"482915703366", false},
		"the same few characters":             {"abababababab", false},
		"full-width letters of a common one":  {"ｐａｓｓｗｏｒｄ１２３４", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckPassword(test.password)
			if (err == nil) != test.ok {
				t.Fatalf("got %v", err)
			}
			if err != nil && !errors.As(err, new(billing.InputError)) {
				t.Errorf("%T is no text for people", err)
			}
		})
	}
}

// Attack D16.
func TestPasswordHash(t *testing.T) {
	t.Parallel()
	hash, err := HashPassword("Zoë's otter lamp") // ë in one character
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=47104,t=1,p=1$") {
		t.Errorf("hash %q", hash)
	}
	tests := map[string]struct {
		password, hash string
		ok             bool
	}{
		"the password": {"Zoë's otter lamp", hash, true},
		"the password typed with a combining mark": {"Zoe\u0308's otter lamp", hash, true},
		"another one":        {"Zoe's otter lamp", hash, false},
		"nothing":            {"", hash, false},
		"nobody's":           {"Zoë's otter lamp", "", false},
		"too long to be one": {strings.Repeat("x", 5000), hash, false},
	}
	for name, test := range tests {
		ok, rehash, err := VerifyPassword(test.password, test.hash)
		if err != nil || ok != test.ok || rehash {
			t.Errorf("%s: ok %v, rehash %v, %v", name, ok, rehash, err)
		}
	}
	if _, _, err := VerifyPassword("x", "plain text"); err == nil {
		t.Error("a hash that is none passes")
	}
}

// nobody must cost what a real hash costs, or the time tells who has an account.
func TestNobodyCostsTheSame(t *testing.T) {
	t.Parallel()
	hash, err := HashPassword("otter lamp quarry mint")
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := strings.Split(hash, "$"), strings.Split(nobody, "$")
	for i := range 4 {
		if ours[i] != theirs[i] {
			t.Errorf("part %d is %q, of a real one %q", i, theirs[i], ours[i])
		}
	}
	for i := 4; i < 6; i++ {
		if len(ours[i]) != len(theirs[i]) {
			t.Errorf("part %d has another length", i)
		}
	}
}

// Attack D13.
func TestNobodyTakesAsLong(t *testing.T) {
	hash, err := HashPassword("otter lamp quarry mint")
	if err != nil {
		t.Fatal(err)
	}
	fastest := func(hash string) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			_, _, _ = VerifyPassword("wrong", hash)
			best = min(best, time.Since(start))
		}
		return best
	}
	if known, unknown := fastest(hash), fastest(""); unknown < known/2 {
		t.Errorf("%v for nobody, %v for somebody", unknown, known)
	}
}

func TestOldHashIsMadeAnew(t *testing.T) {
	t.Parallel()
	ok, rehash, err := VerifyPassword("otter lamp quarry mint", cheapHash(t, "otter lamp quarry mint"))
	if err != nil || !ok || !rehash {
		t.Errorf("ok %v, rehash %v, %v", ok, rehash, err)
	}
	if ok, rehash, _ := VerifyPassword("wrong", cheapHash(t, "otter lamp quarry mint")); ok || rehash {
		t.Error("a wrong password asks for a new hash")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	a, b := NewToken(), NewToken()
	if a == b || len(a) != 43 {
		t.Errorf("tokens %q and %q", a, b)
	}
	if h := HashToken("abc"); h != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("hash %q is not SHA-256", h)
	}
}

func TestBox(t *testing.T) {
	t.Parallel()
	if _, err := NewBox(make([]byte, 31)); err == nil {
		t.Error("a key of 31 bytes passes")
	}
	box := newBox(t, 'k')
	secret := []byte("whsec_1")
	place := []byte("installation/webhook")
	sealed, err := box.Seal(secret, place)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := box.Seal(secret, place); err != nil || bytes.Contains(sealed, secret) || bytes.Equal(sealed, again) {
		t.Error("the secret shows, or seals to the same twice")
	}
	if got, err := box.Open(sealed, place); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("opened %q, %v", got, err)
	}
	altered := bytes.Clone(sealed)
	altered[len(altered)-1] ^= 1
	refused := map[string]struct {
		box    *Box
		sealed []byte
		aad    string
	}{
		"another place": {box, sealed, "installation/other"},
		"another key":   {newBox(t, 'x'), sealed, "installation/webhook"},
		"altered":       {box, altered, "installation/webhook"},
		"cut":           {box, sealed[:10], "installation/webhook"},
		"cut more":      {box, sealed[:1], "installation/webhook"},
		"nothing":       {box, nil, "installation/webhook"},
		"another way":   {box, append([]byte{9}, sealed[1:]...), "installation/webhook"},
	}
	for name, r := range refused {
		if got, err := r.box.Open(r.sealed, []byte(r.aad)); !errors.Is(err, ErrSealed) || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// What was sealed before keys had ids opens still, and ids tell keys apart.
func TestBoxOfOldAndKeyIDs(t *testing.T) {
	t.Parallel()
	box, other := newBox(t, 'k'), newBox(t, 'x')
	place := []byte("installation/webhook")
	sealed, err := box.Seal([]byte("whsec_1"), place)
	if err != nil || !strings.HasPrefix(hex.EncodeToString(sealed), "02"+box.KeyID()) {
		t.Fatalf("%x does not name its key, %v", sealed, err)
	}
	old := append([]byte{1}, sealed[1+keyIDSize:]...)
	if got, err := box.Open(old, place); err != nil || string(got) != "whsec_1" {
		t.Errorf("opened %q, %v", got, err)
	}
	if got, err := other.Open(old, place); !errors.Is(err, ErrSealed) || got != nil {
		t.Errorf("another key opened %q, %v", got, err)
	}
	if box.KeyID() == other.KeyID() || box.KeyID() != newBox(t, 'k').KeyID() || len(box.KeyID()) != 2*keyIDSize {
		t.Errorf("ids %s and %s", box.KeyID(), other.KeyID())
	}
}

func newBox(t *testing.T, b byte) *Box {
	t.Helper()
	box, err := NewBox(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// Attack D20.
func TestHashingTakesTurns(t *testing.T) {
	t.Parallel()
	l, _ := newLimits()
	first, err := l.Hashing(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Hashing(context.Background()); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Hashing(ended); err == nil {
		t.Error("three hash at once")
	}
	first()
	if _, err := l.Hashing(context.Background()); err != nil {
		t.Error(err)
	}
}

// cheapHash is a hash of a cost that is not today's.
func cheapHash(t *testing.T, password string) string {
	t.Helper()
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	return hash
}
