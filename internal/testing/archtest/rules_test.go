package archtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/testing/archtest"
)

// rules are Parley's in small.
func rules() *archtest.Rules {
	return &archtest.Rules{
		Layers: []archtest.Layer{
			{"tools", []string{"internal/testing/*"}},
			{"low", []string{"wire", "room", "room/far/*", "internal/eio"}},
			{"middle", []string{"server", "adapter/*", "livetest", "room/near"}},
			{"mains", []string{"cmd/*"}},
		},
		Bans: []archtest.Ban{{
			From: []string{"server"},
			To:   []string{"room", "net/http", "example.com/banned/*"},
			Why:  "made up",
		}},
		Modules: []archtest.Module{
			{"example.com/good/v2", []string{"server", "cmd/*"}, "made up"},
		},
		LongFiles: map[string]string{},
		State:     map[string]string{},
	}
}

// load writes files and loads them as a module. Files that do not begin with a package clause are the imports of one.
func load(t *testing.T, files map[string]string) *archtest.Tree {
	t.Helper()
	dir := t.TempDir()
	if _, ok := files["go.mod"]; !ok {
		write(t, dir, "go.mod", "module example.com/own\n\ngo 1.26\n")
	}
	for name, text := range files {
		if strings.HasSuffix(name, ".go") && !strings.Contains(text, "package ") {
			imports := strings.Fields(text)
			text = "// Package p is made up.\npackage p\n"
			for _, i := range imports {
				text += "import _ \"" + i + "\"\n"
			}
		}
		write(t, dir, name, text)
	}
	tree, err := archtest.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// want compares violations, in any order, with texts that they contain.
func want(t *testing.T, got []archtest.Violation, texts ...string) {
	t.Helper()
	for _, v := range got {
		found := false
		for i, text := range texts {
			if strings.Contains(v.String(), text) {
				texts = append(texts[:i:i], texts[i+1:]...)
				found = true
				break
			}
		}
		if !found {
			t.Errorf("unexpected: %v", v)
		}
		if v.What == "" || v.Rule == "" || v.Why == "" {
			t.Errorf("incomplete: %#v", v)
		}
	}
	for _, text := range texts {
		t.Errorf("no violation says %q", text)
	}
}

func TestRules_CheckImports(t *testing.T) {
	const own = "example.com/own/"
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"downward": {
			files: map[string]string{
				"wire/a.go": "fmt", "server/a.go": own + "wire net", "cmd/x/a.go": own + "server " + own + "wire",
			},
		},
		"upward": {
			files: map[string]string{"wire/a.go": own + "server", "server/a.go": ""},
			want: []string{"wire imports server (wire/a.go)\n\trule: imports go downward only: " +
				"wire is in layer 1 (low), server in layer 2 (middle)"},
		},
		"upward in a file for another system": {
			files: map[string]string{"wire/a.go": "", "wire/a_plan9.go": own + "server", "server/a.go": ""},
			want:  []string{"wire imports server (wire/a_plan9.go)"},
		},
		"sideways": {
			files: map[string]string{"wire/a.go": own + "room", "room/a.go": ""},
			want:  []string{"wire imports room (wire/a.go)\n\trule: packages of one layer do not import each other"},
		},
		"sideways below a pattern": {
			files: map[string]string{"adapter/x/a.go": own + "adapter/y", "adapter/y/a.go": ""},
			want:  []string{"adapter/x imports adapter/y"},
		},
		"sideways among mains": {
			files: map[string]string{"cmd/x/a.go": own + "cmd/y", "cmd/y/a.go": ""},
			want:  []string{"cmd/x imports cmd/y"},
		},
		"a subpackage of another layer": {
			files: map[string]string{"room/near/a.go": own + "room", "room/a.go": ""},
		},
		"a subpackage of the same layer": {
			files: map[string]string{"room/far/x/a.go": own + "room", "room/a.go": ""},
			want:  []string{"room/far/x imports room (room/far/x/a.go)\n\trule: packages of one layer"},
		},
		"a test package of its parent": {
			files: map[string]string{"room/roomtest/a.go": own + "room " + own + "internal/testing/net", "room/a.go": "", "internal/testing/net/a.go": ""},
		},
		"a test package of a neighbour": {
			files: map[string]string{"room/roomtest/a.go": own + "wire", "wire/a.go": ""},
			want:  []string{"room/roomtest imports wire (room/roomtest/a.go)\n\trule: packages of one layer"},
		},
		"library code in internal": {
			files: map[string]string{"server/a.go": own + "internal/eio", "internal/eio/a.go": ""},
		},
		"a test package upward": {
			files: map[string]string{"room/roomtest/a.go": own + "server", "server/a.go": ""},
			want:  []string{"imports go downward only: room/roomtest is in layer 1"},
		},
		"test packages where they do not belong": {
			files: map[string]string{
				"room/roomtest/a.go": "", "internal/testing/net/a.go": "",
				"room/a.go":   own + "room/roomtest",
				"server/a.go": own + "room/roomtest " + own + "internal/testing/net",
			},
			want: []string{
				"room imports room/roomtest (room/a.go)\n\trule: internal/testing/*", "room imports room/roomtest (room/a.go)\n\trule: packages of one",
				"server imports room/roomtest (server/a.go)\n\trule: internal/testing/*",
				"server imports internal/testing/net (server/a.go)\n\trule: internal/testing/*",
			},
		},
		"test packages where they belong": {
			files: map[string]string{
				"room/roomtest/a.go": "", "internal/testing/net/a.go": "",
				"livetest/a.go":    own + "internal/testing/net",
				"cmd/x/a.go":       own + "internal/testing/net " + own + "room/roomtest",
				"server/a_test.go": own + "internal/testing/net " + own + "room/roomtest",
			},
		},
		"an internal package that knows others": {
			files: map[string]string{"internal/testing/net/a.go": own + "wire", "wire/a.go": ""},
			want:  []string{"imports go downward only: internal/testing/net is in layer 0"},
		},
		"tests may import what they like": {
			files: map[string]string{"wire/a.go": "", "wire/a_test.go": own + "server example.com/other", "server/a.go": ""},
		},
		"an unknown package": {
			files: map[string]string{"news/a.go": own + "server", "server/a.go": own + "news"},
			want:  []string{`package "news" is in no layer`},
		},
		"an unknown test package": {
			files: map[string]string{"newstest/a.go": "", "news/newstest/a.go": ""},
			want:  []string{`package "newstest" is in no layer`, `package "news/newstest" is in no layer`},
		},
		"the root": {
			files: map[string]string{"a.go": ""},
			want:  []string{`package "" is in no layer`},
		},
		"bans": {
			files: map[string]string{"server/a.go": own + "room net/http net/http/httptest example.com/banned/x", "room/a.go": ""},
			want: []string{
				"server imports room (", "server imports net/http (", "server imports example.com/banned/x (server/a.go)\n\trule: server must not",
				"server imports example.com/banned/x (server/a.go)\n\trule: every module of others",
			},
		},
		"an unknown module": {
			files: map[string]string{"wire/a.go": "example.com/goodness"},
			want:  []string{"wire imports example.com/goodness (wire/a.go)\n\trule: every module of others"},
		},
		"a module in the wrong place": {
			files: map[string]string{"wire/a.go": "example.com/good/v2/part"},
			want:  []string{"rule: example.com/good/v2 is used by server, cmd/* only\n\twhy:  made up"},
		},
		"what is not of the module": {
			files: map[string]string{
				"wire/testdata/a.go": own + "server", "wire/_old/a.go": own + "server", "wire/.x/a.go": own + "server",
				"node_modules/a/a.go": own + "server", "bin/a.go": own + "server", "tmp/a.go": own + "server",
				"server/a.go": "", "wire/nested/go.mod": "module x", "wire/nested/a.go": own + "server",
				"wire/make.go": "//go:build ignore\n\npackage main\n\nimport _ \"" + own + "server\"\n",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.files["cmd/user/a.go"] = "example.com/good/v2"
			want(t, rules().CheckImports(load(t, c.files)), c.want...)
		})
	}
	t.Run("a module that nobody needs", func(t *testing.T) {
		want(t, rules().CheckImports(load(t, map[string]string{"wire/a.go": ""})), "no package imports example.com/good/v2")
	})
}

