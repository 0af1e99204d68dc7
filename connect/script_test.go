package connect

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// script is a Stripe that answers what the test says, for what stripe-mock can't do: it keeps
// no state and knows no errors. Routes are patterns of http.ServeMux.
func script(t *testing.T, routes map[string]http.HandlerFunc) (*Client, *recorder) {
	t.Helper()
	rec := &recorder{}
	mux := http.NewServeMux()
	for pattern, handle := range routes {
		mux.HandleFunc(pattern, handle)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		made := rec.record(r)
		if _, pattern := mux.Handler(r); pattern == "" {
			t.Errorf("unexpected call: %s %v", made, made.form)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return newClient(t, srv.URL), rec
}

func say(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func sayList(objects ...string) http.HandlerFunc {
	return say(200, `{"object":"list","has_more":false,"data":[`+strings.Join(objects, ",")+`]}`)
}

// sayPages answers with one object a page.
func sayPages(objects ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		page := 0
		if after := r.URL.Query().Get("starting_after"); after != "" {
			for i, o := range objects {
				if strings.Contains(o, `"id":"`+after+`"`) {
					page = i + 1
				}
			}
		}
		fmt.Fprintf(w, `{"object":"list","has_more":%v,"data":[%s]}`, page < len(objects)-1, objects[page])
	}
}

const (
	saysGone    = `{"error":{"type":"invalid_request_error","code":"account_invalid","message":"no access"}}`
	saysMissing = `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such object"}}`
)
