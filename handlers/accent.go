package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// A workspace's colour reaches the client's page as a style sheet, whose address holds the colour
// itself: it tells nothing of whose it is, and may be kept for ever.

var accentName = regexp.MustCompile(`^([0-9a-f]{6})\.[0-9a-f]{8}\.css$`)

// accentURL is the address of the style sheet of a colour, #rrggbb; "" when it is none that can be
// used.
func accentURL(colour string) string {
	css, err := accentCSS(colour)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(css))
	return staticURL + "accent/" + colour[1:] + "." + hex.EncodeToString(sum[:4]) + ".css"
}

func accentCSS(colour string) (string, error) {
	a, err := app.AccentOf(colour)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(":root{--brand:light-dark(%s,%s);--brand-hover:light-dark(%s,%s);--brand-text:light-dark(#ffffff,#16161a)}\n",
		a.Light, a.Dark, a.LightHover, a.DarkHover), nil
}

func (h *Server) accent(c *fiber.Ctx) error {
	m := accentName.FindStringSubmatch(c.Params("name"))
	if m == nil || accentURL("#"+m[1]) != c.Path() {
		return fiber.ErrNotFound
	}
	css, err := accentCSS("#" + m[1])
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, contentTypes[".css"])
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	return c.SendString(css)
}
