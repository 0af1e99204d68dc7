package app

import (
	"fmt"
	"time"
)

// before says in one unit how long ago something was.
func before(at, now time.Time) string {
	if d := now.Sub(at); d >= time.Second {
		return span(d) + " ago"
	}
	return "just now"
}

// span writes a time span in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return "a second"
	case d < 2*time.Minute:
		return several(int(d.Seconds()), "second", "seconds")
	case d < 2*time.Hour:
		return several(int(d.Minutes()), "minute", "minutes")
	case d < 48*time.Hour:
		return several(int(d.Hours()), "hour", "hours")
	}
	return several(int(d.Hours()/24), "day", "days")
}

func several(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func wasOrWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
