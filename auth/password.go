// Package auth is passwords, second factors, passkeys, tokens, secrets at rest and the limits on
// guessing them. It knows neither HTTP nor SQL.
package auth

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"trak/billing"
)

// Limits of a password, after NFKC: characters at least, bytes at most.
const (
	minPassword = 12
	maxPassword = 1024
)

// params are the cost of a hash: 46 MiB in one pass, about 40 ms (OWASP's equivalent of
// 19 MiB in two). Raising them makes Verify ask for a new hash.
var params = argon2id.Params{Memory: 46 * 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// nobody is a hash, of the same cost, that no password has: checking a password against it
// takes as long for an unknown email as for a known one.
const nobody = "$argon2id$v=19$m=47104,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// CheckPassword says what to change about a new password, as a billing.InputError: it has
// twelve characters or more, and is none that everybody tries first.
func CheckPassword(password string) error {
	if len(password) > maxPassword {
		return billing.InputError("Use at most 1,024 characters")
	}
	p := norm.NFKC.String(password)
	switch {
	case !utf8.ValidString(p) || strings.ContainsRune(p, 0):
		return billing.InputError("Use letters, digits and signs that you can type")
	case utf8.RuneCountInString(p) < minPassword:
		return billing.InputError(fmt.Sprintf("Use at least %d characters", minPassword))
	case isCommon(p):
		return billing.InputError("Many people use this one. Choose something less common, such as four words in a row")
	}
	return nil
}

// HashPassword returns the argon2id hash of a password in PHC format. It takes 46 MiB for
// 40 ms: call it within Limits.Hashing.
func HashPassword(password string) (string, error) {
	h, err := argon2id.CreateHash(norm.NFKC.String(password), &params)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return h, nil
}

// VerifyPassword says whether a password has this hash, and whether the hash should be made
// anew because its cost is not today's. With hash "", for somebody unknown, it takes the same
// time and says no. Call it within Limits.Hashing.
func VerifyPassword(password, hash string) (ok, rehash bool, err error) {
	if len(password) > maxPassword {
		return false, false, nil
	}
	known := hash != ""
	if !known {
		hash = nobody
	}
	ok, p, err := argon2id.CheckHash(norm.NFKC.String(password), hash)
	if err != nil {
		return false, false, fmt.Errorf("check password: %w", err)
	}
	return ok && known, ok && *p != params, nil
}

//go:embed common.txt
var commonFile string

// common are the words and runs of keys that make up most passwords that leak.
var common = strings.Fields(commonFile)

// isCommon says whether nothing but common words, digits and punctuation make up a password,
// or only a few different characters. Digits that stand for letters (p4ssw0rd) hide nothing.
func isCommon(password string) bool {
	lower := strings.ToLower(password)
	core := strings.TrimFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) })
	return distinct(lower) < 5 || onlyCommonWords(lower) || onlyCommonWords(unleet.Replace(core))
}

// unleet undoes the usual replacements of letters.
var unleet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

func distinct(s string) int {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}

// fewWords is how many common words don't make a good password.
const fewWords = 3

// onlyCommonWords says whether the letters of s, without all else, are a few common words or none.
func onlyCommonWords(s string) bool {
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, s)
	words := make([]int, len(letters)+1) // words[i]: as few as the first i bytes can be cut into, and one more; 0 = they can't
	words[0] = 1
	for i := range letters {
		if words[i] == 0 || words[i] > fewWords {
			continue
		}
		for _, w := range common {
			if end := i + len(w); strings.HasPrefix(letters[i:], w) && (words[end] == 0 || words[i] < words[end]-1) {
				words[end] = words[i] + 1
			}
		}
	}
	return words[len(letters)] > 0
}
