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

// namedOnPage wants each package, or the one above it, in the tree of docs/ARCHITECTURE.md: what is not there is found by
// nobody.
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
