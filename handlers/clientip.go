package handlers

import (
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// clientIP is the address that the request came from: that of the connection, or the right-most
// one of X-Forwarded-For that is not a trusted proxy's. What stands further left was written by
// whoever sent it.
func (h *Server) clientIP(c *fiber.Ctx) string {
	addr := peer(c)
	if !h.isTrusted(addr) {
		return addr.String()
	}
	var chain []string
	for _, value := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		chain = append(chain, strings.Split(string(value), ",")...)
	}
	for i := len(chain) - 1; i >= 0 && h.isTrusted(addr); i-- {
		hop, ok := parseHop(chain[i])
		if !ok {
			break
		}
		addr = hop
	}
	return addr.String()
}

// peer is the other end of the connection.
func peer(c *fiber.Ctx) netip.Addr {
	addr, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	return addr.Unmap()
}

func (h *Server) isTrusted(addr netip.Addr) bool {
	for _, p := range h.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parseHop reads an address as proxies write it, with or without a port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	addr, err := netip.ParseAddr(s)
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
