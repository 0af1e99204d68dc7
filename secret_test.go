package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"trak/logs"
)

func TestSecretsPrintNothing(t *testing.T) {
	t.Parallel()
	c, err := good(t), error(nil)
	fields := reflect.ValueOf(&c).Elem()
	for i := range fields.NumField() {
		if f := fields.Field(i); f.Type() == reflect.TypeFor[Secret]() {
			f.SetString("CANARY" + strings.Repeat("k", 32))
		}
	}
	s := settings{StripeKey: "CANARY", WebhookSecrets: []Secret{"CANARY"}, SecretKey: "CANARY", OldSecretKey: "CANARY"}
	for _, v := range []any{c, &c, s.StripeKey, s.WebhookSecrets, &s.SecretKey, struct{ Key Secret }{"CANARY"}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			if out := fmt.Sprintf(verb, v); strings.Contains(out, "CANARY") || strings.Contains(out, "43414e415259") {
				t.Errorf("%s of %T prints %s", verb, v, out)
			}
		}
		encoded, jsonErr := json.Marshal(v)
		err = errors.Join(err, jsonErr)
		if strings.Contains(string(encoded), "CANARY") {
			t.Errorf("%T becomes %s", v, encoded)
		}
		var plain bytes.Buffer
		slog.New(slog.NewJSONHandler(&plain, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&plain, nil)).Info("x", "v", v)
		logs.New(&plain, logs.JSON, slog.LevelInfo).Info("x", "v", v)
		if strings.Contains(plain.String(), "CANARY") {
			t.Errorf("%T is logged as %s", v, plain.String())
		}
	}
	if err != nil {
		t.Error(err)
	}
	if _, err := c.settings(); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("what is wrong with the settings: %v", err)
	}
}

// A setting that is named like a secret is a Secret, so that it can be no flag and prints nothing.
func TestSettingsNamedLikeSecretsAreSecrets(t *testing.T) {
	t.Parallel()
	like := regexp.MustCompile(`SECRET|PASSWORD|TOKEN|KEY|SMTP_URL|DATABASE_URL`)
	c := reflect.TypeFor[configuration]()
	names := settingNames()
	for i := range c.NumField() {
		f := c.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		isSecret := f.Type == reflect.TypeFor[Secret]()
		switch {
		case strings.HasSuffix(name, "_FILE"), strings.Contains(name, "PUBLISHABLE"):
		case like.MatchString(name) != isSecret:
			t.Errorf("%s is named like a secret: %v; it is a %s", name, like.MatchString(name), f.Type)
		case isSecret && !strings.Contains(strings.Join(names, " "), name+"_FILE"):
			t.Errorf("%s can't be given by a file", name)
		}
	}
}

// What docs/security.md claims is shown by tests and files that are there.
func TestSecurityDocIsShown(t *testing.T) {
	t.Parallel()
	var tests strings.Builder
	for _, dir := range []string{".", "app", "auth", "billing", "connect", "db", "handlers", "jobs", "logs"} {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f.Name(), "_test.go") {
				tests.WriteString(read(t, dir+"/"+f.Name()))
			}
		}
	}
	doc := read(t, "docs/security.md")
	named := regexp.MustCompile("`(Test[A-Z]\\w+)`").FindAllStringSubmatch(doc, -1)
	if len(named) < 20 {
		t.Errorf("docs/security.md names %d tests", len(named))
	}
	for _, m := range named {
		if !strings.Contains(tests.String(), "func "+m[1]+"(t *testing.T)") {
			t.Errorf("docs/security.md: there is no test %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`((?:deploy|testdata|logs|handlers|app)/[^`]*)`").FindAllStringSubmatch(doc, -1) {
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("docs/security.md: %v", err)
		}
	}
	for _, name := range settingNames() {
		if f, secret := secretSetting(name); secret && !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("docs/security.md does not say where %s comes from", f)
		}
	}
}

func secretSetting(name string) (field string, ok bool) {
	c := reflect.TypeFor[configuration]()
	for i := range c.NumField() {
		if f := c.Field(i); strings.HasPrefix(f.Tag.Get("env"), name) && f.Type == reflect.TypeFor[Secret]() {
			return f.Name, true
		}
	}
	return "", false
}
