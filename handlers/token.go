package handlers

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
)

// masked writes a session's form token another way each time. Pages go out compressed, and what
// stays the same in them could be guessed letter by letter from their length (the BREACH attack).
func masked(token string) string {
	if token == "" {
		return ""
	}
	both := make([]byte, 2*len(token))
	pad := both[:len(token)]
	_, _ = rand.Read(pad) // never fails (crypto/rand)
	subtle.XORBytes(both[len(token):], []byte(token), pad)
	return base64.RawURLEncoding.EncodeToString(both)
}

// unmasked says whether what a form sent is the token, in one of its masks.
func unmasked(given []byte, token string) bool {
	both := make([]byte, base64.RawURLEncoding.DecodedLen(len(given)))
	if _, err := base64.RawURLEncoding.Decode(both, given); err != nil || token == "" || len(both) != 2*len(token) {
		return false
	}
	plain := make([]byte, len(token))
	subtle.XORBytes(plain, both[:len(token)], both[len(token):])
	return subtle.ConstantTimeCompare(plain, []byte(token)) == 1
}
