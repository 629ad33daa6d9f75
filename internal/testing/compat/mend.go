package compat

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Renames maps old names of tests to new ones: package.TestName to package.TestName, TestName to TestName in the same
// package, or "file: title" to "file: title".
type Renames map[string]string

// ParseRenames reads pairs of the form OLD=NEW.
func ParseRenames(pairs []string) (Renames, error) {
	renames := make(Renames)
	for _, pair := range pairs {
		from, to, ok := strings.Cut(pair, "=")
		if !ok || from == "" || to == "" {
			return nil, fmt.Errorf("%q is not of the form OLD=NEW", pair)
		}
		renames[from] = to
	}
	return renames, nil
}

// Change is a name on a page that does not exist: it was replaced, or could not be decided.
type Change struct {
	Line int
	Old  string
	New  string // empty if Mend could not decide
	Why  string // how New was found, or why it was not found
}

// Mend replaces the names of tests on a page that do not exist: by the renames, by the only test of the same name in
// another package, or by the nearest name in the same package or file if one is clearly the nearest. A test that one of
// the pages already names is never chosen as the nearest.
func (t *Tree) Mend(page string, pages []string, renames Renames) (mended string, changes []Change) {
	named := make(map[string]bool)
	for _, text := range append(pages, page) {
		for _, span := range spans(text) {
			named[span] = true
		}
	}
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		lines[i] = codeSpan.ReplaceAllStringFunc(line, func(code string) string {
			old := strings.Trim(code, "`")
			if !isTest(old) {
				return code
			}
			if exists, _ := t.HasTest(old); exists {
				return code
			}
			if exists, _ := t.HasName(old); exists {
				return code // a suite that other packages call
			}
			c := t.rename(old, renames, named)
			c.Line = i + 1
			changes = append(changes, c)
			if c.New == "" {
				return code
			}
			return "`" + c.New + "`"
		})
	}
	return strings.Join(lines, "\n"), changes
}

var titled = regexp.MustCompile(`^[\w./-]+\.(js|txt): `)

// isTest reports whether a code span names a test.
func isTest(span string) bool { return goTest.MatchString(span) || titled.MatchString(span) }

// rename finds the new name of a test that does not exist.
func (t *Tree) rename(old string, renames Renames, named map[string]bool) Change {
	c := Change{Old: old}
	if to, ok := t.given(old, renames); ok {
		if exists, _ := t.HasTest(to); !exists {
			c.Why = "there is no test " + to + " either"
			return c
		}
		c.New, c.Why = to, "given"
		return c
	}
	match := goTest.FindStringSubmatch(old)
	if match == nil {
		file, name, _ := strings.Cut(old, ": ")
		c.New, c.Why = nearest(name, file+": ", t.titles(file), named)
		return c
	}
	pkg, name := match[1], match[2]
	var moved []string
	for _, other := range t.testPackages() {
		if s, err := t.source(other); err == nil && s.tests[name] {
			moved = append(moved, other+"."+name)
		}
	}
	if len(moved) == 1 {
		c.New, c.Why = moved[0], "moved"
		return c
	}
	if len(moved) > 1 {
		c.Why = "it may be " + strings.Join(moved, " or ")
		return c
	}
	s, err := t.source(pkg)
	if err != nil {
		c.Why = err.Error()
		return c
	}
	var candidates []string
	for _, test := range slices.Sorted(maps.Keys(s.tests)) {
		if goTest.MatchString(pkg+"."+test) && kindOf(test) == kindOf(name) {
			candidates = append(candidates, test)
		}
	}
	c.New, c.Why = nearest(name, pkg+".", candidates, named)
	return c
}

// given looks a name up in the renames.
func (t *Tree) given(old string, renames Renames) (string, bool) {
	if to, ok := renames[old]; ok {
		return to, true
	}
	if match := goTest.FindStringSubmatch(old); match != nil {
		if to, ok := renames[match[2]]; ok {
			return match[1] + "." + to, true
		}
	}
	return "", false
}

// kindOf returns Test, Example or Fuzz.
func kindOf(test string) string {
	for _, kind := range []string{"Test", "Example", "Fuzz"} {
		if strings.HasPrefix(test, kind) {
			return kind
		}
	}
	return ""
}

var title = regexp.MustCompile("(?m)\\b(?:test|it|describe)(?:\\.\\w+)?\\(\\s*(?:\"([^\"\\n]+)\"|`([^`\\n]+)`)|^case (.+)$")

// titles returns the titles of the tests in a file that is not Go.
func (t *Tree) titles(file string) (all []string) {
	text, err := t.Text(file)
	if err != nil {
		return nil
	}
	for _, match := range title.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1]+match[2]+match[3])
	}
	return all
}

// nearest returns the candidate that is clearly nearest to a name: at most half of the letters change, and every other
// candidate is at least two letters further away.
func nearest(name, prefix string, candidates []string, named map[string]bool) (found, why string) {
	kind := kindOf(name) // all candidates of a Go test have it, so it must not count
	type candidate struct {
		name     string
		distance int
	}
	var all []candidate
	for _, c := range candidates {
		was, is := strings.TrimPrefix(name, kind), strings.TrimPrefix(c, kind)
		if d := distance(was, is); !named[prefix+c] && 2*d <= max(len(was), len(is)) {
			all = append(all, candidate{c, d})
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.distance - b.distance })
	switch {
	case len(all) == 0:
		return "", "no name is near"
	case len(all) == 1, all[1].distance >= all[0].distance+2:
		return prefix + all[0].name, "nearest name"
	}
	return "", fmt.Sprintf("it may be %s%s or %s%s", prefix, all[0].name, prefix, all[1].name)
}

// distance is the number of letters to insert, remove or replace to change a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// testPackages returns the folders of the tree that hold Go tests.
func (t *Tree) testPackages() []string {
	if t.tested != nil {
		return t.tested
	}
	found := make(map[string]bool)
	_ = filepath.WalkDir(t.root, func(file string, entry fs.DirEntry, err error) error { // folders that cannot be read have no tests
		if err != nil {
			return nil
		}
		name := entry.Name()
		if entry.IsDir() && file != t.root && (name == "node_modules" || name == "testdata" || name == "tmp" || name[0] == '.') {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, "_test.go") {
			if relative, err := filepath.Rel(t.root, file); err == nil {
				found[path.Dir(filepath.ToSlash(relative))] = true
			}
		}
		return nil
	})
	t.tested = slices.Sorted(maps.Keys(found))
	return t.tested
}
