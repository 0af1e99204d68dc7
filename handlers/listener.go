package handlers

import (
	"errors"
	"log/slog"
	"net"
	"slices"
	"syscall"
	"time"
)

// patient is a listener that outlives the moments in which no connection can be taken because
// the machine has run short: fasthttp would stop serving, so that a flood of connections would
// end Trak.
type patient struct {
	net.Listener
	log *slog.Logger
}

// shortages pass by themselves, as soon as other connections end.
var shortages = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.ECONNRESET}

// Accept waits a little longer after each failure, a second at most.
func (l patient) Accept() (net.Conn, error) {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		c, err := l.Listener.Accept()
		passes := slices.ContainsFunc(shortages, func(s error) bool { return errors.Is(err, s) })
		if err == nil || !passes {
			return c, err
		}
		if wait > 500*time.Millisecond {
			l.log.Warn("connections have to wait", "error", err)
		}
		time.Sleep(wait)
	}
}
