package handlers

import (
	"encoding/csv"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/gofiber/fiber/v2"
)

// sendCSV streams a table as a file: write is called while it is sent, after the handler has
// ended, so it must not use the request. An error in the middle breaks the file off, which
// browsers say.
func (h *Server) sendCSV(c *fiber.Ctx, name string, write func(*csv.Writer) error) error {
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Set(fiber.HeaderContentDisposition, fmt.Sprintf(`attachment; filename="%s"`, name))
	if c.Method() == fiber.MethodHead {
		return nil
	}
	from, to := io.Pipe()
	id := requestOf(c).id
	go func() {
		err := writeCSV(to, write)
		if err != nil {
			h.log.Error("a file was broken off", "request", id, "error", err)
		}
		_ = to.CloseWithError(err) // it never fails
	}()
	c.Context().SetBodyStream(from, -1)
	return nil
}

func writeCSV(to io.Writer, write func(*csv.Writer) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if _, err := io.WriteString(to, "\ufeff"); err != nil { // spreadsheets take it for UTF-8 then
		return err
	}
	w := csv.NewWriter(to)
	if err := write(w); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}
