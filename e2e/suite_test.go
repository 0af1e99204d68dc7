// Package e2e drives Trak in a real Chromium, the way people use it: pages are found by
// address, and what is on them by role and accessible name, never by class or structure.
//
// Each flow starts a Trak of its own (`trak demo`, or `trak serve` beside `trak sandbox`) and
// has cookies of its own; all share one browser. A flow that fails leaves a picture, the HTML
// and the console of each of its tabs in artifacts/.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long a test waits for what should come. Polls of pages take 2 to 15 s.
const patience = 20 * time.Second

// screen is what the pages are seen on.
type screen struct {
	name          string
	width, height int64
	phone         bool // touch, and the viewport of a phone
}

var (
	desktop = screen{"desktop", 1280, 860, false}
	phone   = screen{"phone", 390, 844, true}
)

// suite is what all flows share: the program under test and a browser.
type suite struct {
	trak    string          // path of the binary
	browser context.Context // whose children are tabs
}

// newSuite builds Trak and starts the browser.
func newSuite(t *testing.T) *suite {
	t.Helper()
	s := &suite{trak: os.Getenv("TRAK_BINARY")}
	if s.trak == "" {
		s.trak = build(t)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(chrome(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		// Tabs of other tests are in front all the time, and may not slow this one down.
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("lang", "en-US"),
	)
	t.Cleanup(stop)
	var quit context.CancelFunc
	s.browser, quit = chromedp.NewContext(allocator)
	t.Cleanup(quit)
	if err := chromedp.Do(s.browser); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return s
}

// build makes the binary as the Makefile does.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trak")
	cmd := exec.Command("go", "build", "-tags", "sqlite_omit_load_extension netgo osusergo", "-o", path, ".")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "CGO_CFLAGS=-O2 -g -DHAVE_FDATASYNC=1 -DSQLITE_ENABLE_QPSG")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build Trak: %v\n%s", err, out)
	}
	return path
}

// chrome finds a browser. There is no test without one.
func chrome(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("TRAK_CHROME"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("these tests need Chromium. On Debian: apt-get install chromium. Elsewhere, name one in TRAK_CHROME.")
	return ""
}

// TestMain lets more flows run at once than there are cores: they wait for polls most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", "10"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
