package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// Limits of files, as Stripe documents them for evidence.
const (
	maxFile     = 5 << 20
	maxEvidence = 4_500_000 // of all files of a dispute together
	maxUpload   = 16 << 20  // of a request: more than a file may have, so that the refusal can say so
)

// fileTypes are what evidence may be, by what its first bytes say.
var fileTypes = map[string]string{"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}

// upload is a file that a call carries. Its content isn't kept.
type upload struct {
	name, kind string // kind is one of fileTypes, or empty
	size       int64
}

// isMultipart reports whether a request carries a file.
func isMultipart(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "multipart/form-data"
}

// readUpload reads a request that carries a file. In the form that it returns a hash stands in
// the file's place, so that idempotency keys tell files apart.
func readUpload(r *http.Request) (string, *upload, *apiError) {
	unreadable := invalid("", "", "The request could not be read.")
	parts, err := r.MultipartReader()
	if err != nil {
		return "", nil, unreadable
	}
	form := url.Values{}
	var file *upload
	for range maxKeys {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return form.Encode(), file, nil
		}
		if err != nil {
			return "", nil, tooLargeOr(err, unreadable)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return "", nil, tooLargeOr(err, unreadable)
		}
		if part.FormName() != "file" {
			form.Set(part.FormName(), string(content))
			continue
		}
		file = newUpload(part, content)
		sum := sha256.Sum256(content)
		form.Set("file", part.FileName()+" "+hex.EncodeToString(sum[:]))
	}
	return "", nil, unreadable
}

func newUpload(part *multipart.Part, content []byte) *upload {
	kind, _, _ := strings.Cut(http.DetectContentType(bytes.Clone(content[:min(len(content), 512)])), ";")
	return &upload{part.FileName(), fileTypes[kind], int64(len(content))}
}

func tooLargeOr(err error, other *apiError) *apiError {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return requestTooLarge
	}
	return other
}

func (s *Server) createFile(c *call) (any, error) {
	switch {
	case c.file == nil:
		return nil, invalid("parameter_missing", "file", "Missing required param: file. Send it as multipart/form-data.")
	case text(c.in, "purpose") != "dispute_evidence":
		return nil, invalid("", "purpose", "The sandbox takes files as dispute_evidence only.")
	case c.file.kind == "":
		return nil, invalid("", "file", "Invalid file type. Files for dispute_evidence must be PDF, JPEG or PNG.")
	case c.file.size > maxFile:
		return nil, invalid("", "file", "The file you uploaded is too large. Files for dispute_evidence can have 5 MB at most.")
	}
	file := blank("file")
	file["id"] = s.newID("file_1", 23)
	file["created"] = s.unix()
	file["purpose"] = c.in["purpose"]
	file["filename"], file["type"], file["size"] = nullable(c.file.name), c.file.kind, c.file.size
	file["links"] = whole([]any{}, "/v1/file_links?file="+text(file, "id"))
	s.add("file", c.account, file)
	return file, nil
}
