package compat_test

import (
	"os"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/testing/compat"
)

const examples = "socketio/example_migration_test.go"

// TestDocument checks docs/COMPATIBILITY.md against the code.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../../docs/COMPATIBILITY.md")
	if err != nil {
		t.Fatal(err)
	}
	page, _ := compat.Parse(string(text))
	if len(page.Areas) < 10 || len(page.Rows) < 200 || len(page.Calls) < 50 {
		t.Errorf("%d areas, %d rows and %d calls: have the heads of the tables changed?", len(page.Areas), len(page.Rows), len(page.Calls))
	}
	for _, problem := range compat.Check(compat.Load("../../.."), string(text), examples) {
		t.Errorf("docs/COMPATIBILITY.md, %s (after a test was renamed: make compat)", problem)
	}
}

// TestCheck checks that each kind of mistake is found.
func TestCheck(t *testing.T) {
	const features = "| feature | status | in Go | shown by |\n|---|---|---|---|\n"
	const overview = "| area | state | in one line |\n|---|---|---|\n"
	const calls = "| Node | Parley |\n|---|---|\n"
	cases := map[string]struct{ text, want string }{
		"a good row": {features + "| x | supported | `Options.AllowRequest`, `engineio.Server.Use` | `engineio.TestUse` |", ""},
		"promoted, field, constant, interface": {
			features + "| x | no | `Namespace.Use`, `Server.Use`, `cluster.Target.Rooms`, `engineio.Polling`, `parser.Decoder.Add`, `event.On` | - |", "",
		},
		"a reason":               {features + "| x | no | Go has no such thing. | - |", ""},
		"a test of another kind": {features + "| x | supported | y | `conformance/clients/errors.test.js: no payload at all` |", ""},
		"not an identifier":      {features + "| x | planned | `io.To(\"a\")`, `http.Server{}`, `-race` | - |", ""},
		"prose":                  {"Set `Options.Cookie` to an `engineio.Cookie`.", ""},
		"an area":                {overview + "| x | partly | `Options.Cookie` |", ""},
		"a call":                 {calls + "| `io.emit(…)` | `io.Emit(\"news\", 1)` |", ""},

		"no test":                 {features + "| x | supported | `Options.Cookie` | - |", "without a test"},
		"an area without a state": {overview + "| x | soon | y |", `no status "soon"`},
		"an area without a text":  {overview + "| x | no | |", "no text"},
		"an area's identifier":    {overview + "| x | no | `Options.Gone` |", "there is no Options.Gone"},
		"no test of a part":       {features + "| x | partly | `Options.Cookie` | - |", "without a test"},
		"no reason":               {features + "| x | no | | - |", "neither a Go spelling nor a reason"},
		"no status":               {features + "| x | maybe | y | - |", `no status "maybe"`},
		"a test that is gone":     {features + "| x | supported | y | `engineio.TestGone` |", "there is no test engineio.TestGone"},
		"a title that is gone":    {features + "| x | supported | y | `conformance/clients/errors.test.js: gone` |", "there is no test"},
		"a file that is gone":     {features + "| x | supported | y | `conformance/clients/gone.test.js: x` |", "gone.test.js"},
		"no test at all":          {features + "| x | supported | y | `go test` |", "neither package.TestName"},
		"another file":            {features + "| x | supported | y | `go.mod: module` |", "no kind of file"},
		"another package":         {features + "| x | supported | y | `gone.TestX` |", "no package gone"},
		"a member that is gone": {
			features + "| x | no | `Options.Gone` | - |", "there is no Options.Gone",
		},
		"a type that is gone":      {"Ask `parser.Gone`.", "there is no parser.Gone"},
		"a package that is gone":   {"Ask `gone.Type`.", "no package gone"},
		"an unexported one":        {"Ask `socketio.connection`, but not `Socket.nsp` or `Socket.Conn`.", "there is no Socket.Conn"},
		"a cell too few":           {features + "| x | no | y |", "3 cells in a table of 4"},
		"an unknown table":         {"| a | b |\n|---|---|\n| c | d |", "unknown head"},
		"a call that is not there": {calls + "| `io.emit(…)` | `io.Gone()` |", `does not compile "io.Gone()"`},
	}
	tree := compat.Load("../../..")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(compat.Check(tree, c.text, examples), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
