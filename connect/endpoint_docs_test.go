package connect

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// docs/stripe-events.md has a row for each event that Trak subscribes to, and for no other.
func TestEveryWantedEventIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/stripe-events.md")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|").FindAllSubmatch(text, -1) {
		said = append(said, string(m[1]))
	}
	wanted := WantedEvents()
	for _, e := range wanted {
		if !slices.Contains(said, e) {
			t.Errorf("%s is not in docs/stripe-events.md", e)
		}
	}
	for i, e := range said {
		if !slices.Contains(wanted, e) {
			t.Errorf("docs/stripe-events.md has %s, to which Trak does not subscribe", e)
		}
		if slices.Contains(said[:i], e) {
			t.Errorf("docs/stripe-events.md has %s twice", e)
		}
	}
}

// There is a payload of every kind among the tests.
func TestEveryWantedEventHasAPayload(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir("testdata/events")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, f := range files {
		name := f.Name()
		there[parse(t, name[:len(name)-len(".json")]).Type] = true
	}
	for _, e := range WantedEvents() {
		if !there[e] {
			t.Errorf("no payload of %s in testdata/events", e)
		}
	}
}
