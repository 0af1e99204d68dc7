package sandbox

import (
	"net/url"
	"slices"
	"testing"
)

// flat turns a form back into pairs: the inverse of parseForm, in sorted order.
func flat(path string, f *field) (pairs []string) {
	if f.keys == nil {
		return []string{url.QueryEscape(path) + "=" + url.QueryEscape(f.text)}
	}
	for _, key := range sorted(f.keys) {
		at := key
		if path != "" {
			at = path + "[" + key + "]"
		}
		pairs = append(pairs, flat(at, f.keys[key])...)
	}
	return pairs
}

func TestParseForm(t *testing.T) {
	t.Parallel()
	for form, want := range map[string][]string{
		"":                nil,
		"a=1&b=2":         {"a=1", "b=2"},
		"a[b][0][c]=1":    {"a%5Bb%5D%5B0%5D%5Bc%5D=1"},
		"a[]=x&a[]=y":     {"a%5B0%5D=x", "a%5B1%5D=y"},
		"a%5Bb%5D=c+d%26": {"a%5Bb%5D=c+d%26"},
		"a=1&a=2":         {"a=2"},
		"a":               {"a="},
	} {
		f, err := parseForm(form)
		if err != nil {
			t.Errorf("%q: %v", form, err)
			continue
		}
		if got := flat("", f); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", form, got, want)
		}
	}
	for _, form := range []string{
		"=1", "[a]=1", "a]=1", "a[b=1", "a[b]c=1", "a[[b]]=1", "a=%zz", "%zz=1", "a=1&a[b]=2", "a[b]=1&a=2",
		"a[b][c][d][e][f][g][h][i]=1",
	} {
		if f, err := parseForm(form); err == nil {
			t.Errorf("%q: accepted as %q", form, flat("", f))
		}
	}
}

func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{
		"", "a=1&b=2", "line_items[0][price]=price_1&line_items[0][quantity]=1", "expand[]=a&expand[]=b",
		"metadata[trak_invoice_id]=1", "a%5Bb%5D=%C3%A9", "a[b=1", "a=1&a[b]=2", "a[][]=1", "a[9]=1&a[]=2", "[]=&]=[",
	} {
		f.Add(seed)
	}
	params := description.Params["POST /v1/payment_links"]
	f.Fuzz(func(t *testing.T, form string) {
		first, err := parseForm(form)
		if err != nil {
			return
		}
		pairs := flat("", first)
		if len(pairs) > maxKeys {
			t.Fatalf("%d pairs", len(pairs))
		}
		params.read("", first) // must not panic
		joined := ""
		for _, pair := range pairs {
			joined += pair + "&"
		}
		second, err := parseForm(joined)
		if err != nil {
			t.Fatalf("%q was read and its like %q was not: %v", form, joined, err)
		}
		if again := flat("", second); !slices.Equal(again, pairs) {
			t.Fatalf("%q became %q", pairs, again)
		}
	})
}
