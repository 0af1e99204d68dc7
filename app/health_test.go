package app_test

import (
	"testing"

	"trak/app"
)

func TestDiskRunsFull(t *testing.T) {
	t.Parallel()
	for free, want := range map[uint64]app.Level{100 << 20: app.Failure, 500 << 20: app.Warning, 2 << 30: app.Well, 60 << 30: app.Well} {
		if c := app.CheckFree(free); c.Level != want || (c.Fix == "") != (want == app.Well) {
			t.Errorf("%d bytes: %+v", free, c)
		}
	}
}
