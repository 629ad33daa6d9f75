package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const (
		run       = `{"Action":"run","Package":"p","Test":"TestA"}` + "\n"
		output    = `{"Action":"output","Package":"p","Test":"TestA","Output":"said A\n"}` + "\n"
		pass      = `{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}` + "\n"
		fail      = `{"Action":"fail","Package":"p","Test":"TestA","Elapsed":0.1}` + "\n"
		skip      = `{"Action":"skip","Package":"p","Test":"TestA","Elapsed":0.1}` + "\n"
		pkgOutput = `{"Action":"output","Package":"p","Output":"said p\n"}` + "\n"
		pkgPass   = `{"Action":"pass","Package":"p","Elapsed":1.23}` + "\n"
		pkgFail   = `{"Action":"fail","Package":"p","Elapsed":1.23}` + "\n"
		build     = `{"ImportPath":"p [p.test]","Action":"build-output","Output":"undefined: x\n"}` + "\n" + `{"ImportPath":"p [p.test]","Action":"build-fail"}` + "\n"
	)
	for name, c := range map[string]struct {
		in   string
		want result
		says []string // the lines before the summary
	}{
		"nothing":         {"", result{}, nil},
		"pass":            {run + output + pass + pkgOutput + pkgPass, result{passed: 1}, []string{"ok    p  1.2s"}},
		"fail":            {run + output + fail + pkgOutput + pkgFail, result{failed: 1}, []string{"said A", "said p"}},
		"skip":            {run + output + skip + pkgPass, result{skipped: 1}, []string{"said A", "ok    p  1.2s"}},
		"does not build":  {build + pkgFail, result{failed: 1}, []string{"undefined: x"}},
		"cut off":         {run + output + pkgOutput + pkgFail, result{failed: 1}, []string{"said A", "said p"}},
		"package fails":   {run + pass + pkgOutput + pkgFail, result{passed: 1, failed: 1}, []string{"said p"}},
		"go itself fails": {"go: no such tool\n", result{}, []string{"go: no such tool"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if got := report(strings.NewReader(c.in), &out); got != c.want {
				t.Errorf("result = %+v, want %+v", got, c.want)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if got := strings.Join(lines[:len(lines)-1], "\n"); got != strings.Join(c.says, "\n") {
				t.Errorf("said %q, want %q", got, c.says)
			}
		})
	}
}
