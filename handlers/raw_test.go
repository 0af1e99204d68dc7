package handlers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// listen serves on a port of its own until the test ends.
func (w *world) listen() string {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.h.Listener(ln) }()
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = w.h.Shutdown(ctx)
		if err := <-served; err != nil {
			w.t.Error(err)
		}
	})
	return ln.Addr().String()
}

// raw sends bytes and returns all that comes back until the server closes the connection.
func raw(t *testing.T, addr, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(15 * time.Second))
	_, _ = io.WriteString(c, request)
	b, _ := io.ReadAll(bufio.NewReader(c))
	return string(b)
}

var statusLine = regexp.MustCompile(`HTTP/1\.1 (\d+)`)

// Attacks A7, E6, G1, G3, G4 and G5.
func TestRawRequests(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.h.Fiber().Server().ReadTimeout = 3 * time.Second
	addr := w.listen()
	const get = "GET /healthz HTTP/1.1\r\nHost: trak.example\r\nConnection: close\r\n\r\n"
	post := func(headers, body string) string {
		return "POST /signin HTTP/1.1\r\nHost: trak.example\r\n" + headers + "\r\n\r\n" + body
	}
	webhook := func(headers, body string) string {
		return "POST /api/stripe/webhook HTTP/1.1\r\nHost: trak.example\r\n" + headers + "\r\n\r\n" + body
	}
	tests := map[string]struct {
		request  string
		statuses string // of all answers on the connection
	}{
		"a good one":                       {get, "200"},
		"length and chunks":                {post("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"+get), "403"}, // the second is not taken for a request
		"two lengths":                      {post("Content-Length: 3\r\nContent-Length: 5", "abcde"), "400"},
		"a length with a sign":             {post("Content-Length: +3", "abc"), "400"},
		"a negative length":                {post("Content-Length: -3", "abc"), "400"},
		"an unknown encoding of transfer":  {post("Transfer-Encoding: xchunked\r\nContent-Length: 3", "abc"+get), "400"},
		"space before the colon":           {post("Transfer-Encoding : chunked\r\nContent-Length: 3", "abc"), "400"},
		"a chunk's length in C":            {post("Transfer-Encoding: chunked", "0x3\r\nabc\r\n0\r\n\r\n"), "400"},
		"two hosts":                        {"GET /signin HTTP/1.1\r\nHost: trak.example\r\nHost: evil.example\r\n\r\n", "400"},
		"no host":                          {"GET /signin HTTP/1.1\r\n\r\n", "400"},
		"another host as the address":      {"GET http://evil.example/signin HTTP/1.1\r\nHost: trak.example\r\nConnection: close\r\n\r\n", "421"},
		"our host as the address, another": {"GET http://trak.example/signin HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "421"},
		"a header of 9 kB":                 {"GET /signin HTTP/1.1\r\nHost: trak.example\r\nX: " + strings.Repeat("a", 9<<10) + "\r\n\r\n", "431"},
		"a form of 64 KiB and one":         {strings.Replace(post("Content-Length: 65537", strings.Repeat("a", 65537)), "/signin", "/setup", 1), "413"},
		"a sign-in of 80 KiB and one":      {post("Content-Length: 81921", strings.Repeat("a", 81921)), "413"},
		"10 GB announced":                  {post("Content-Length: 10000000000", ""), "413"},
		"chunks beyond the limit":          {post("Transfer-Encoding: chunked", "20000\r\n"+strings.Repeat("a", 0x20000)+"\r\n0\r\n\r\n"), "413"},
		"a compressed body":                {post("Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: 3", "abc"), "415"},
		"TLS":                              {"\x16\x03\x01\x02\x00\x01\r\n\r\n", "400"},
		"a file above static":              {"GET /static/../go.mod HTTP/1.1\r\nHost: trak.example\r\nConnection: close\r\n\r\n", "404"},
		"a file above, encoded":            {"GET /static/%2e%2e/go.mod HTTP/1.1\r\nHost: trak.example\r\nConnection: close\r\n\r\n", "404"},
		"a file above, encoded twice":      {"GET /static/%252e%252e%252fgo.mod HTTP/1.1\r\nHost: trak.example\r\nConnection: close\r\n\r\n", "404"},
		"a nul in a file's name":           {"GET /static/trak.css%00.svg HTTP/1.1\r\nHost: trak.example\r\nConnection: close\r\n\r\n", "404"},
		"1,000 headers":                    {"GET /signin HTTP/1.1\r\nHost: trak.example\r\n" + strings.Repeat("X-A: aaaaaa\r\n", 1000) + "\r\n", "431"},
		"100 cookies":                      {"GET /signin HTTP/1.1\r\nHost: trak.example\r\n" + strings.Repeat("Cookie: trak="+strings.Repeat("b", 80)+"\r\n", 100) + "\r\n", "431"},
		"a webhook of 256 KiB and one":     {webhook("Content-Length: 262145", strings.Repeat("a", 262145)), "413"},
		"a webhook of 10 GB announced":     {webhook("Content-Length: 10000000000", ""), "413"},
		"a webhook in chunks without end":  {webhook("Transfer-Encoding: chunked", strings.Repeat("10000\r\n"+strings.Repeat("a", 0x10000)+"\r\n", 5)), "413"},
		"a webhook of two lengths":         {webhook("Content-Length: 3\r\nContent-Length: 5", "abcde"), "400"},
		"a webhook of length and chunks":   {webhook("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"+get), "503"}, // there is no secret; the second is not taken for a request
		"a request after a body too short": {webhook("Content-Length: 500", "{}\r\n\r\n"+get), "408"},
		"lines that end without return":    {"POST /signin HTTP/1.1\nHost: trak.example\nContent-Length: 3\n\nabc", "408"},
		"headers that never end":           {"GET /signin HTTP/1.1\r\nHost: trak.example\r\nX: ", "408"},
		"another method":                   {"BREW /signin HTTP/1.1\r\nHost: trak.example\r\nConnection: close\r\n\r\n", "400"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := raw(t, addr, test.request)
			var got []string
			for _, m := range statusLine.FindAllStringSubmatch(answer, -1) {
				got = append(got, m[1])
			}
			if strings.Join(got, " ") != test.statuses {
				t.Errorf("answered %v: %.300s", got, answer)
			}
			if strings.Contains(answer, "aaaa") || strings.Contains(answer, "Server:") {
				t.Errorf("the answer repeats the request, or says what answers: %.300s", answer)
			}
			if test.statuses != "400" && !strings.Contains(answer, "Content-Security-Policy: default-src 'none'") {
				t.Errorf("no headers: %.300s", answer)
			}
		})
	}
}

