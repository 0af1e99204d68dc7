package rig

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
)

var formToken = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// SignIn signs in as people do and returns the session's cookie.
func SignIn(ctx context.Context, origin string) (*http.Cookie, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/signin", nil)
	if err != nil {
		return nil, err
	}
	body, err := Read(client, r)
	if err != nil {
		return nil, err
	}
	token, err := FormToken(body)
	if err != nil {
		return nil, err
	}
	form := url.Values{"csrf": {token}, "email": {Email}, "password": {Password}}
	r, err = http.NewRequestWithContext(ctx, http.MethodPost, origin+"/signin", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	if _, err := Read(client, r); err != nil {
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

// Read does a request that has to succeed and returns the body.
func Read(client *http.Client, r *http.Request) ([]byte, error) {
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

// FormToken is what every form of a page carries.
func FormToken(page []byte) (string, error) {
	token := formToken.FindSubmatch(page)
	if token == nil {
		return "", errors.New("the page has no form token")
	}
	return string(token[1]), nil
}
