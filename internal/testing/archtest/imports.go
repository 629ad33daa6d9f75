package archtest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Rules are what a tree is checked against. Paths of packages are given without the module's path; a path that ends
// in "/*" stands for everything below.
type Rules struct {
	// Layers are the packages from the bottom up. Imports go downward only.
	Layers []Layer

	// Bans forbid imports that the layers would allow.
	Bans []Ban

	// Modules are the third-party modules, with the packages that may import them.
	Modules []Module

	// Light are the packages that may depend on few modules only.
	Light []Light

	// LongFiles has the reason for each file of more than MaxLines lines.
	LongFiles map[string]string

	// State has the reason for each package-level variable ("package.name") that changes.
	State map[string]string

	// Unguarded has the reason for each function ("package.name" or "package.type.name") that starts a goroutine or a
	// timer without a guard.
	Unguarded map[string]string
}

// Layer is a set of packages that do not know each other.
type Layer struct {
	Name     string
	Packages []string
}

// Ban forbids imports: of our packages, of the standard library or of others.
type Ban struct {
	From, To []string
	Why      string
}

// Module is a module of others, or a part of one.
type Module struct {
	Path  string
	Users []string
	Why   string
}

// Light is a package that may depend, however indirectly, on nothing but the standard library and these modules.
type Light struct {
	Package string
	Modules []string
	Why     string
}

// Violation is a rule that something breaks.
type Violation struct {
	What, Rule, Why string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s\n\trule: %s\n\twhy:  %s", v.What, v.Rule, v.Why)
}

// CheckImports checks the imports of the files that are not tests.
func (r *Rules) CheckImports(t *Tree) []Violation {
	var found []Violation
	used := make(map[string]bool) // modules
	for _, p := range t.Packages {
		if _, ok := r.layer(p.Path); !ok {
			found = append(found, Violation{
				What: fmt.Sprintf("package %q is in no layer", p.Path),
				Rule: "every package stands in the table of layers in internal/testing/archtest/rules.go",
				Why: "where a package belongs is decided when it is made: add it to the layer of those that it may not " +
					"import, and to docs/ARCHITECTURE.md with the reason that it exists",
			})
		}
		for to, in := range p.imports() {
			found = append(found, r.checkImport(t, p.Path, to, in, used)...)
		}
	}
	for _, m := range r.Modules {
		if !used[m.Path] {
			found = append(found, Violation{
				What: fmt.Sprintf("no package imports %s", m.Path),
				Rule: "the table of modules in internal/testing/archtest/rules.go is true",
				Why:  "a line that is no longer needed would allow the import again without a review",
			})
		}
	}
	return found
}

// imports returns the imports of the files that are not tests, each with the first file that has it, in order.
func (p *Package) imports() func(yield func(to, file string) bool) {
	first := make(map[string]string)
	for _, f := range p.Files {
		for _, to := range f.Imports {
			if _, ok := first[to]; !ok && !f.Test {
				first[to] = f.Name
			}
		}
	}
	return func(yield func(string, string) bool) {
		for _, to := range slices.Sorted(maps.Keys(first)) {
			if !yield(to, first[to]) {
				return
			}
		}
	}
}

func (r *Rules) checkImport(t *Tree, from, to, in string, used map[string]bool) (found []Violation) {
	what := fmt.Sprintf("%s imports %s (%s)", from, to, in)
	for _, b := range r.Bans {
		if matches(b.From, from) && matches(b.To, to) {
			found = append(found, Violation{
				What: what,
				Rule: fmt.Sprintf("%s must not import %s", strings.Join(b.From, ", "), strings.Join(b.To, ", ")),
				Why:  b.Why,
			})
		}
	}
	if t.find(to) != nil {
		return append(found, r.checkLayers(from, to, what)...)
	}
	if host, _, _ := strings.Cut(to, "/"); !strings.Contains(host, ".") {
		return found // the standard library
	}
	at := slices.IndexFunc(r.Modules, func(m Module) bool { return to == m.Path || strings.HasPrefix(to, m.Path+"/") })
	if at < 0 {
		return append(found, Violation{
			What: what,
			Rule: "every module of others stands in the table of modules in internal/testing/archtest/rules.go",
			Why:  "a dependency is a decision: add it with its users and the reason, and a page in docs/adr",
		})
	}
	m := r.Modules[at]
	used[m.Path] = true
	if !matches(m.Users, from) {
		found = append(found, Violation{
			What: what,
			Rule: fmt.Sprintf("%s is used by %s only", m.Path, strings.Join(m.Users, ", ")),
			Why:  m.Why,
		})
	}
	return found
}

// checkLayers checks an import of one of our packages by another.
func (r *Rules) checkLayers(from, to, what string) []Violation {
	lower, ok := r.layer(to)
	upper, known := r.layer(from)
	if !ok || !known {
		return nil // reported for the package itself
	}
	forTests := isTest(from) || upper == len(r.Layers)-1
	var found []Violation
	if (isTest(to) || lower == 0) && upper > 0 && !forTests {
		found = append(found, Violation{
			What: what,
			Rule: "internal/testing/* and packages named …test are used by tests, other …test packages and mains only",
			Why:  "code for tests must not be compiled into programs of users",
		})
	}
	switch {
	case lower > upper:
		found = append(found, Violation{
			What: what,
			Rule: fmt.Sprintf("imports go downward only: %s is in layer %d (%s), %s in layer %d (%s)",
				from, upper, r.Layers[upper].Name, to, lower, r.Layers[lower].Name),
			Why: "a lower layer can be understood, tested and used without those above it",
		})
	case lower == upper && (!isTest(from) || to != path.Dir(from)):
		found = append(found, Violation{
			What: what,
			Rule: fmt.Sprintf("packages of one layer do not import each other: both are in layer %d (%s)",
				upper, r.Layers[upper].Name),
			Why: "neighbours that do not know each other can change and be replaced alone; what both need lies below",
		})
	}
	return found
}

// layer returns the number of a package's layer. A …test package that is not in the table is in that of its parent.
func (r *Rules) layer(p string) (int, bool) {
	for i, l := range r.Layers {
		if slices.Contains(l.Packages, p) {
			return i, true
		}
	}
	for i, l := range r.Layers {
		if matches(l.Packages, p) {
			return i, true
		}
	}
	if isTest(p) && path.Dir(p) != "." {
		return r.layer(path.Dir(p))
	}
	return 0, false
}

// isTest reports whether a package is made for tests: those of its parent's implementations, or those of users.
func isTest(p string) bool { return strings.HasSuffix(p, "test") }

// matches reports whether one of the patterns stands for a path.
func matches(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
			return strings.HasPrefix(p, prefix)
		}
		return p == pattern
	})
}
