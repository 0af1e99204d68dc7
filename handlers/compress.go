package handlers

import (
	"bytes"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"
)

// worthCompressing is the size from which a page goes out compressed: a smaller one fits into
// one packet anyway.
const worthCompressing = 1400

var gzippers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a valid one
	return w
}}

// compress packs the page that was rendered, for browsers that take it. Secrets in it are
// masked (see token.go).
func compress(c *fiber.Ctx) {
	body := c.Response().Body()
	if len(body) < worthCompressing || !strings.Contains(c.Get(fiber.HeaderAcceptEncoding), "gzip") {
		return
	}
	plain := bytes.Clone(body)
	c.Response().ResetBody()
	w := gzippers.Get().(*gzip.Writer)
	defer gzippers.Put(w)
	w.Reset(c.Response().BodyWriter())
	_, _ = w.Write(plain) // into memory: it never fails
	_ = w.Close()
	c.Set(fiber.HeaderContentEncoding, "gzip")
}
