package handlers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"regexp"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"trak/app"
)

// Files come in through two forms alone: that of the evidence against a dispute, and that of a
// workspace's logo. Every other form is small and refused when it is multipart.

const (
	// These are more than a file may have, so that the form can say what is too large.
	maxUpload     = 12 << 20
	maxLogoUpload = 2 * app.MaxLogo
	uploadTimeout = time.Minute // of headers and body
	maxUploadText = 700_000     // bytes of one text
	maxParts      = 200
)

// upload is an address that takes files, who may send them, and how large the form may be.
type upload struct {
	path *regexp.Regexp // with the workspace's slug
	may  app.Permission
	most int // bytes
}

var uploads = []upload{
	{regexp.MustCompile(`^/w/([a-z0-9-]+)/payments/disputes/[A-Za-z0-9_-]{1,255}/answer$`), app.AnswerDisputes, maxUpload},
	{regexp.MustCompile(`^/w/([a-z0-9-]+)/settings/logo$`), app.EditSettings, maxLogoUpload},
}

// uploadAt is the upload that an address takes, with the slug in it; ok is false for any other.
func uploadAt(path []byte) (u upload, slug string, ok bool) {
	for _, u := range uploads {
		if m := u.path.FindSubmatch(path); m != nil {
			return u, string(m[1]), true
		}
	}
	return upload{}, "", false
}

// uploadLimits are those of a request that may carry files. The whole body is kept in memory before
// any handler runs, so that only those get them who may send files there.
func (h *Server) uploadLimits(r *fasthttp.RequestHeader) (limits fasthttp.RequestConfig) {
	if !r.IsPost() || !isMultipart(r.ContentType()) {
		return limits // most requests: it costs them nothing
	}
	to, slug, ok := uploadAt(r.RequestURI())
	token := string(r.Cookie(h.session.Cookie.Name))
	if !ok || token == "" {
		return limits
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	actor, err := h.app.ActorOfSession(ctx, token, slug)
	if err != nil || !actor.May(to.may) {
		return limits
	}
	return fasthttp.RequestConfig{MaxRequestBodySize: to.most, ReadTimeout: uploadTimeout}
}

func isMultipart(kind []byte) bool {
	media, _, _ := mime.ParseMediaType(string(kind))
	return media == fiber.MIMEMultipartForm
}

// partsOf reads the body of an upload; nil for any other request.
func partsOf(c *fiber.Ctx) *multipart.Reader {
	header := c.Request().Header.ContentType()
	if _, _, ok := uploadAt(c.Request().URI().Path()); !ok || !isMultipart(header) {
		return nil
	}
	_, params, err := mime.ParseMediaType(string(header))
	if err != nil || params["boundary"] == "" {
		return nil
	}
	return multipart.NewReader(bytes.NewReader(c.Request().Body()), params["boundary"])
}

// firstToken is the form token of an upload, which is its first part.
func firstToken(c *fiber.Ctx) []byte {
	parts := partsOf(c)
	if parts == nil {
		return nil
	}
	part, err := parts.NextRawPart()
	if err != nil || part.FormName() != "csrf" {
		return nil
	}
	token, err := io.ReadAll(io.LimitReader(part, 1000))
	if err != nil {
		return nil
	}
	return token
}

// readUpload reads a form with the files that came with it. An input without a chosen file is sent
// as an empty one without a name, and left out.
func readUpload(c *fiber.Ctx) (f form, files []app.EvidenceUpload, err error) {
	parts := partsOf(c)
	if parts == nil {
		f, err = readForm(c)
		return f, nil, err
	}
	f = form{values: map[string]string{}}
	for range maxParts {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return f, files, nil
		}
		if err != nil {
			return f, nil, fiber.ErrBadRequest
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return f, nil, fiber.ErrBadRequest
		}
		_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		name, isFile := params["filename"]
		switch {
		case isFile && (name != "" || len(content) > 0):
			files = append(files, app.EvidenceUpload{Field: part.FormName(), Name: clean(name), Content: content})
		case isFile:
		case len(content) > maxUploadText:
			return f, nil, fiber.ErrRequestEntityTooLarge
		default:
			if _, twice := f.values[part.FormName()]; !twice {
				f.values[part.FormName()] = clean(string(content))
				f.order = append(f.order, part.FormName())
			}
		}
	}
	return f, nil, fiber.ErrRequestEntityTooLarge
}
