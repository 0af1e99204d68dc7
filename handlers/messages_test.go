package handlers

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"trak/app"
	"trak/billing"
)

func TestEveryMessageIsThere(t *testing.T) {
	t.Parallel()
	english := catalogue["en"]
	for language, w := range catalogue {
		for key, text := range english {
			if strings.Count(text, "%s") != strings.Count(w[key], "%s") {
				t.Errorf("%s: %q is filled in otherwise than in English", language, key)
			}
		}
		if len(w) != len(english) {
			t.Errorf("%s has %d messages, English %d", language, len(w), len(english))
		}
	}

	used := map[string]bool{}
	call := regexp.MustCompile(`\b(?:[sS]ay|add)[( ]"([a-z_.]+)"|"(note\.[a-z_]+)"`)
	for _, dir := range []string{"views", "handlers"} {
		err := fs.WalkDir(repo, dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
				return err
			}
			if dir == "handlers" && path.Base(name) != "client_page.go" && path.Base(name) != "items.go" {
				return nil
			}
			for _, m := range call.FindAllStringSubmatch(readFile(t, name), -1) {
				used[m[1]+m[2]] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	delete(used, "status.") // the key of a status follows
	for _, s := range []billing.Status{billing.ChargedBack, billing.Refunded, billing.PartiallyRefunded, billing.Paid, billing.PartiallyPaid,
		billing.Processing, billing.Void, billing.Uncollectible, billing.Open, "overdue"} {
		used["status."+string(s)] = true
	}
	delete(used, "paid_by.") // the way of a payment outside Stripe follows
	for _, method := range app.HandMethods() {
		used["paid_by."+method] = true
	}
	for key := range used {
		if english[key] == "" {
			t.Errorf("no message %q", key)
		}
	}
	for key := range english {
		if !used[key] {
			t.Errorf("the message %q is not used", key)
		}
	}
	if _, err := english.Say("nothing"); err == nil {
		t.Error("an unknown message is said")
	}
	if wordsFor("de-AT") == nil || wordsFor("nonsense") == nil {
		t.Error("a locale without messages of its own has none")
	}
}
