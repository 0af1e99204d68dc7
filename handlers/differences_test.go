package handlers

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDifferences(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, stored, yours string // one letter a line
		want                []difference
	}{
		{"the same", "abc", "abc", nil},
		{"nothing at all", "", "", nil},
		{"one changed", "abc", "axc", []difference{{"b", "x"}}},
		{"one added by them", "abc", "ac", []difference{{"b", ""}}},
		{"one added by you", "ac", "abc", []difference{{"", "b"}}},
		{"one moved", "abc", "bca", []difference{{"a", ""}, {"", "a"}}},
		{"two changed into three", "abcd", "axyzd", []difference{{"b", "x"}, {"c", "y"}, {"", "z"}}},
		{"nothing in common", "ab", "x", []difference{{"a", "x"}, {"b", ""}}},
		{"the same line twice", "aab", "ab", []difference{{"a", ""}}},
	} {
		got := differences(strings.Split(tt.stored, ""), strings.Split(tt.yours, ""))
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Each line that is not common is told once, on its side and in its order, and as many as possible
// are common.
func TestDifferencesTellEveryLine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 7)
		stored, yours := lines.Draw(t, "stored"), lines.Draw(t, "yours")
		var left, right []string
		for _, d := range differences(stored, yours) {
			if d.Stored == d.Yours {
				t.Fatalf("%q is told as a difference", d.Stored)
			}
			if d.Stored != "" {
				left = append(left, d.Stored)
			}
			if d.Yours != "" {
				right = append(right, d.Yours)
			}
		}
		most := mostInCommon(stored, yours)
		if len(left) != len(stored)-most || len(right) != len(yours)-most || !isWithin(left, stored) || !isWithin(right, yours) {
			t.Fatalf("%v and %v, which have %d in common, differ in %v and %v", stored, yours, most, left, right)
		}
	})
}

// mostInCommon tries everything.
func mostInCommon(a, b []string) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	most := max(mostInCommon(a[1:], b), mostInCommon(a, b[1:]))
	if a[0] == b[0] {
		most = max(most, 1+mostInCommon(a[1:], b[1:]))
	}
	return most
}

// isWithin says that all lines of part are in whole, in the same order.
func isWithin(part, whole []string) bool {
	for _, line := range whole {
		if len(part) > 0 && part[0] == line {
			part = part[1:]
		}
	}
	return len(part) == 0
}
