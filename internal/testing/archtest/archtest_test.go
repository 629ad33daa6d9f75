package archtest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/testing/archtest"
)

const root = "../../.."

// TestParley holds this repository to its rules.
func TestParley(t *testing.T) {
	tree, err := archtest.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	rules := archtest.Parley()
	report := func(t *testing.T, violations []archtest.Violation) {
		for _, v := range violations {
			t.Errorf("%v\n", v)
		}
	}
	t.Run("imports", func(t *testing.T) { report(t, rules.CheckImports(tree)) })
	t.Run("guards", func(t *testing.T) { report(t, rules.CheckGuards(tree)) })
	t.Run("files", func(t *testing.T) { report(t, rules.CheckFiles(tree)) })

	t.Run("tree", func(t *testing.T) { namedOnPage(t, tree) })
	t.Run("paths", pathsOnPage)

	there := make(map[string]bool)
	for _, p := range tree.Packages {
		there[p.Path] = true
	}
	for _, l := range rules.Light {
		if !there[l.Package] {
			continue // planned: checked from its first file on
		}
		t.Run("dependencies of "+l.Package, func(t *testing.T) {
			for _, system := range []string{"linux", "darwin", "windows"} {
				list, err := archtest.Dependencies(root, l.Package, system)
				if err != nil {
					t.Fatal(err)
				}
				if found := l.CheckDependencies(list); len(found) > 0 {
					report(t, found)
					break // the other systems would report the same
				}
			}
		})
	}
}

// namedOnPage checks that the tree in docs/ARCHITECTURE.md lists each package, or the one above it: a reader does not find
// a package that is not there.
func namedOnPage(t *testing.T, tree *archtest.Tree) {
	page, err := os.ReadFile(root + "/docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "## The tree\n")
	shown, _, _ = strings.Cut(shown, "\n## ")
	named := map[string]bool{}
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(shown, -1) {
		named[word] = true
	}
	for _, p := range tree.Packages {
		for i, directory := range strings.Split(p.Path, "/") {
			if i < 2 && !named[directory] && !strings.HasPrefix(p.Path, "examples/") {
				t.Errorf("%s: the tree in docs/ARCHITECTURE.md does not list %s", p.Path, directory)
			}
		}
	}
}

// pathsOnPage checks that each path which the guides of docs/ARCHITECTURE.md name exists: in "Where to begin reading" and in
// "Where do I add".
func pathsOnPage(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile("`([\\w-]+/[\\w./-]+)`")
	for _, guide := range []string{"## Where to begin reading\n", "## Where do I add …\n"} {
		_, text, _ := strings.Cut(string(page), guide)
		text, _, _ = strings.Cut(text, "\n## ")
		paths := path.FindAllStringSubmatch(text, -1)
		if len(paths) < 10 {
			t.Errorf("%q names %d paths: has the heading changed?", guide, len(paths))
		}
		for _, p := range paths {
			if _, err := os.Stat(root + "/" + p[1]); err != nil {
				t.Errorf("docs/ARCHITECTURE.md names a path that does not exist: %v", err)
			}
		}
	}
}
