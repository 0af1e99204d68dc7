package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// attacks is how many of each letter docs/attacks.md lists.
var attacks = map[string]int{"A": 27, "B": 11, "C": 7, "D": 20, "E": 11, "F": 15, "G": 20}

var (
	attackRow    = regexp.MustCompile(`(?m)^\| ([A-G]\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)
	attackNumber = regexp.MustCompile(`\b[A-G]\d{1,2}\b`)
	testName     = regexp.MustCompile("`([^`]+)`")
)

// Every attack of docs/attacks.md is tried by a test that has its number, or says what it waits for.
func TestAttacks(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := numberedTests(t)
	listed := map[string]bool{}
	for _, row := range attackRow.FindAllStringSubmatch(string(doc), -1) {
		number, held := row[1], row[4]
		if listed[number] {
			t.Errorf("%s stands there twice", number)
		}
		listed[number] = true
		names := testName.FindAllStringSubmatch(held, -1)
		if len(names) == 0 && !strings.Contains(held, "*waits for ") {
			t.Errorf("%s has no test, and waits for nothing", number)
		}
		for _, name := range names {
			numbers, ok := tests[name[1]]
			switch {
			case !ok:
				t.Errorf("%s: there is no test %s", number, name[1])
			case !slices.Contains(numbers, number):
				t.Errorf("%s: no comment at %s has the number", number, name[1])
			}
		}
	}
	for letter, n := range attacks {
		for i := range n {
			if number := fmt.Sprint(letter, i+1); !listed[number] {
				t.Errorf("%s is missing", number)
			}
			delete(listed, fmt.Sprint(letter, i+1))
		}
	}
	if len(listed) > 0 {
		t.Errorf("unknown: %q", slices.Sorted(maps.Keys(listed)))
	}
}

// numberedTests are the functions of all tests, with the attacks that comments at or in them name.
func numberedTests(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, name := range append(files, here...) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			from := f.Pos()
			if f.Doc != nil {
				from = f.Doc.Pos()
			}
			numbers := found[f.Name.Name]
			for _, c := range file.Comments {
				if from <= c.Pos() && c.End() <= f.End() {
					numbers = append(numbers, attackNumber.FindAllString(c.Text(), -1)...)
				}
			}
			found[f.Name.Name] = numbers
		}
	}
	return found
}
