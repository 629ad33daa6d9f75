// Command mend corrects the names of tests in docs/COMPATIBILITY.md and docs/SECURITY.md after tests were renamed or moved.
// Run it in the root of the repository:
//
//	go run ./internal/testing/compat/mend [OLD=NEW …]
//
// It looks for names of tests that do not exist. It replaces a name as the pairs say, by the only test of that name
// in another package, or by the nearest name in the same package if that is unambiguous. It prints the names that it
// replaced and those that it could not decide. The exit code is 1 if it could not decide a name.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/parleyio/parley/internal/testing/compat"
)

func main() {
	log.SetFlags(0)
	root := flag.String("root", ".", "the root of the repository")
	flag.Parse()
	undecided, err := mend(*root, flag.Args(), os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	if undecided > 0 {
		os.Exit(1)
	}
}

// mend rewrites the pages and returns how many names it could not decide.
func mend(root string, pairs []string, out io.Writer) (undecided int, err error) {
	renames, err := compat.ParseRenames(pairs)
	if err != nil {
		return 0, err
	}
	files := []string{"docs/COMPATIBILITY.md", "docs/SECURITY.md"}
	pages := make([]string, len(files))
	for i, file := range files {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return 0, err
		}
		pages[i] = string(text)
	}
	tree := compat.Load(root)
	for i, file := range files {
		mended, changes := tree.Mend(pages[i], pages, renames)
		for _, c := range changes {
			if c.New == "" {
				undecided++
				fmt.Fprintf(out, "%s:%d: %s is left: %s\n", file, c.Line, c.Old, c.Why)
			} else {
				fmt.Fprintf(out, "%s:%d: %s is now %s (%s)\n", file, c.Line, c.Old, c.New, c.Why)
			}
		}
		if mended != pages[i] {
			if err := os.WriteFile(filepath.Join(root, file), []byte(mended), 0o644); err != nil {
				return undecided, err
			}
		}
	}
	if undecided > 0 {
		fmt.Fprintf(out, "%d names are left: run `make compat RENAME=\"OLD=NEW …\"`\n", undecided)
	}
	return undecided, nil
}
