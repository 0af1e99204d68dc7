package handlers

import (
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
)

// loadIcons keeps each Lucide icon as the markup that pages carry. Colour, stroke and
// size are those of the class i in the style sheets.
func (a *assets) loadIcons(fsys fs.FS) error {
	names, err := fs.Glob(fsys, iconDir+"/*.svg")
	if err != nil {
		return fmt.Errorf("list icons: %w", err)
	}
	for _, name := range names {
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return fmt.Errorf("read icon: %w", err)
		}
		shapes, err := shapesOf(string(body))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		a.icons[strings.TrimSuffix(path.Base(name), ".svg")] = template.HTML(
			`<svg class="i" viewBox="0 0 24 24" aria-hidden="true">` + shapes + `</svg>`)
	}
	return nil
}

// shapesOf returns what stands inside the <svg> element, on one line.
func shapesOf(svg string) (string, error) {
	_, rest, found := strings.Cut(svg, "<svg")
	_, rest, open := strings.Cut(rest, ">")
	shapes, _, closed := strings.Cut(rest, "</svg>")
	if !found || !open || !closed {
		return "", fmt.Errorf("not an svg file")
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(shapes), " "), " />", "/>"), nil
}

// icon returns the markup of a Lucide icon. It says nothing to screen readers: the text
// or the aria-label beside it does. An unknown name fails the template.
func (a *assets) icon(name string) (template.HTML, error) {
	icon, ok := a.icons[name]
	if !ok {
		return "", fmt.Errorf("no icon %q", name)
	}
	return icon, nil
}
