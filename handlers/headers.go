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

func (h *Server) setHeaders(c *fiber.Ctx, requestID string) {
	out := &c.Response().Header
	for _, header := range h.headers {
		out.SetCanonical(header.name, header.value)
	}
	if bytes.HasPrefix(c.Request().URI().Path(), []byte("/i/")) {
		out.Set(fiber.HeaderReferrerPolicy, "no-referrer") // the address is a secret
	}
	out.Set("X-Request-Id", requestID)
}
