package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// minKey is the length of the secret key in bytes.
const minKey = 32

// sealed1 begins everything that Box seals, so that another way of sealing can be told apart.
const sealed1 = 1

// ErrSealed means that something was sealed under another secret key, for another place, or
// was altered since.
var ErrSealed = errors.New("can't be opened with this secret key")

// Box encrypts secrets that rest in the database, with AES-256-GCM under a key that is
// derived from TRAK_SECRET_KEY.
type Box struct{ aead cipher.AEAD }

// NewBox returns the box of a secret key, which must be 32 bytes or longer.
func NewBox(key []byte) (*Box, error) {
	if len(key) < minKey {
		return nil, fmt.Errorf("the secret key has %d bytes, and needs %d or more", len(key), minKey)
	}
	derived, err := hkdf.Key(sha256.New, key, nil, "trak: secrets at rest", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return &Box{aead}, nil
}

// Seal encrypts plaintext. aad names the place where it will rest, such as table and row, and
// must be the same for Open: what is moved to another place can't be opened there.
func (b *Box) Seal(plaintext, aad []byte) ([]byte, error) {
	nonce := make([]byte, b.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return b.aead.Seal(append([]byte{sealed1}, nonce...), nonce, plaintext, aad), nil
}

// Open decrypts what Seal made, or returns ErrSealed.
func (b *Box) Open(sealed, aad []byte) ([]byte, error) {
	head := 1 + b.aead.NonceSize()
	if len(sealed) < head || sealed[0] != sealed1 {
		return nil, ErrSealed
	}
	plaintext, err := b.aead.Open(nil, sealed[1:head], sealed[head:], aad)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// NewKey returns a random secret key of 32 bytes.
func NewKey() []byte {
	key := make([]byte, minKey)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return key
}
