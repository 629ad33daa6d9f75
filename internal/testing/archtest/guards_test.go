package archtest_test

import "testing"

func TestRules_CheckGuards(t *testing.T) {
	const (
		head  = "// Package p is made up.\npackage p\nimport \"time\"\ntype s struct{}\n"
		guard = "func (s) guard() { recover() }\nfunc f() {}\n"
	)
	for name, c := range map[string]struct {
		path       string // instead of server/a.go
		code       string
		exceptions map[string]string
		want       []string
	}{
		"a literal that recovers":       {code: "func x() { go func() { defer func() { if v := recover(); v != nil { f() } }() }() }\n"},
		"a literal with a guard":        {code: "func x(v s) { go func() { defer v.guard(); f() }() }\n"},
		"a method with a guard":         {code: "func (v s) run() { defer v.guard() }\nfunc x(v s) { go v.run() }\n"},
		"a literal that only calls one": {code: "func (v s) run() { defer v.guard() }\nfunc x(v s) { go func() { v.run() }() }\n"},
		"a literal that calls two": {
			code: "func (v s) run() { defer v.guard() }\nfunc x(v s) { go func() { v.run(); f() }() }\n", want: []string{"server.x"},
		},
		"a function with a guard":  {code: "func run(v s) { defer v.guard() }\nfunc x(v s) { go run(v) }\n"},
		"a guard that gets a hand": {code: "func x(v s) { go func() { defer f(); defer answer(recoverAll()); f() }() }\n", want: []string{"server.x"}},
		"a timer with a guard":     {code: "func (v s) run() { defer v.guard() }\nfunc x(v s) { time.AfterFunc(1, v.run) }\n"},
		"a literal without": {
			code: "func x() { go func() { f() }() }\n",
			want: []string{"server/a.go:7:12 starts a goroutine or a timer without a guard in server.x\n\trule: what runs"},
		},
		"a guard that is called, not deferred": {code: "func x(v s) { go func() { v.guard() }() }\n", want: []string{"server.x"}},
		"a guard in a branch":                  {code: "func x(v s, y bool) { go func() { if y { defer v.guard() } }() }\n", want: []string{"server.x"}},
		"another deferred call":                {code: "func x(v s) { go func() { defer f() }() }\n", want: []string{"server.x"}},
		"a method without":                     {code: "func (v s) run() {}\nfunc (v *s) x() { go v.run() }\n", want: []string{"server.s.x"}},
		"one of two of the same name":          {code: "func (v s) run() { defer v.guard() }\nfunc run() {}\nfunc x() { go run() }\n", want: []string{"server.x"}},
		"a function of another package":        {code: "func x() { go time.Sleep(1) }\n", want: []string{"server.x"}},
		"a function value":                     {code: "func x(fs []func()) { go fs[0]() }\n", want: []string{"server.x"}},
		"timers without":                       {code: "func x() { time.AfterFunc(1, f); time.AfterFunc(1, func() {}) }\n", want: []string{"server.x", "server.x"}},
		"inside a goroutine that has one":      {code: "func x(v s) { go func() { defer v.guard(); go f() }() }\n", want: []string{"server.x"}},
		"in a variable":                        {code: "var x = func() { go f() }\n", want: []string{"server.package variables"}},
		"exceptions": {
			code:       "func (s) x() { go f() }\nfunc y() { go f() }\n",
			exceptions: map[string]string{"server.s.x": "made up", "server.gone": "made up"},
			want:       []string{"in server.y", "server.gone starts nothing without a guard"},
		},
		"a test":              {path: "server/a_test.go", code: "func x() { go f() }\n"},
		"a package for tests": {path: "livetest/a.go", code: "func x() { go f() }\n"},
		"a tool":              {path: "internal/net/a.go", code: "func x() { go f() }\n"},
		"a main":              {path: "cmd/x/a.go", code: "func x() { go f() }\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := c.path
			if path == "" {
				path = "server/a.go"
			}
			r := rules()
			r.Unguarded = c.exceptions
			want(t, r.CheckGuards(load(t, map[string]string{path: head + guard + c.code})), c.want...)
		})
	}
}
