package main

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// What the README says about settings, commands and files is so.

func TestReadmeSettings(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md")
	_, text, _ := strings.Cut(readme, "### Settings")
	text, _, _ = strings.Cut(text, "### Commands")
	real := settingNames()
	var said []string
	for _, m := range regexp.MustCompile("`([A-Z][A-Z0-9_]+)`").FindAllStringSubmatch(text, -1) {
		said = append(said, m[1])
	}
	for _, name := range said {
		if !slices.Contains(real, name) {
			t.Errorf("README.md: there is no setting %s", name)
		}
	}
	for _, name := range real {
		if !slices.Contains(said, name) {
			t.Errorf("README.md: the setting %s is missing", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^#?([A-Z][A-Z0-9_]+)=`).FindAllStringSubmatch(read(t, ".env.example"), -1) {
		if !slices.Contains(real, m[1]) {
			t.Errorf(".env.example: there is no setting %s", m[1])
		}
	}
}

// settingNames are the environment's names of all settings, old ones included.
func settingNames() (names []string) {
	c := reflect.TypeFor[configuration]()
	for i := range c.NumField() {
		names = append(names, strings.Split(c.Field(i).Tag.Get("env"), ",")...)
	}
	return names
}

func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	readme := read(t, "README.md")
	app := kong.Must(&commands{}, kong.Name("trak")).Model
	said := regexp.MustCompile("(?:`|\\./)trak ((?:[a-z]+(?:-[a-z]+)* ?)+)(--[a-z]+)?").FindAllStringSubmatch(readme, -1)
	flags := regexp.MustCompile("`(--[a-z-]+)[ `]").FindAllStringSubmatch(readme, -1)
	if len(said) == 0 || len(flags) == 0 {
		t.Fatal("README.md names no commands")
	}
	for _, m := range said {
		node := app.Node
		for _, word := range strings.Fields(m[1]) {
			i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word })
			if i < 0 {
				t.Errorf("README.md: there is no command trak %s", m[1])
				break
			}
			node = node.Children[i]
		}
	}
	known := map[string]bool{"--help": true}
	for _, leaf := range app.Leaves(true) {
		for _, f := range leaf.Flags {
			known["--"+f.Name] = true
		}
		if !strings.Contains(readme, "trak "+strings.TrimPrefix(leaf.Path(), "trak ")) {
			t.Errorf("README.md: the command %s is missing", leaf.Path())
		}
	}
	for _, m := range flags {
		if !known[m[1]] {
			t.Errorf("README.md: there is no flag %s", m[1])
		}
	}
}

func TestReadmeTargetsAndFiles(t *testing.T) {
	t.Parallel()
	makefile := read(t, "Makefile")
	for _, name := range []string{"README.md", "CONTRIBUTING.md"} {
		text := read(t, name)
		for _, m := range regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)").FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(makefile) {
				t.Errorf("%s: there is no target %s", name, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
			file, _, _ := strings.Cut(m[1], "#")
			if _, err := os.Stat(file); file != "" && !strings.Contains(file, "://") && err != nil {
				t.Errorf("%s leads to %s, which is not there", name, file)
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Until somebody has run it against Stripe itself, the README says that nobody has.
func TestReadmeSaysWhatIsVerified(t *testing.T) {
	t.Parallel()
	_, err := os.Stat("docs/stripe-verified.md")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	verified, says := err == nil, strings.Contains(read(t, "README.md"), "not yet run against Stripe itself")
	if verified == says {
		t.Errorf("docs/stripe-verified.md is there: %v; README.md says that it was not yet run: %v", verified, says)
	}
}
