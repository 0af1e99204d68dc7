package handlers

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A9 and G6: who sends slowly is cut off in time, and is in nobody's way meanwhile.
func TestSlowRequests(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.h.Fiber().Server()
	if s.ReadTimeout != 10*time.Second || s.WriteTimeout != 30*time.Second || s.IdleTimeout != time.Minute || s.Concurrency != 4096 {
		t.Errorf("reads for %s, writes for %s, idles for %s, %d connections at once", s.ReadTimeout, s.WriteTimeout, s.IdleTimeout, s.Concurrency)
	}
	s.ReadTimeout = 2 * time.Second
	addr := w.listen()
	const each = 100
	begins := map[string]string{
		"headers":   "GET /signin HTTP/1.1\r\nHost: trak.example\r\nX: ",
		"a form":    "POST /signin HTTP/1.1\r\nHost: trak.example\r\nContent-Length: 1000\r\n\r\na=",
		"a webhook": "POST /api/stripe/webhook HTTP/1.1\r\nHost: trak.example\r\nContent-Length: 1000\r\n\r\n{",
		"chunks":    "POST /api/stripe/webhook HTTP/1.1\r\nHost: trak.example\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{",
	}
	var wg sync.WaitGroup
	for name, begin := range begins {
		for range each {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, begin); err != nil {
				t.Fatal(err)
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				drip(t, name, c)
			}()
		}
	}
	var took []time.Duration
	for range 50 {
		began := time.Now()
		if answer := raw(t, addr, "GET /healthz HTTP/1.1\r\nHost: trak.example\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200") {
			t.Errorf("meanwhile: %.100s", answer)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if took[45] > 300*time.Millisecond {
		t.Errorf("of fifty that came meanwhile the slowest took %s", took[45:])
	}
	wg.Wait()
}

// drip sends a byte now and then until the server has had enough.
func drip(t *testing.T, name string, c net.Conn) {
	defer func() { _ = c.Close() }()
	go func() {
		for range 100 {
			if _, err := io.WriteString(c, "a"); err != nil {
				return
			}
			<-time.After(100 * time.Millisecond)
		}
	}()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, err := io.ReadAll(c)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Errorf("%s: still connected", name)
	}
	if len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 408") {
		t.Errorf("%s: %.200s", name, answer)
	}
}

// A25: forged webhooks, as many as come, keep no true request waiting.
func TestForgeriesKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	w := setup(t)
	addr := w.listen()
	forged := "POST /api/stripe/webhook HTTP/1.1\r\nHost: trak.example\r\nStripe-Signature: t=1,v1=" + strings.Repeat("0", 64) + "\r\nContent-Length: 2\r\n\r\n{}"
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			buffer := make([]byte, 64<<10)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := io.WriteString(c, forged); err != nil {
					t.Error(err)
					return
				}
				if _, err := c.Read(buffer); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	slowest := time.Duration(0)
	for range 50 {
		began := time.Now()
		if answer := raw(t, addr, "GET /signin HTTP/1.1\r\nHost: trak.example\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200") {
			t.Errorf("meanwhile: %.100s", answer)
		}
		slowest = max(slowest, time.Since(began))
	}
	close(stop)
	wg.Wait()
	if slowest > time.Second {
		t.Errorf("the slowest page took %s", slowest)
	}
	if n := strings.Count(w.log.String(), "webhook refused"); n > 200 {
		t.Errorf("%d lines in the log", n)
	}
}

// G7: no shortage of the machine ends the server.
func TestPatientListener(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	short := &shortOf{Listener: inner, errors: []error{
		&net.OpError{Op: "accept", Err: syscall.EMFILE}, &net.OpError{Op: "accept", Err: syscall.ENFILE}, &net.OpError{Op: "accept", Err: syscall.ECONNABORTED},
	}}
	w := setup(t)
	served := make(chan error, 1)
	go func() { served <- w.h.Listener(short) }()
	client := http.Client{Timeout: 10 * time.Second} // nobody answers who has stopped serving
	res, err := client.Get("http://" + inner.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 200 || len(short.errors) != 0 {
		t.Errorf("%d, and %d errors were not met", res.StatusCode, len(short.errors))
	}
	if err := inner.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := (patient{inner, slog.New(slog.DiscardHandler)}).Accept(); err == nil {
		t.Error("a closed listener is waited for")
	}
}

// shortOf is a listener that fails first.
type shortOf struct {
	net.Listener
	errors []error
}

func (l *shortOf) Accept() (net.Conn, error) {
	if len(l.errors) > 0 {
		err := l.errors[0]
		l.errors = l.errors[1:]
		return nil, fmt.Errorf("accept: %w", err)
	}
	return l.Listener.Accept()
}
