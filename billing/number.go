package billing

import (
	"fmt"
	"strconv"
	"strings"
)

// Number is the n-th invoice number of a series: the prefix and at least four digits, such
// as INV-0042 for "INV-" and 42. The numbers of a series simply grow longer after 9999.
func Number(prefix string, n int64) string {
	return fmt.Sprintf("%s%04d", prefix, n)
}

// MaxPrefix is how long what stands before the digits of a number may be, in characters.
const MaxPrefix = 12

// CheckPrefix says what is wrong with a prefix of invoice numbers, as an InputError. It never ends
// in a digit, so that every number tells its place in the series: whatever prefixes a series has
// had, no two of its numbers are the same.
func CheckPrefix(prefix string) error {
	if len(prefix) > MaxPrefix {
		return InputError(fmt.Sprintf("At most %d characters", MaxPrefix))
	}
	for i, c := range []byte(prefix) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("-/._ ", rune(c))) {
			return InputError("Use letters, digits and - / . _ and begin with a letter or digit")
		}
	}
	switch last := prefix[max(len(prefix)-1, 0):]; {
	case last == " ":
		return InputError("End with a letter or a sign such as -")
	case last >= "0" && last <= "9":
		return InputError("End with a letter or a sign such as -, or a number could be given twice")
	}
	return nil
}

// Serial is the place in its series that a number tells: 42 for INV-0042. ok is false for what
// Number gives under no prefix.
func Serial(number string) (n int64, ok bool) {
	prefix := strings.TrimRight(number, "0123456789")
	n, err := strconv.ParseInt(number[len(prefix):], 10, 64)
	return n, err == nil && n > 0 && Number(prefix, n) == number
}
