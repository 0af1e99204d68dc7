package handlers

import (
	"testing"
	"time"
)

// Attack G20.
func TestPagesAskLessOftenWhenNothingHappens(t *testing.T) {
	t.Parallel()
	opened := time.Unix(1_800_000_000, 0)
	first := newLook(7, opened)
	tests := map[string]struct {
		version int64
		after   time.Duration
		want    look
	}{
		"every 2 s at first":                      {7, time.Minute, first},
		"every 5 s after 2 minutes":               {7, 2 * time.Minute, look{7, opened.Unix(), 5}},
		"every 15 s after 10 minutes":             {7, 10 * time.Minute, look{7, opened.Unix(), 15}},
		"every 2 s again after something happens": {8, time.Hour, look{8, opened.Add(time.Hour).Unix(), 2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := first.next(test.version, opened.Add(test.after)); got != test.want {
				t.Errorf("%+v, not %+v", got, test.want)
			}
		})
	}
}
