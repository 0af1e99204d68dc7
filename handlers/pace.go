package handlers

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
)

// look is what a page that follows an invoice says with each of its polls: the version that it
// shows, since when nothing has happened, and how often it asks.
type look struct {
	Version int64
	Since   int64 // Unix seconds
	Every   int64 // seconds
}

// newLook is that of a page that is opened, or on which something has just happened.
func newLook(version int64, now time.Time) look {
	return look{version, now.Unix(), pace(0)}
}

// readLook reads what a poll says. What makes no sense counts as just opened.
func readLook(c *fiber.Ctx, now time.Time) look {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(c.Query(name), 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	l := look{number("v"), number("since"), number("every")}
	if l.Since < 0 || l.Since > now.Unix() {
		l.Since = now.Unix()
	}
	return l
}

// next is the look after this one, when the version is known to be the given one. It is the
// same one when there is nothing to answer.
func (l look) next(version int64, now time.Time) look {
	if version != l.Version {
		return newLook(version, now)
	}
	l.Every = pace(now.Unix() - l.Since)
	return l
}

// Query is the look as part of an address.
func (l look) Query() string {
	return fmt.Sprintf("v=%d&since=%d&every=%d", l.Version, l.Since, l.Every)
}

// pace is how many seconds pass between two looks: few at first, more when nothing happens.
func pace(quiet int64) int64 {
	switch {
	case quiet < 2*60:
		return 2
	case quiet < 10*60:
		return 5
	}
	return 15
}
