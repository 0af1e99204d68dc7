package handlers

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// bans are spellings that our own code does without, with the files that may use them.
var bans = []struct {
	pattern *regexp.Regexp
	reason  string
	in      []string
}{
	{regexp.MustCompile(`\btemplate\.(HTML|HTMLAttr|JS|JSStr|URL|CSS|Srcset)\(`), "it writes into pages what nobody escaped", []string{"handlers/icons.go", "handlers/row_form.go"}},
	{regexp.MustCompile(`\bc\.(IP|IPs|Hostname|Protocol|BaseURL|Secure|Subdomains)\(`), "it believes headers that anybody can send: see clientip.go, and APP_URL", nil},
	{regexp.MustCompile(`\bc\.(Body|BodyParser|FormValue|FormFile|MultipartForm|QueryParser|ParamsParser)\(`), "it unpacks without a limit, or mixes query and body: see form.go", nil},
	{regexp.MustCompile(`\bc\.(RedirectBack|RedirectToRoute|SendFile|Download|Format|Attachment)\(|\.Static\(`), "it leads where the request says, or reads the disk", nil},
	{regexp.MustCompile(`\butils\.UUID|"math/rand"`), "it may be guessed", nil},
	{regexp.MustCompile(`"math/rand/v2"`), "it may be guessed", []string{"handlers/begin.go", "jobs/jobs.go", "app/sync.go", "db/postgres.go"}},
	{regexp.MustCompile(`InsecureSkipVerify|openpgp`), "it trusts everybody", nil},
	{regexp.MustCompile(`Access-Control-`), "no other site may read", nil},
}

// F5, and what else a reader of the code need not look for.
func TestSourceKeepsToTheRules(t *testing.T) {
	t.Parallel()
	files := 0
	for _, dir := range []string{"..", "../app", "../auth", "../billing", "../connect", "../db", "../handlers", "../jobs", "../mail", "../pdf"} {
		names, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".gen.go") {
				continue
			}
			files++
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, ban := range bans {
				found := ban.pattern.Find(text)
				if found != nil && !slices.Contains(ban.in, strings.TrimPrefix(name, "../")) {
					t.Errorf("%s: %q: %s", name, found, ban.reason)
				}
			}
		}
	}
	if files < 100 {
		t.Errorf("only %d files were found", files)
	}
}
