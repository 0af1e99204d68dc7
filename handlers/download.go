package handlers

import (
	"bufio"
	"context"
	"regexp"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"trak/app"
	"trak/billing"
)

// downloadTime is how long a download may take. Other answers are small, and sent at once or not.
const downloadTime = 10 * time.Minute

var downloads = regexp.MustCompile(`^/w/([a-z0-9-]+)/settings/export$`)

// downloadLimits are those of a request for a large file, for those alone who may have it.
func (h *Server) downloadLimits(r *fasthttp.RequestHeader) (limits fasthttp.RequestConfig, ok bool) {
	if !r.IsPost() {
		return limits, false
	}
	place := downloads.FindSubmatch(r.RequestURI())
	token := string(r.Cookie(h.session.Cookie.Name))
	if place == nil || token == "" {
		return limits, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	actor, err := h.app.ActorOfSession(ctx, token, string(place[1]))
	return fasthttp.RequestConfig{WriteTimeout: downloadTime}, err == nil && actor.May(app.Export)
}

// exportWorkspace sends all of the workspace while it is read.
func (h *Server) exportWorkspace(c *fiber.Ctx) error {
	actor, id := actorOf(c), requestOf(c).id
	write, err := h.app.ExportWorkspace(c.UserContext(), actor)
	if err != nil {
		return err
	}
	h.download(c, "application/zip", "trak-export-"+string(billing.Today(actor.Workspace.Location(), h.now()))+".zip")
	c.Response().SetBodyStreamWriter(func(w *bufio.Writer) {
		if err := write(w); err != nil { // the file ends without its directory, which no program takes for whole
			h.log.Error("export broke off", "request", id, "error", err)
		}
	})
	return nil
}

func (h *Server) exportClient(c *fiber.Ctx) error {
	actor, id := actorOf(c), c.Params("id")
	data, err := h.app.ExportClient(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	h.download(c, fiber.MIMEApplicationJSONCharsetUTF8, "client-"+id+".json")
	return c.Send(data)
}

// download says that the answer is a file to be kept, under a name that is made of ids and dates.
func (h *Server) download(c *fiber.Ctx, kind, name string) {
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+name+`"`)
}
