package billing

import (
	"math"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func TestParseDate(t *testing.T) {
	t.Parallel()
	const like, between = "Enter a date like 2026-12-07", "Enter a date between 1970 and 2100"
	for _, tt := range []struct{ in, message string }{
		{"2026-12-07", ""},
		{"2028-02-29", ""},
		{"1970-01-01", ""},
		{"2100-12-31", ""},
		{"2026-02-29", like},
		{"2100-02-29", like},
		{"2026-13-01", like},
		{"2026-00-10", like},
		{"2026-1-2", like},
		{"07/12/2026", like},
		{"2026-12-07T00:00", like},
		{" 2026-12-07", like},
		{"", like},
		{"0000-01-01", between},
		{"1969-12-31", between},
		{"2101-01-01", between},
		{"9999-99-99", like},
		{"9999-12-31", between},
		{"12026-12-07", like},
	} {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			d, err := ParseDate(tt.in)
			checkInputError(t, err, tt.message)
			if err == nil && string(d) != tt.in || err != nil && d != "" {
				t.Errorf("got %q", d)
			}
			if Date(tt.in).Valid() != (tt.message == "") {
				t.Errorf("Valid says %v", Date(tt.in).Valid())
			}
		})
	}
}

// Attack G13.
func TestAddDays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		date Date
		days int
		want Date
	}{
		{"2026-01-31", 30, "2026-03-02"},
		{"2028-02-28", 1, "2028-02-29"},
		{"2026-02-28", 1, "2026-03-01"},
		{"2026-12-31", 1, "2027-01-01"},
		{"2026-03-28", 1, "2026-03-29"}, // clocks go forward in Europe
		{"2026-03-29", 1, "2026-03-30"},
		{"2026-10-25", 1, "2026-10-26"}, // and back
		{"2026-03-01", -1, "2026-02-28"},
		{"2026-12-07", 0, "2026-12-07"},
		{"2100-12-31", 1, MaxDate},
		{"1970-01-01", -1, MinDate},
		{"2026-12-07", math.MaxInt, MaxDate},
		{"2026-12-07", math.MinInt, MinDate},
		{"", 5, ""},
	} {
		if got := tt.date.AddDays(tt.days); got != tt.want {
			t.Errorf("%q.AddDays(%d) = %q, want %q", tt.date, tt.days, got, tt.want)
		}
	}
}

func TestAddingDaysThereAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := MinDate.AddDays(rapid.IntRange(10_000, 30_000).Draw(t, "day"))
		n := rapid.IntRange(1, 10_000).Draw(t, "n")
		later := d.AddDays(n)
		if !later.Valid() || !d.Before(later) || later.Before(d) || later.AddDays(-n) != d {
			t.Fatalf("%s and %d days give %s", d, n, later)
		}
	})
}

// Attack G13.
func TestTodayIsTheDateInTheZone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		zone, now string
		want      Date
	}{
		{"UTC", "2026-12-07T23:59:59Z", "2026-12-07"},
		{"Pacific/Kiritimati", "2026-12-07T10:00:00Z", "2026-12-08"}, // UTC+14
		{"Etc/GMT+12", "2026-12-07T11:59:59Z", "2026-12-06"},         // UTC-12
		{"Europe/Berlin", "2026-03-28T22:59:59Z", "2026-03-28"},      // an hour before the clocks go forward
		{"Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29"},
		{"Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-29"}, // a day of 23 hours
		{"Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30"},
		{"Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25"}, // a day of 25 hours
		{"Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-26"},
		{"America/New_York", "2028-03-01T04:59:59Z", "2028-02-29"},
	} {
		loc, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := Today(loc, now); got != tt.want {
			t.Errorf("%s in %s: got %s, want %s", tt.now, tt.zone, got, tt.want)
		}
	}
}

func TestFormatDate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		date         Date
		locale, want string
	}{
		{"2026-12-07", "en", "7 Dec 2026"},
		{"2026-12-07", "en-US", "7 Dec 2026"},
		{"2026-12-07", "de", "7. Dez. 2026"},
		{"2026-03-31", "de_CH", "31. März 2026"},
		{"2026-12-01", "de", "1. Dez. 2026"},
		{"2026-12-07", "fr", "7 déc. 2026"},
		{"2026-08-01", "FR-fr", "1er août 2026"},
		{"2026-12-07", "es", "7 dic 2026"},
		{"2026-12-07", "xx", "7 Dec 2026"},
		{"2026-12-07", "", "7 Dec 2026"},
		{"", "en", ""},
		{"2026-02-30", "en", ""},
	} {
		if got := tt.date.Format(tt.locale); got != tt.want {
			t.Errorf("%q in %q: got %q, want %q", tt.date, tt.locale, got, tt.want)
		}
	}
}
