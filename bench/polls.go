package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"trak/bench/rig"
)

// polling measures G7: what it costs the server to say that an invoice has not changed, to
// somebody who is signed in, against Fiber's constant. The invoice is one that nobody pays.
func (b *bench) polling() error {
	cookie, err := signIn(b.ctx, "http://"+b.trak.Addr)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	who := rig.Member{Session: cookie.Value}
	path, err := pollOf(b.ctx, b.trak.Addr, who, "/w/"+b.world.Slug+"/payments/invoices/"+b.world.Invoices[len(b.world.Invoices)-1].ID)
	if err != nil {
		return err
	}
	request := who.Poll(b.trak.Addr, path)
	_, poll, err := onServer(b.trak, func() (rig.Result, error) {
		return rig.Load(b.trak.Addr, connections, b.polls, http.StatusNoContent, func(int) []byte { return request })
	})
	if err != nil {
		return fmt.Errorf("poll: %w", err)
	}
	constant, err := b.constant()
	if err != nil {
		return err
	}
	b.atMost(1.8, "G7", "CPU of an unchanged status poll ÷ of a constant Fiber route").add(poll / constant)
	b.figure("unchanged status poll, the server's CPU", "µs", "%.1f").add(poll)
	return nil
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