func TestRules_CheckFiles(t *testing.T) {
	const doc = "// Package p is made up.\npackage p\n"
	long := doc + strings.Repeat("// x\n", archtest.MaxLines)
	for name, c := range map[string]struct {
		files      map[string]string
		longs      map[string]string
		exceptions map[string]string
		want       []string
	}{
		"clean": {
			files: map[string]string{
				"p/a.go": doc + "import \"sync\"\nvar x = 1\nvar pool sync.Pool\nvar once = sync.OnceValue(f)\n" +
					"type t struct{ x int; f []int }\nfunc (t) init() {}\n" +
					"func f() int { x := x; x = 2; var y t; y.x = x; y.f[x]++; for x = range 3 {}; z := &y; delete(m(), 1); return z.x }\n" +
					"func m() map[int]int { return nil }\n",
				"p/a_test.go":    "package p_test\nvar changed int\nfunc f() { changed++ }\n",
				"p/b.go":         "package p\n",
				"cmd/x/a.go":     "// Command x does it.\npackage main\nfunc main() {}\n",
				"only/a_test.go": "// Nothing but tests.\npackage only_test\n",
			},
		},
		"no documentation": {
			files: map[string]string{
				"p/a.go": "package p\n", "p/a_test.go": doc, "q/a.go": "// Something else.\npackage q\n", "cmd/x/a.go": "package main\n",
			},
			want: []string{`package "p" has no`, `package "q" has no`, `package "cmd/x" has no`},
		},
		"long files": {
			files: map[string]string{"p/a.go": long, "p/b.go": long, "p/a_test.go": long, "p/c.go": long[:len(long)-10]},
			longs: map[string]string{"p/b.go": "made up", "p/c.go": "made up", "p/gone.go": "made up"},
			want: []string{"p/a.go has 502 lines", "p/a_test.go has 502 lines",
				"p/c.go is not longer", "p/gone.go is not longer"},
		},
		"init": {
			files: map[string]string{"p/a.go": doc + "func init() {}\n", "p/a_test.go": "package p\nfunc init() {}\n"},
			want:  []string{"p/a.go:3:1 has an init", "p/a_test.go:2:1 has an init"},
		},
		"state": {
			files: map[string]string{
				"p/a.go": doc + "var a, b, c, d, e, f, g, h, known, unchanged int\nvar m map[int]struct{ x []int }\n",
				"p/b.go": "package p\nimport (\"net/http\"; \"fmt\")\nfunc change(unchanged int) {\n" +
					"a = 1\nb++\nc += 1\n_ = &d\n(*e).x = 1\nfor f, g = range []int{} {}\nfor _, h = range []int{} {}\nknown = 1\n" +
					"delete(m, 1)\nclear(m)\nm[1].x[2] = 3\nhttp.DefaultClient = nil\nunchanged = 2\nfmt.Println(unknown, a)\n}\n",
			},
			exceptions: map[string]string{"p.known": "made up", "p.unchanged": "made up"},
			want: []string{"p/b.go:4:1 assigns to a", "changes b", "assigns to c", "hands out the address of d", "assigns to e",
				"assigns to f", "assigns to g", "assigns to h", "deletes from m", "deletes from m", "assigns to m",
				"assigns to a variable of net/http", "p.unchanged does not change"},
		},
		"state by its type": {
			files: map[string]string{"p/a.go": doc + "import (\"sync\"; \"sync/atomic\")\nvar a sync.Mutex\nvar b, c = sync.Map{}, &sync.RWMutex{}\n" +
				"var d = new(sync.WaitGroup)\nvar e atomic.Pointer[int]\nvar f *sync.Cond\n"},
			want: []string{"p/a.go:4:5 makes a a sync.Mutex", "makes b a sync.Map", "makes c a sync.RWMutex", "makes d a sync.WaitGroup",
				"makes e a atomic.Pointer", "makes f a sync.Cond"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := rules()
			r.LongFiles, r.State = c.longs, c.exceptions
			want(t, r.CheckFiles(load(t, c.files)), c.want...)
		})
	}
}

