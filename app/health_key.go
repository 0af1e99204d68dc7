package app

import (
	"context"
	"fmt"
	"time"

	"trak/db"
)

// checkKey says which secret key encrypts what rests in the database, where it comes from, and
// since when.
func (a *App) checkKey(ctx context.Context) Check {
	c := Check{Key: "secret_key", Name: "Secret key"}
	var used secretKey
	err := a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		used, err = keyInUse(ctx, q)
		return err
	})
	if err != nil {
		return c.warned("Since when it is in use could not be found out: "+clip(err.Error())+".", "See Trak's log.")
	}
	return c.well(fmt.Sprintf("%s, from %s, in use since %s.", a.secrets.KeyID(), a.keySource, time.UnixMicro(used.Since).UTC().Format(time.DateOnly)))
}
