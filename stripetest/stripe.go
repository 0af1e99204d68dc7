package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// calls notes the ids of all calls, Trak's own included: they go through a proxy on this machine.
type calls struct {
	mu  sync.Mutex
	ids []string
}

func (c *calls) note(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id != "" {
		c.ids = append(c.ids, id)
	}
}

// take are the latest ids since the last take; of many, the last five.
func (c *calls) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := c.ids[max(0, len(c.ids)-5):]
	c.ids = nil
	return ids
}

// through serves what is between: it passes everything on to Stripe and notes the ids.
func (c *calls) through(base string) (*httptest.Server, error) {
	stripe, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(stripe)
			r.Out.Host = stripe.Host
		},
		ModifyResponse: func(r *http.Response) error {
			c.note(r.Header.Get("Request-Id"))
			return nil
		},
	}
	return httptest.NewServer(proxy), nil
}

type object map[string]any

func (o object) text(key string) string { s, _ := o[key].(string); return s }

func (o object) number(key string) int64 { n, _ := o[key].(float64); return int64(n) }

func (o object) child(key string) object { m, _ := o[key].(map[string]any); return m }

// refused is an answer of Stripe's that says no.
type refused struct {
	status  int
	message string
}

func (r *refused) Error() string { return fmt.Sprintf("%d %s", r.status, r.message) }

// call is one call to the API. params are pairs of name and value; a name that begins with a colon is
// that of a header.
func (s *session) call(ctx context.Context, method, path string, params ...string) (object, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	form := url.Values{}
	header := http.Header{}
	header.Set("Authorization", "Bearer "+s.key)
	header.Set("Stripe-Version", stripe.APIVersion)
	for i := 0; i < len(params); i += 2 {
		if name, ok := strings.CutPrefix(params[i], ":"); ok {
			header.Set(name, params[i+1])
		} else {
			form.Add(params[i], params[i+1])
		}
	}
	var body io.Reader
	if method == http.MethodGet {
		path += "?" + form.Encode()
	} else {
		body = strings.NewReader(form.Encode())
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r, err := http.NewRequestWithContext(ctx, method, s.proxy.URL+path, body)
	if err != nil {
		return nil, err
	}
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	var answer object
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= 400 {
		return nil, &refused{res.StatusCode, answer.child("error").text("message")}
	}
	return answer, nil
}

func (s *session) get(ctx context.Context, path string, params ...string) (object, error) {
	return s.call(ctx, http.MethodGet, path, params...)
}

func (s *session) post(ctx context.Context, path string, params ...string) (object, error) {
	return s.call(ctx, http.MethodPost, path, params...)
}

// list is the newest of a kind of objects.
func (s *session) list(ctx context.Context, path string, params ...string) (all []object, err error) {
	answer, err := s.get(ctx, path, append(params, "limit", "100")...)
	if err != nil {
		return nil, err
	}
	data, _ := answer["data"].([]any)
	for _, o := range data {
		m, _ := o.(map[string]any)
		all = append(all, m)
	}
	return all, nil
}
