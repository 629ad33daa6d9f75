package archtest

import (
	"fmt"
	"go/ast"
	"strings"
)

// MaxLines is the size of a file above which it needs a reason.
const MaxLines = 500

// CheckFiles checks the length of files, the package documentation, init functions and package-level state.
func (r *Rules) CheckFiles(t *Tree) []Violation {
	var found []Violation
	long := make(map[string]bool)
	state := make(map[string]bool)
	for _, p := range t.Packages {
		if v, ok := checkDoc(p); !ok {
			found = append(found, v)
		}
		for _, f := range p.Files {
			if f.Lines > MaxLines {
				long[f.Name] = true
			}
			if f.Lines > MaxLines && r.LongFiles[f.Name] == "" {
				found = append(found, Violation{
					What: fmt.Sprintf("%s has %d lines", f.Name, f.Lines),
					Rule: fmt.Sprintf("a file has at most %d lines, unless internal/testing/archtest/rules.go gives a reason", MaxLines),
					Why:  "a file has one idea and is read from top to bottom: split it by idea",
				})
			}
			found = append(found, checkInit(f)...)
		}
		for _, s := range changes(p) {
			state[s.name] = true
			if r.State[s.name] == "" {
				found = append(found, Violation{
					What: fmt.Sprintf("%s %s", s.where, s.what),
					Rule: "no package-level variable changes, unless internal/testing/archtest/rules.go gives a reason",
					Why: "package state is shared by all servers of a process and by all tests: " +
						"make it a field",
				})
			}
		}
	}
	found = append(found, stale(r.LongFiles, long, "is not longer than the limit")...)
	return append(found, stale(r.State, state, "does not change")...)
}

// stale finds exceptions that are no longer needed.
func stale(exceptions map[string]string, needed map[string]bool, what string) (found []Violation) {
	for name := range exceptions {
		if !needed[name] {
			found = append(found, Violation{
				What: fmt.Sprintf("%s %s, but internal/testing/archtest/rules.go has an exception for it", name, what),
				Rule: "the exceptions in internal/testing/archtest/rules.go are true",
				Why:  "an exception that is no longer needed would hide the next violation",
			})
		}
	}
	return found
}

// checkDoc wants a package comment. That of a package with nothing but tests may stand in a test.
func checkDoc(p *Package) (Violation, bool) {
	tests := true
	for _, f := range p.Files {
		tests = tests && f.Test
	}
	for _, f := range p.Files {
		if f.Test && !tests {
			continue
		}
		name := f.Syntax.Name.Name
		if doc := f.Syntax.Doc.Text(); doc != "" && (name == "main" || tests || strings.HasPrefix(doc, "Package "+name+" ")) {
			return Violation{}, true
		}
	}
	return Violation{
		What: fmt.Sprintf("package %q has no documentation", p.Path),
		Rule: `every package has a comment "Package name …", and every command a comment`,
		Why:  "the documentation says what the package is for",
	}, false
}

func checkInit(f *File) (found []Violation) {
	for _, d := range f.Syntax.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			found = append(found, Violation{
				What: fmt.Sprintf("%s has an init function", f.Set.Position(fn.Pos())),
				Rule: "no init functions",
				Why:  "importing a package must have no effect: code runs when it is called",
			})
		}
	}
	return found
}