// Attack F9.
func TestNoResponseSplitting(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, ws := w.user("mira@north.example")
	b := w.signedIn("mira@north.example")
	addr := w.listen()
	const evil = "%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0a<script>"
	for _, path := range []string{
		"/signin?next=/x" + evil, "/w/" + evil, "/dashboard/payments/invoices/x" + evil, "/dashboard/payments/invoices/x?a=" + evil,
		"/setup?token=" + evil, "/w/" + ws.Slug + "/" + evil, "/static/" + evil,
	} {
		for _, cookie := range []string{b.cookie, ""} {
			answer := raw(t, addr, "GET "+path+" HTTP/1.1\r\nHost: trak.example\r\nCookie: "+cookie+"\r\nConnection: close\r\n\r\n")
			head, _, _ := strings.Cut(answer, "\r\n\r\n")
			if strings.Contains(strings.ToLower(head), "\nset-cookie: evil") || !strings.HasPrefix(answer, "HTTP/1.1 ") {
				t.Errorf("%s: %.400s", path, answer)
			}
		}
	}
	form := url.Values{"csrf": {b.token}, "slug": {"x\r\nSet-Cookie: evil=1"}}.Encode()
	answer := raw(t, addr, fmt.Sprintf("POST /workspaces/switch HTTP/1.1\r\nHost: trak.example\r\nCookie: %s\r\nOrigin: %s\r\nReferer: %s/w/x%%0d%%0aX-Evil:1/clients\r\n"+
		"HX-Current-URL: /%%0d%%0aX-Evil:1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", b.cookie, origin, origin, len(form), form))
	if head, _, _ := strings.Cut(answer, "\r\n\r\n"); strings.Contains(strings.ToLower(head), "evil") || !strings.HasPrefix(answer, "HTTP/1.1 404") {
		t.Errorf("%.400s", answer)
	}
}

// No request that was accepted is dropped when the server stops.
func TestShutdown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.h.Listener(ln) }()

	// Headers have arrived, the body has not: the request is under way.
	type connection struct {
		net.Conn
		*bufio.Reader
	}
	var open []connection
	for range 8 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, "POST /signin HTTP/1.1\r\nHost: trak.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
		r := bufio.NewReader(c)
		for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
			if line, err := r.ReadString('\n'); err != nil || line != want {
				t.Fatalf("%q, %v", line, err)
			}
		}
		open = append(open, connection{c, r})
	}
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- w.h.Shutdown(ctx)
	}()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, c := range open {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, _ = io.WriteString(c.Conn, "a=1")
			res, err := http.ReadResponse(c.Reader, nil)
			if err != nil {
				t.Error("dropped:", err)
				return
			}
			if res.StatusCode != 403 || !res.Close {
				t.Errorf("%d, to be closed: %v", res.StatusCode, res.Close)
			}
			_ = res.Body.Close()
		}()
	}
	wg.Wait()
	for _, c := range open {
		_ = c.Conn.Close()
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("takes connections after it stopped")
	}
}
