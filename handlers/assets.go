package handlers

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/gofiber/fiber/v2"
)

// The layout of the tree that holds the assets.
const (
	staticDir = "static"
	iconDir   = "static/vendor/icons"
	staticURL = "/static/"
)

// contentTypes are the kinds of file that are served; all others below static/ are not.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

// brotliLevel makes files about a tenth smaller than gzip does, in a few milliseconds.
const brotliLevel = 6

// assets are the static files: each under a name that changes with its content, so that
// browsers may keep it forever. The maps are read-only after newAssets.
type assets struct {
	urls  map[string]string        // "trak.css" to "/static/trak.1a2b3c4d.css"
	files map[string]*asset        // "trak.1a2b3c4d.css" to what is sent
	icons map[string]template.HTML // "plus" to its <svg>
}

// asset is one file and, unless it is compressed already as fonts are, its encodings.
// They are made when it is first asked for, so that the start does not wait for them.
type asset struct {
	contentType string
	raw         []byte

	once         sync.Once
	gzip, brotli []byte
}

// newAssets reads the folder static/ of fsys.
func newAssets(fsys fs.FS) (*assets, error) {
	a := &assets{
		urls:  map[string]string{},
		files: map[string]*asset{},
		icons: map[string]template.HTML{},
	}
	if err := a.loadIcons(fsys); err != nil {
		return nil, err
	}
	sources, err := readStatic(fsys)
	if err != nil {
		return nil, err
	}
	// Style sheets come last: they name fonts by the addresses that are made here.
	for name, body := range sources {
		if path.Ext(name) != ".css" {
			a.add(name, body)
		}
	}
	for name, body := range sources {
		if path.Ext(name) == ".css" {
			body, err := a.rewriteURLs(body)
			if err != nil {
				return nil, fmt.Errorf("static/%s: %w", name, err)
			}
			a.add(name, body)
		}
	}
	return a, nil
}

// forReaders is what our own style sheets and scripts carry only for who reads the source,
// an eighth of the bytes: indentation, comments of whole lines and /* */ comments.
var forReaders = regexp.MustCompile(`(?m)^[ \t]*//.*\n|(?s:/\*.*?\*/)\n?|^[ \t]+`)

// readStatic returns the files that are served, by their name below static/.
func readStatic(fsys fs.FS) (map[string][]byte, error) {
	sources := map[string][]byte{}
	err := fs.WalkDir(fsys, staticDir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == iconDir {
			return fs.SkipDir // icons are written into the pages
		}
		if d.IsDir() || contentTypes[path.Ext(name)] == "" {
			return nil
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if ours := path.Dir(name) == staticDir; ours {
			body = forReaders.ReplaceAll(body, nil)
		}
		sources[strings.TrimPrefix(name, staticDir+"/")] = body
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	return sources, nil
}

// add files body under its hashed name.
func (a *assets) add(name string, body []byte) {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:4]) + ext
	a.urls[name] = staticURL + hashed
	a.files[hashed] = &asset{contentType: contentTypes[ext], raw: body}
}

// cssURL is a reference as our style sheets write it: unquoted, relative to static/.
var cssURL = regexp.MustCompile(`url\(([^)]*)\)`)

// rewriteURLs gives each url() of a style sheet the hashed address of its file.
func (a *assets) rewriteURLs(css []byte) ([]byte, error) {
	var unknown error
	out := cssURL.ReplaceAllFunc(css, func(ref []byte) []byte {
		name := string(cssURL.FindSubmatch(ref)[1])
		if a.urls[name] == "" {
			unknown = fmt.Errorf("url(%s): no such file", name)
		}
		return []byte("url(" + a.urls[name] + ")")
	})
	return out, unknown
}

// compressible reports whether the file becomes smaller: all kinds do but woff2.
func (f *asset) compressible() bool { return f.contentType != contentTypes[".woff2"] }

func (f *asset) compress() {
	f.gzip, f.brotli = gzipped(f.raw), brotlied(f.raw)
}

// A bytes.Buffer never fails to take what is written, so neither do these two.

func gzipped(body []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = w.Write(body)
	_ = w.Close()
	return out.Bytes()
}

func brotlied(body []byte) []byte {
	var out bytes.Buffer
	w := brotli.NewWriterLevel(&out, brotliLevel)
	_, _ = w.Write(body)
	_ = w.Close()
	return out.Bytes()
}

// URL returns the address of a file by its name below static/. Templates call it as
// asset; an unknown name is a mistake in a template and fails its rendering.
func (a *assets) URL(name string) (string, error) {
	url, ok := a.urls[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return url, nil
}

// serve answers GET and HEAD of /static/*. The names are a fixed map, so no path can
// lead out of it. A name stands for one content, which may be kept forever.
func (a *assets) serve(c *fiber.Ctx) error {
	f, ok := a.files[c.Params("*")]
	if !ok {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderContentType, f.contentType)
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	if !f.compressible() {
		return c.Send(f.raw)
	}
	f.once.Do(f.compress)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	switch {
	case accepts(c, "br"):
		c.Set(fiber.HeaderContentEncoding, "br")
		return c.Send(f.brotli)
	case accepts(c, "gzip"):
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(f.gzip)
	}
	return c.Send(f.raw)
}

// accepts reports whether the client named the encoding. A request without the header
// would take any (RFC 9110, 12.5.3), but those who leave it out seldom unpack one.
func accepts(c *fiber.Ctx, encoding string) bool {
	return c.Get(fiber.HeaderAcceptEncoding) != "" && c.AcceptsEncodings(encoding) == encoding
}
