package handlers

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// request is what is known of a request. It lives as long as its handler.
type request struct {
	id     string // in the log, in X-Request-Id, and on error pages
	user   *app.User
	actor  *app.Actor
	loaded bool // the session is in the context
}

type requestKey struct{}

func requestOf(c *fiber.Ctx) *request {
	if r, ok := c.Locals(requestKey{}).(*request); ok {
		return r
	}
	r := &request{id: newRequestID()}
	c.Locals(requestKey{}, r)
	return r
}

// newRequestID is no secret: it has to be different, not hard to guess.
func newRequestID() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], rand.Uint64())
	return hex.EncodeToString(b[:])
}

// begin goes around everything else: it gives the request its id and the response its headers,
// turns errors and panics into pages, and logs.
func (h *Server) begin(c *fiber.Ctx) (err error) {
	r := requestOf(c)
	h.beginHeaders(c, r.id)
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("panic", "request", r.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = h.fail(c, fiber.ErrInternalServerError)
		}
		h.logRequest(c, r)
	}()
	if err := c.Next(); err != nil {
		return h.fail(c, err)
	}
	return nil
}

// logRequest writes one line for a request: its route, never its path or query, which may hold
// a token. A poll that found nothing new is not worth a line, nor is an event that was taken,
// which is stored with its time, type and account, or refused: the handler has said so, as often
// as is good for the disk.
func (h *Server) logRequest(c *fiber.Ctx, r *request) {
	level := slog.LevelInfo
	status := c.Response().StatusCode()
	quiet := status == fiber.StatusNoContent && c.Method() == fiber.MethodGet ||
		(status == fiber.StatusOK || status == fiber.StatusBadRequest) && string(c.Request().URI().Path()) == webhookPath
	if quiet {
		level = slog.LevelDebug
	}
	ctx := context.Background()
	if !h.log.Enabled(ctx, level) {
		return
	}
	h.log.LogAttrs(ctx, level, "request",
		slog.String("request", r.id),
		slog.String("method", c.Method()),
		slog.String("route", c.Route().Path),
		slog.Int("status", status),
		slog.Int64("us", time.Since(c.Context().Time()).Microseconds()),
		slog.String("ip", h.clientIP(c)))
}

// healthz answers whoever asks whether Trak serves, under any host name.
func (h *Server) healthz(c *fiber.Ctx) error {
	if err := h.app.Ping(c.UserContext()); err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	if answer := h.app.AnswerProbe(c.Get(app.ProbeHeader), h.seen(c)); answer != "" {
		c.Set(app.ProbeHeader, answer)
	}
	return c.SendString("ok")
}

// seen is what the request looks like from here, for a look at whether the proxy is set up well.
func (h *Server) seen(c *fiber.Ctx) app.Seen {
	host := c.Request().Header.Host()
	s := app.Seen{Host: string(host), Ours: h.isOurs(host)}
	forwarded := c.Get(fiber.HeaderXForwardedFor) + c.Get(fiber.HeaderXForwardedProto) + c.Get(fiber.HeaderForwarded)
	switch {
	case h.isTrusted(peer(c)):
		s.Plain = h.https && cameByHTTP(c)
	case forwarded != "":
		s.Proxy = peer(c).String()
	}
	return s
}

// checkHost refuses requests that mean another host than the one Trak is reached at.
func (h *Server) checkHost(c *fiber.Ctx) error {
	// A request line with a whole address (RFC 9112, 3.2.2) wins over the Host header: both have to be ours.
	if !h.isOurs(c.Request().URI().Host()) || !h.isOurs(c.Request().Header.Host()) {
		return fiber.ErrMisdirectedRequest
	}
	return c.Next()
}

func (h *Server) isOurs(host []byte) bool {
	return bytes.EqualFold(host, h.host) || withoutDefaultPort(h.scheme(), string(host)) == string(h.host)
}

func (h *Server) scheme() string {
	if h.https {
		return "https"
	}
	return "http"
}

// toHTTPS sends people on whom a trusted proxy met without TLS to the https address.
func (h *Server) toHTTPS(c *fiber.Ctx) error {
	if h.https && cameByHTTP(c) && h.isTrusted(peer(c)) {
		return c.Redirect(h.url+string(c.Request().URI().RequestURI()), fiber.StatusPermanentRedirect)
	}
	return c.Next()
}

// cameByHTTP says whether the first of the proxies was reached without TLS. Those behind it add
// their word, if at all, at the end.
func cameByHTTP(c *fiber.Ctx) bool {
	first, _, _ := strings.Cut(c.Get(fiber.HeaderXForwardedProto), ",")
	return strings.EqualFold(strings.TrimSpace(first), "http")
}

// refuseEncoding refuses compressed bodies: Fiber unpacks them without a limit.
func (h *Server) refuseEncoding(c *fiber.Ctx) error {
	if e := c.Get(fiber.HeaderContentEncoding); e != "" && !strings.EqualFold(e, "identity") {
		return fiber.ErrUnsupportedMediaType
	}
	return c.Next()
}

// checkMethod answers a method that the path does not have, before anything else about the
// request can be wrong.
func (h *Server) checkMethod(c *fiber.Ctx) error {
	if isSafe(c.Method()) || h.has(c.Method(), c.Path()) {
		return c.Next()
	}
	for _, method := range []string{fiber.MethodGet, fiber.MethodHead, fiber.MethodPost} {
		if h.has(method, c.Path()) {
			c.Append(fiber.HeaderAllow, method)
		}
	}
	if len(c.Response().Header.Peek(fiber.HeaderAllow)) > 0 {
		return fiber.ErrMethodNotAllowed
	}
	return fiber.ErrNotFound
}

func (h *Server) has(method, path string) bool {
	for _, pattern := range h.paths[method] {
		if fiber.RoutePatternMatch(path, pattern, h.fiber.Config()) {
			return true
		}
	}
	return false
}

func isSafe(method string) bool {
	return method == fiber.MethodGet || method == fiber.MethodHead
}

// limitTime ends the work of a request that nobody waits for any more.
func (h *Server) limitTime(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	c.SetUserContext(app.From(ctx, h.clientIP(c)))
	return c.Next()
}
