package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree writes a small repository and returns its root.
func tree(t *testing.T, compatibility string) string {
	t.Helper()
	root := t.TempDir()
	for file, text := range map[string]string{
		"docs/COMPATIBILITY.md": compatibility,
		"docs/SECURITY.md":      "| S1 | x | tested | `wire.TestKept` |\n",
		"wire/wire_test.go": "package wire\nfunc TestKept() {}\nfunc TestRead_long() {}\nfunc TestClose_early() {}\n" +
			"func TestClose_later() {}\nfunc FuzzRead_longer() {}\nfunc TestBoth() {}\n",
		"inner/part/part_test.go":          "package part\nfunc TestMoved() {}\nfunc TestBoth() {}\n",
		"clients/a.test.js":                "test(\"reads a long text\", f);\ntest(`client ${n}`, f);\nimport(\"x\");\n",
		"clients/node_modules/x/x_test.go": "package x\nfunc TestMoved() {}\n",
	} {
		name := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestMend(t *testing.T) {
	for name, c := range map[string]struct {
		page      string
		pairs     []string
		want      string // of the page
		says      string
		undecided int
	}{
		"all exist":            {page: "`wire.TestKept`, `Options.Cookie`, `io.To(1)`, `clients/a.test.js: client ${n}`", want: "`wire.TestKept`, `Options.Cookie`, `io.To(1)`, `clients/a.test.js: client ${n}`"},
		"nearest":              {page: "a `wire.TestRead_large` b", want: "a `wire.TestRead_long` b", says: "COMPATIBILITY.md:1: wire.TestRead_large is now wire.TestRead_long (nearest name)"},
		"moved":                {page: "x\n`wire.TestMoved`", want: "x\n`inner/part.TestMoved`", says: "COMPATIBILITY.md:2: wire.TestMoved is now inner/part.TestMoved (moved)"},
		"package is gone":      {page: "`gone.TestMoved`", want: "`inner/part.TestMoved`", says: "(moved)"},
		"a title":              {page: "`clients/a.test.js: reads a longer text`", want: "`clients/a.test.js: reads a long text`", says: "nearest"},
		"given":                {page: "`wire.TestOld`, `wire.TestOld`", pairs: []string{"wire.TestOld=inner/part.TestMoved"}, want: "`inner/part.TestMoved`, `inner/part.TestMoved`", says: "(given)"},
		"given in a package":   {page: "`wire.TestOld`", pairs: []string{"TestOld=TestRead_long"}, want: "`wire.TestRead_long`", says: "(given)"},
		"given before nearest": {page: "`wire.TestRead_large`", pairs: []string{"TestRead_large=TestBoth"}, want: "`wire.TestBoth`", says: "(given)"},

		"ambiguous":        {page: "`wire.TestClose_late`", pairs: nil, want: "`wire.TestClose_later`", says: "nearest"},
		"two are near":     {page: "`wire.TestClose_earlier`", want: "`wire.TestClose_earlier`", says: "it may be wire.TestClose_", undecided: 1},
		"moved to two":     {page: "`gone.TestBoth`", want: "`gone.TestBoth`", says: "it may be inner/part.TestBoth or wire.TestBoth", undecided: 1},
		"none is near":     {page: "`wire.TestEntirelyDifferent`", want: "`wire.TestEntirelyDifferent`", says: "no name is near", undecided: 1},
		"named already":    {page: "`wire.TestKep`", want: "`wire.TestKep`", says: "no name is near", undecided: 1},
		"another kind":     {page: "`wire.ExampleRead_long`", want: "`wire.ExampleRead_long`", says: "no name is near", undecided: 1},
		"no package":       {page: "`gone.TestNowhere`", want: "`gone.TestNowhere`", says: "there is no package gone", undecided: 1},
		"given, not there": {page: "`wire.TestOld`", pairs: []string{"TestOld=TestNew"}, want: "`wire.TestOld`", says: "there is no test wire.TestNew either", undecided: 1},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, c.page)
			var out strings.Builder
			undecided, err := mend(root, c.pairs, &out)
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(root, "docs/COMPATIBILITY.md"))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want || undecided != c.undecided {
				t.Errorf("the page is %q with %d names left, want %q with %d", got, undecided, c.want, c.undecided)
			}
			if !strings.Contains(out.String(), c.says) || c.says == "" && out.Len() > 0 {
				t.Errorf("printed %q, want %q", out.String(), c.says)
			}
		})
	}
	t.Run("not a pair", func(t *testing.T) {
		if _, err := mend(tree(t, ""), []string{"TestOld"}, new(strings.Builder)); err == nil {
			t.Error("no error")
		}
	})
}
