package auth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// minKey is the length of the secret key in bytes.
const minKey = 32

// What Box seals begins with the way it was sealed. The first way named no key; it is still read.
const (
	sealed1 = 1 // nonce, ciphertext
	sealed2 = 2 // key id, nonce, ciphertext
)

// keyIDSize is the length of a key's id in bytes.
const keyIDSize = 8

// ErrSealed means that something was sealed under another secret key, for another place, or
// was altered since.
var ErrSealed = errors.New("can't be opened with this secret key")

// Box encrypts secrets that rest in the database, with AES-256-GCM under a key that is
// derived from TRAK_SECRET_KEY.
type Box struct {
	aead cipher.AEAD
	id   []byte
}

// NewBox returns the box of a secret key, which must be 32 bytes or longer.
func NewBox(key []byte) (*Box, error) {
	if len(key) < minKey {
		return nil, fmt.Errorf("the secret key has %d bytes, and needs %d or more", len(key), minKey)
	}
	derived, err := hkdf.Key(sha256.New, key, nil, "trak: secrets at rest", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	id, err := hkdf.Key(sha256.New, key, nil, "trak: key id", keyIDSize)
	if err != nil {
		return nil, fmt.Errorf("derive key id: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return &Box{aead, id}, nil
}

// KeyID tells the secret key from others and gives nothing of it away: it is derived from it.
func (b *Box) KeyID() string { return hex.EncodeToString(b.id) }

// Seal encrypts plaintext. aad names the place where it will rest, such as table and row, and
// must be the same for Open: what is moved to another place can't be opened there.
func (b *Box) Seal(plaintext, aad []byte) ([]byte, error) {
	nonce := make([]byte, b.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	head := append(append([]byte{sealed2}, b.id...), nonce...)
	return b.aead.Seal(head, nonce, plaintext, aad), nil
}

// Open decrypts what Seal made, or returns ErrSealed.
func (b *Box) Open(sealed, aad []byte) ([]byte, error) {
	rest, found := bytes.CutPrefix(sealed, append([]byte{sealed2}, b.id...))
	if !found {
		rest, found = bytes.CutPrefix(sealed, []byte{sealed1})
	}
	if size := b.aead.NonceSize(); found && len(rest) >= size {
		if plaintext, err := b.aead.Open(nil, rest[:size], rest[size:], aad); err == nil {
			return plaintext, nil
		}
	}
	return nil, ErrSealed
}

// IsSealed says whether a value is what Seal made of something, and not text.
func IsSealed(value []byte) bool {
	return len(value) > 0 && (value[0] == sealed1 || value[0] == sealed2)
}

// NewKey returns a random secret key of 32 bytes.
func NewKey() []byte {
	key := make([]byte, minKey)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return key
}