func TestLoad(t *testing.T) {
	if _, err := archtest.Load(t.TempDir()); err == nil {
		t.Error("a folder without go.mod is loaded")
	}
	dir := t.TempDir()
	write(t, dir, "go.mod", "module x\n")
	write(t, dir, "a.go", "not Go\n")
	if _, err := archtest.Load(dir); err == nil {
		t.Error("a file that is not Go is loaded")
	}
}

// TestLight_CheckDependencies builds a module with a stand-in for a broker and asks the go command about it.
func TestLight_CheckDependencies(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/own\n\ngo 1.26\n\nrequire (\n\texample.com/broker v1.0.0\n\texample.com/base v1.0.0\n\texample.com/ok/part v1.0.0\n)\n\n" +
			"replace (\n\texample.com/broker => ./vendored/broker\n\texample.com/base => ./vendored/base\n\texample.com/ok/part => ./vendored/ok\n)\n",
		"server/a.go":                 "package server\nimport (\n\t_ \"example.com/own/middle\"\n\t_ \"example.com/ok/part\"\n\t_ \"net/http\"\n)\n",
		"middle/a.go":                 "package middle\n",
		"middle/a_windows.go":         "package middle\nimport _ \"example.com/broker/client\"\n",
		"vendored/broker/go.mod":      "module example.com/broker\n\ngo 1.26\n",
		"vendored/broker/client/a.go": "package client\nimport _ \"example.com/base\"\n",
		"vendored/base/go.mod":        "module example.com/base\n\ngo 1.26\n",
		"vendored/base/a.go":          "package base\n",
		"vendored/ok/go.mod":          "module example.com/ok/part\n\ngo 1.26\n",
		"vendored/ok/a.go":            "package part\n",
	} {
		write(t, dir, name, text)
	}
	for system, texts := range map[string][]string{
		"linux": nil,
		"windows": {"server depends on example.com/broker: example.com/own/server -> example.com/own/middle -> " +
			"example.com/broker/client\n\trule: server depends on the standard library and example.com/ok alone"},
	} {
		t.Run(system, func(t *testing.T) {
			list, err := archtest.Dependencies(dir, "server", system)
			if err != nil {
				t.Fatal(err)
			}
			light := archtest.Light{Package: "server", Modules: []string{"example.com/ok"}, Why: "made up"}
			want(t, light.CheckDependencies(list), texts...)
		})
	}
	t.Run("nothing but the standard library", func(t *testing.T) {
		list, err := archtest.Dependencies(dir, "server", "linux")
		if err != nil {
			t.Fatal(err)
		}
		light := archtest.Light{Package: "server", Why: "made up"}
		want(t, light.CheckDependencies(list), "rule: server depends on the standard library alone")
	})
}
