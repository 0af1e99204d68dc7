package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/bench/rig"
)

// constantArg makes this program the server that the polls are compared with.
const constantArg = "serve-constant"

// serveConstant answers a constant: what Fiber itself costs.
func serveConstant(addr string) error {
	f := fiber.New(fiber.Config{DisableStartupMessage: true})
	f.Get("/*", func(c *fiber.Ctx) error { return c.SendString("ok") })
	return f.Listen(addr)
}

func startConstant(ctx context.Context, dir string) (*rig.Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := rig.FreeAddr()
	if err != nil {
		return nil, err
	}
	return rig.Start(ctx, exec.Command(self, constantArg, addr), dir, addr)
}

// polling measures G7: what it costs the server to say that an invoice has not changed, to
// somebody who is signed in, against Fiber's constant. The invoice is one that nobody pays.
func (b *bench) polling(int) error {
	cookie, err := signIn(b.ctx, "http://"+b.trak.Addr)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	path, err := b.pollPath(cookie)
	if err != nil {
		return err
	}
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nHX-Request: true\r\nCookie: %s=%s\r\n\r\n", path, b.trak.Addr, cookie.Name, cookie.Value)
	_, poll, err := onServer(b.trak, func() (rig.Result, error) {
		return rig.Load(b.trak.Addr, connections, b.polls, http.StatusNoContent, func(int) []byte { return request })
	})
	if err != nil {
		return fmt.Errorf("poll: %w", err)
	}
	plain := []byte("GET / HTTP/1.1\r\nHost: " + b.fiber.Addr + "\r\n\r\n")
	_, constant, err := onServer(b.fiber, func() (rig.Result, error) {
		return rig.Load(b.fiber.Addr, connections, b.polls, http.StatusOK, func(int) []byte { return plain })
	})
	if err != nil {
		return fmt.Errorf("constant route: %w", err)
	}
	b.pollCPU.add(poll)
	b.constantCPU.add(constant)
	b.pollRatio.add(poll / constant)
	return nil
}

var pollAttribute = regexp.MustCompile(`hx-get="([^"]*/status\?[^"]*)"`)

// pollPath is what the page of the last invoice polls: the page says it itself.
func (b *bench) pollPath(cookie *http.Cookie) (string, error) {
	inv := b.world.Invoices[len(b.world.Invoices)-1]
	page := fmt.Sprintf("http://%s/w/%s/payments/invoices/%s", b.trak.Addr, b.world.Slug, inv.ID)
	r, err := http.NewRequestWithContext(b.ctx, http.MethodGet, page, nil)
	if err != nil {
		return "", err
	}
	r.AddCookie(cookie)
	body, err := read(http.DefaultClient, r)
	if err != nil {
		return "", err
	}
	found := pollAttribute.FindSubmatch(body)
	if found == nil {
		return "", errors.New("the page of an open invoice polls nothing")
	}
	return html.UnescapeString(string(found[1])), nil
}

var formToken = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// signIn signs in as people do and returns the session's cookie.
func signIn(ctx context.Context, origin string) (*http.Cookie, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/signin", nil)
	if err != nil {
		return nil, err
	}
	body, err := read(client, r)
	if err != nil {
		return nil, err
	}
	token := formToken.FindSubmatch(body)
	if token == nil {
		return nil, errors.New("the sign-in page has no form token")
	}
	form := url.Values{"csrf": {string(token[1])}, "email": {rig.Email}, "password": {rig.Password}}
	r, err = http.NewRequestWithContext(ctx, http.MethodPost, origin+"/signin", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	if _, err := read(client, r); err != nil {
		return nil, err
	}
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	for _, c := range jar.Cookies(u) {
		if c.Name == "trak" {
			return c, nil
		}
	}
	return nil, errors.New("no session was started")
}

// read does a request that has to succeed and returns the body.
func read(client *http.Client, r *http.Request) ([]byte, error) {
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s was answered %d", r.Method, r.URL.Path, answer.StatusCode)
	}
	return body, err
}
