package billing

import "fmt"

// Number is the n-th invoice number of a series: the prefix and at least four digits, such
// as INV-0042 for "INV-" and 42. The numbers of a series simply grow longer after 9999.
func Number(prefix string, n int64) string {
	return fmt.Sprintf("%s%04d", prefix, n)
}
