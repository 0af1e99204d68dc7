package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // registers the format, as the next ones do
	"image/png"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"

	"trak/billing"
	"trak/db"
)

// Limits of a picture that is sent as a logo. Its size is looked at before it is decoded: a file of
// a few bytes may claim to be as large as it likes.
const (
	MaxLogo       = 2 << 20 // bytes
	maxLogoSide   = 4096    // pixels
	maxLogoPixels = 8 << 20
	logoSide      = 512 // of what is kept, at most
)

const (
	errLogoKind  = billing.InputError("Choose a PNG, JPEG or WebP picture. SVG is not taken: it may hold more than a picture")
	errLogoLarge = billing.InputError("Choose a picture of at most 2 MB, and at most 4096 pixels on a side")
	errLogoBad   = billing.InputError("This picture can't be read. Save it again as PNG, and choose that")
)

// SetLogo makes a picture the workspace's logo. It is decoded and encoded anew, so that nothing but
// pixels of it is kept. Owners and admins may do it. Returns FieldErrors for the field logo.
func (a *App) SetLogo(ctx context.Context, actor Actor, picture []byte) error {
	if err := a.need(ctx, actor, EditSettings); err != nil {
		return err
	}
	encoded, err := a.drawLogo(picture)
	if err != nil {
		errs := billing.FieldErrors{}
		errs.Check("logo", err)
		return errs
	}
	sum := sha256.Sum256(encoded)
	hash := hex.EncodeToString(sum[:8])
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		if err := record(ctx, tx, actor, "settings.logo", actor.WorkspaceID, nil, hash); err != nil {
			return err
		}
		if err := tx.PutLogo(ctx, db.PutLogoParams{WorkspaceID: actor.WorkspaceID, Png: encoded}); err != nil {
			return fmt.Errorf("keep logo: %w", err)
		}
		return a.showLogo(ctx, tx, actor, hash)
	})
}

// RemoveLogo goes back to the first letter of the name. Owners and admins may do it.
func (a *App) RemoveLogo(ctx context.Context, actor Actor) error {
	if err := a.need(ctx, actor, EditSettings); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		if err := record(ctx, tx, actor, "settings.logo.remove", actor.WorkspaceID, nil, nil); err != nil {
			return err
		}
		if err := tx.DeleteLogo(ctx, actor.WorkspaceID); err != nil {
			return fmt.Errorf("remove logo: %w", err)
		}
		return a.showLogo(ctx, tx, actor, "")
	})
}

func (a *App) showLogo(ctx context.Context, tx *db.Tx, actor Actor, hash string) error {
	if _, err := tx.SetWorkspaceLogo(ctx, db.SetWorkspaceLogoParams{ID: actor.WorkspaceID, Logo: hash}); err != nil {
		return fmt.Errorf("name logo: %w", err)
	}
	a.workspaceChanged(tx, actor.WorkspaceID)
	return nil
}

// Logo is the workspace's logo, a PNG. Members may see it. ErrNotFound when there is none.
func (a *App) Logo(ctx context.Context, actor Actor) (picture []byte, err error) {
	if err := a.need(ctx, actor, ViewInvoices); err != nil {
		return nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		picture, err = logoOf(ctx, q, actor.WorkspaceID)
		return err
	})
	return picture, err
}

// PublicLogo is the logo on the page of an invoice's client. ErrNotFound for an unknown token, and
// when there is none.
func (a *App) PublicLogo(ctx context.Context, token string) (picture []byte, err error) {
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		inv, err := publicInvoice(ctx, q, token)
		if err != nil {
			return err
		}
		picture, err = logoOf(ctx, q, inv.WorkspaceID)
		return err
	})
	return picture, err
}

func logoOf(ctx context.Context, q *db.Queries, workspaceID string) ([]byte, error) {
	picture, err := q.Logo(ctx, workspaceID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read logo: %w", err)
	}
	return picture, nil
}

// drawLogo decodes a picture and encodes it as a PNG of at most logoSide pixels on a side. Pictures
// are decoded one at a time: each may take a hundred megabytes for a moment. Errors are InputErrors.
func (a *App) drawLogo(picture []byte) ([]byte, error) {
	if len(picture) > MaxLogo {
		return nil, errLogoLarge
	}
	config, kind, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return nil, errLogoKind
	}
	if kind == "webp" && !webpFits(picture) || !fits(config.Width, config.Height) {
		return nil, errLogoLarge
	}
	a.drawing.Lock()
	defer a.drawing.Unlock()
	full, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil || !fits(full.Bounds().Dx(), full.Bounds().Dy()) {
		return nil, errLogoBad
	}
	var out bytes.Buffer
	if err := png.Encode(&out, reduced(full)); err != nil {
		return nil, fmt.Errorf("encode logo: %w", err)
	}
	return out.Bytes(), nil
}

func fits(width, height int) bool {
	return width > 0 && height > 0 && width <= maxLogoSide && height <= maxLogoSide && width*height <= maxLogoPixels
}

func reduced(full image.Image) image.Image {
	width, height := full.Bounds().Dx(), full.Bounds().Dy()
	if longest := max(width, height); longest > logoSide {
		width, height = max(1, width*logoSide/longest), max(1, height*logoSide/longest)
	}
	small := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(small, small.Bounds(), full, full.Bounds(), draw.Src, nil)
	return small
}

// webpFits looks at the size in each chunk of a WebP file that has one: the decoder goes by that of
// the picture inside, which may be another than the file's own.
func webpFits(file []byte) bool {
	const head, chunkHead = 12, 8
	sizes := 0
	for rest := file[min(head, len(file)):]; len(rest) >= chunkHead; {
		kind, length := string(rest[:4]), int(binary.LittleEndian.Uint32(rest[4:chunkHead]))
		body := rest[chunkHead:min(len(rest), chunkHead+length)]
		width, height := 1, 1
		switch {
		case kind == "VP8X" && len(body) >= 10:
			width, height = int(body[4])|int(body[5])<<8|int(body[6])<<16, int(body[7])|int(body[8])<<8|int(body[9])<<16
			width, height = width+1, height+1
		case kind == "VP8 " && len(body) >= 10:
			width, height = int(binary.LittleEndian.Uint16(body[6:]))&0x3fff, int(binary.LittleEndian.Uint16(body[8:]))&0x3fff
		case kind == "VP8L" && len(body) >= 5:
			bits := binary.LittleEndian.Uint32(body[1:])
			width, height = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
		default:
			sizes--
		}
		sizes++
		if !fits(width, height) {
			return false
		}
		rest = rest[min(len(rest), chunkHead+length+length%2):]
	}
	return sizes > 0
}
