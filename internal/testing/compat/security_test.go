package compat_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/testing/compat"
)

// threats returns the ids of the rows of docs/SECURITY.md: published advisories and attacks.
func threats() (ids []string) {
	for i := range 38 {
		ids = append(ids, fmt.Sprint("S", i+1))
	}
	for i := range 30 {
		ids = append(ids, fmt.Sprint("A", i+1))
	}
	return ids
}

// TestSecurity checks that the tests in docs/SECURITY.md exist.
func TestSecurity(t *testing.T) {
	text, err := os.ReadFile("../../../docs/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range compat.CheckThreats(compat.Load("../../.."), string(text), threats(), "conformance/security") {
		t.Errorf("docs/SECURITY.md, %s (after a test was renamed: make compat)", problem)
	}
}

// TestCheckThreats checks that each kind of mistake is found.
func TestCheckThreats(t *testing.T) {
	const head = "| id | attack | status | shown by |\n|---|---|---|---|\n"
	const good = "`internal/testing/compat.TestCheckThreats`, `internal/testing/compat.TestCheck`, `internal/testing/compat.TestDocument`, `internal/testing/compat.TestSecurity`"
	cases := map[string]struct{ text, want string }{
		"a good row":           {head + "| A1 | x | tested | " + good + " |", ""},
		"with words":           {head + "| A1 | x | partly | " + good + ". No `Options.X`. |", ""},
		"another table":        {"| limit |\n|---|\n| x |\n\n" + head + "| A1 | x | tested | " + good + " |", ""},
		"no test":              {head + "| A1 | x | tested | soon |", `"tested" without a test`},
		"no reason":            {head + "| A1 | x | planned | |", "without a reason"},
		"a reason with a test": {head + "| A1 | x | planned | " + good + " |", "with a test"},
		"no status":            {head + "| A1 | x | maybe | " + good + " |", `no status "maybe"`},
		"a test that is gone":  {head + "| A1 | x | tested | " + good + ", `parser.TestGone` |", "there is no test parser.TestGone"},
		"a package that is":    {head + "| A1 | x | tested | " + good + ", `gone.TestX` |", "no package gone"},
		"no row":               {head, "the rows are []"},
		"another row":          {head + "| A2 | x | tested | " + good + " |", "the rows are [A2]"},
		"a cell too few":       {head + "| A1 | tested | " + good + " |", `no status ""`},
		"a test without a row": {head + "| A1 | x | tested | `internal/testing/compat.TestCheck` |", "no row names internal/testing/compat.TestDocument"},
	}
	tree := compat.Load("../../..")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(compat.CheckThreats(tree, c.text, []string{"A1"}, "internal/testing/compat"), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
