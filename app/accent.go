package app

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"trak/billing"
)

// readable is the contrast that text needs against what is behind it (WCAG 2, 1.4.3).
const readable = 4.5

// surfaces are what stands behind the accent on the client's page, in the light theme and in the
// dark one, and the text that is written on it: see public.css.
var (
	lightSurfaces = []rgb{{0xff, 0xff, 0xff}, {0xf4, 0xf4, 0xf2}}
	darkSurfaces  = []rgb{{0x18, 0x18, 0x1b}, {0x0c, 0x0c, 0x0e}, {0x16, 0x16, 0x1a}}
	white, black  = rgb{0xff, 0xff, 0xff}, rgb{}
)

// Accent is a workspace's colour in the two themes of the client's page, #rrggbb. No one colour can
// be read on both white and near-black, so that the dark theme has the nearest lighter one.
type Accent struct {
	Light, LightHover string
	Dark, DarkHover   string
}

var hexColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// AccentOf is the accent of a colour, #rrggbb. The error is an InputError: for what is no colour,
// and for one that is too pale to be read, with the nearest that can be.
func AccentOf(colour string) (Accent, error) {
	if !hexColour.MatchString(colour) {
		return Accent{}, billing.InputError("Write a colour like #2f55d4, or leave it empty")
	}
	n, err := strconv.ParseUint(colour[1:], 16, 32)
	if err != nil {
		return Accent{}, fmt.Errorf("read colour: %w", err)
	}
	c := rgb{byte(n >> 16), byte(n >> 8), byte(n)}
	if near := c.towards(black, lightSurfaces); near != c {
		return Accent{}, billing.InputError("This is too pale to read on white. The nearest that works is " + near.String())
	}
	dark := c.towards(white, darkSurfaces)
	return Accent{Light: c.String(), LightHover: c.mixed(black, 30).String(), Dark: dark.String(), DarkHover: dark.mixed(white, 60).String()}, nil
}

type rgb struct{ r, g, b byte }

func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

// towards is the first colour on the way from c to the end that can be read on all the surfaces.
func (c rgb) towards(end rgb, surfaces []rgb) rgb {
	for step := range 256 {
		if m := c.mixed(end, step); m.readableOn(surfaces) {
			return m
		}
	}
	return end
}

func (c rgb) readableOn(surfaces []rgb) bool {
	for _, s := range surfaces {
		if contrast(c, s) < readable {
			return false
		}
	}
	return true
}

// mixed is c with so many 255ths of another colour.
func (c rgb) mixed(with rgb, part int) rgb {
	mix := func(a, b byte) byte { return byte((int(a)*(255-part) + int(b)*part + 127) / 255) }
	return rgb{mix(c.r, with.r), mix(c.g, with.g), mix(c.b, with.b)}
}

// contrast is the ratio that WCAG defines, 1 to 21.
func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (c rgb) luminance() float64 {
	linear := func(v byte) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}
