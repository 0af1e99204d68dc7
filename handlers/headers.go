package handlers

import (
	"bytes"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// header is one response header as it is sent.
type header struct{ name, value []byte }

// securityHeaders are those of every response. A handler may set another Cache-Control.
func securityHeaders(https bool, formTargets []string) []header {
	list := [][2]string{
		// Chromium applies form-action to where a POST redirects, too.
		{fiber.HeaderContentSecurityPolicy, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
			"font-src 'self'; connect-src 'self'; form-action 'self' " + strings.Join(formTargets, " ") + "; base-uri 'none'; frame-ancestors 'none'"},
		{fiber.HeaderXContentTypeOptions, "nosniff"},
		{fiber.HeaderXFrameOptions, "DENY"},
		{fiber.HeaderReferrerPolicy, "same-origin"},
		{fiber.HeaderPermissionsPolicy, "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{fiber.HeaderCacheControl, "no-store, private"},
		{fiber.HeaderVary, "Cookie, HX-Request, HX-Request-Type, HX-Target, Accept-Encoding"},
	}
	if https {
		list = append(list, [2]string{fiber.HeaderStrictTransportSecurity, "max-age=31536000"})
	}
	headers := make([]header, len(list))
	for i, h := range list {
		headers[i] = header{[]byte(h[0]), []byte(h[1])}
	}
	return headers
}

// requestIDHeader is the name of the header with which people find a request in the log.
var requestIDHeader = []byte("X-Request-Id")

// beginHeaders begins a response, which has no headers yet. They are copied as a whole: to set
// one after another, each against all before it, costs a tenth of a small answer.
func (h *Server) beginHeaders(c *fiber.Ctx, requestID string) {
	h.start.CopyTo(&c.Response().Header)
	ownHeaders(c, requestID)
}

// setHeaders gives a response its headers again, whatever a handler has made of them. Others
// stay.
func (h *Server) setHeaders(c *fiber.Ctx, requestID string) {
	for _, header := range h.headers {
		c.Response().Header.SetCanonical(header.name, header.value)
	}
	ownHeaders(c, requestID)
}

// ownHeaders sets those that depend on the request.
func ownHeaders(c *fiber.Ctx, requestID string) {
	out := &c.Response().Header
	if bytes.HasPrefix(c.Request().URI().Path(), []byte("/i/")) {
		out.Set(fiber.HeaderReferrerPolicy, "no-referrer") // the address is a secret
	}
	out.SetCanonical(requestIDHeader, []byte(requestID))
}
