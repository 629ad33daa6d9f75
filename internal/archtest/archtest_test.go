package archtest_test

import (
	"testing"

	"github.com/parleyio/parley/internal/archtest"
)

const root = "../.."

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
	t.Run("files", func(t *testing.T) { report(t, rules.CheckFiles(tree)) })

	there := make(map[string]bool)
	for _, p := range tree.Packages {
		there[p.Path] = true
	}
	for _, l := range rules.Light {
		if !there[l.Package] {
			continue // planned: it counts from its first file on
		}
		t.Run("dependencies of "+l.Package, func(t *testing.T) {
			for _, system := range []string{"linux", "darwin", "windows"} {
				list, err := archtest.Dependencies(root, l.Package, system)
				if err != nil {
					t.Fatal(err)
				}
				if found := l.CheckDependencies(list); len(found) > 0 {
					report(t, found)
					break // the other systems would say the same again
				}
			}
		})
	}
}
