package app

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"trak/auth"
)

// ProbeHeader is how a look at APP_URL recognizes this Trak: the request carries a random word,
// and the answer what the server saw, sealed for that word.
const ProbeHeader = "X-Trak-Probe"

const (
	probeTime = 5 * time.Second
	maxProbe  = 64 // length of the word
)

// Seen is what a request through the proxy looks like to the server.
type Seen struct {
	Host  string // as the request names it
	Ours  bool   // that is the host of APP_URL
	Plain bool   // a trusted proxy says that it was met without TLS
	Proxy string // address of a proxy that is not trusted, "" when there is none
}

// AnswerProbe seals what the server saw of a probe, "" for what is no probe. Only Trak with the
// same secret key can open it, so that it tells nobody else anything.
func (a *App) AnswerProbe(word string, seen Seen) string {
	if word == "" || len(word) > maxProbe {
		return ""
	}
	plain, err := json.Marshal(seen)
	if err != nil {
		return ""
	}
	sealed, err := a.secrets.Seal(plain, probeOf(word))
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(sealed)
}

func (a *App) openProbe(word, answer string) (seen Seen, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(answer)
	if err != nil {
		return seen, false
	}
	plain, err := a.secrets.Open(sealed, probeOf(word))
	return seen, err == nil && json.Unmarshal(plain, &seen) == nil
}

func probeOf(word string) []byte { return []byte("probe " + word) }

// checkAddress goes to APP_URL as a client's browser does, through DNS, proxy and TLS, and looks
// whether it comes out here.
func (a *App) checkAddress(ctx context.Context) Check {
	c := Check{Key: "address", Name: "Address"}
	if !a.health.serving.Load() {
		return c.warned("Trak is not running, so nothing was tried.", "Start it with \"trak serve\", and ask again.")
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/healthz", nil)
	if err != nil {
		return c.failed(fmt.Sprintf("%s is no address: %v", a.url, err), "Correct APP_URL, and start Trak again.")
	}
	word := auth.NewToken()
	request.Header.Set(ProbeHeader, word)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return a.unreached(c, err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, 4<<10)
	return a.reached(c, response, word)
}

// unreached says why nothing answers.
func (a *App) unreached(c Check, err error) Check {
	var (
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &certificate):
		return c.failed(fmt.Sprintf("The certificate of %s is not valid: %v.", a.url, certificate.Err), "Renew the certificate at the proxy, or correct APP_URL.")
	case errors.As(err, &name):
		return c.failed(fmt.Sprintf("The name in %s can't be found.", a.url), "Correct the name's DNS record, or APP_URL.")
	case errors.Is(err, context.DeadlineExceeded):
		return c.failed(fmt.Sprintf("%s did not answer within %s.", a.url, probeTime), "See whether the name leads to the proxy, the proxy to TRAK_ADDR, and the firewall lets both pass.")
	}
	var through *url.Error
	if errors.As(err, &through) {
		err = through.Err
	}
	return c.failed(fmt.Sprintf("%s can't be reached: %v.", a.url, err), "See whether the proxy runs and listens under that name and port, or correct APP_URL.")
}

// reached looks at what answers.
func (a *App) reached(c Check, response *http.Response, word string) Check {
	if to, err := response.Location(); err == nil {
		return a.ledOn(c, to)
	}
	const pass = "Let the proxy pass all requests on to TRAK_ADDR of this Trak."
	if response.StatusCode != http.StatusOK {
		return c.failed(fmt.Sprintf("%s answers %s.", a.url, response.Status), pass)
	}
	seen, ok := a.openProbe(word, response.Header.Get(ProbeHeader))
	switch {
	case !ok:
		return c.failed("Something else than this Trak answers at "+a.url+".", pass)
	case !seen.Ours:
		return c.failed(fmt.Sprintf("The proxy passes requests on with the host %q.", seen.Host), "Let the proxy leave the Host header as it came.")
	case seen.Plain:
		return c.failed("The proxy says that "+a.url+" is reached without TLS.", "Let the proxy set X-Forwarded-Proto to https.")
	case seen.Proxy != "":
		return c.warned("The proxy at "+seen.Proxy+" is not trusted, so that limits count all visitors as one.", "Add "+seen.Proxy+" to TRUSTED_PROXIES, and start Trak again.")
	}
	return c.well(a.url + " leads here.")
}

// ledOn is for an address that leads to another one.
func (a *App) ledOn(c Check, to *url.URL) Check {
	there := to.Scheme + "://" + to.Host
	text := a.url + " leads on to " + there + "."
	if there == a.url {
		return c.failed(a.url+" leads on to "+to.Path+", and not here.", "Let the proxy pass all requests on to TRAK_ADDR of this Trak.")
	}
	return c.failed(text, "Set APP_URL to "+there+" and start Trak again, or stop the proxy from leading on.")
}
