package archtest

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Tree is the Go source of a module.
type Tree struct {
	Module   string // its path
	Packages []*Package
}

// Package is a folder with Go files.
type Package struct {
	Path  string // below the module, with slashes; empty for the module's root
	Files []*File
}

// File is a Go file.
type File struct {
	Name  string // below the module, with slashes
	Test  bool   // a _test.go file
	Lines int

	// Imports are import paths: those of the module's own packages without the module's path.
	Imports []string

	Syntax *ast.File
	Set    *token.FileSet // of the whole tree
}

// Load reads the module in a folder. It leaves out testdata, what begins with a dot or an underscore, node_modules,
// nested modules, and the ignored folders bin and tmp at the root.
func Load(dir string) (*Tree, error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(mod), "\n")
	t := &Tree{Module: strings.TrimSpace(strings.TrimPrefix(first, "module "))}
	set := token.NewFileSet()
	packages := make(map[string]*Package)
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if name != "." && outside(dir, name) {
				return fs.SkipDir
			}
			return nil
		case path.Ext(name) != ".go":
			return nil
		}
		source, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		f, err := t.parse(set, name, source)
		if f == nil || err != nil {
			return err
		}
		folder := strings.TrimPrefix(path.Dir(name), ".")
		p, ok := packages[folder]
		if !ok {
			p = &Package{Path: folder}
			packages[folder] = p
			t.Packages = append(t.Packages, p)
		}
		p.Files = append(p.Files, f)
		return nil
	})
	return t, err
}

func outside(dir, name string) bool {
	switch base := path.Base(name); {
	case base[0] == '.', base[0] == '_', base == "testdata", base == "node_modules", name == "bin", name == "tmp":
		return true
	}
	_, err := os.Stat(filepath.Join(dir, name, "go.mod"))
	return err == nil
}

// parse returns nil for a file that belongs to no build.
func (t *Tree) parse(set *token.FileSet, name string, source []byte) (*File, error) {
	syntax, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("reading the tree: %w", err)
	}
	f := &File{
		Name:   name,
		Test:   strings.HasSuffix(name, "_test.go"),
		Lines:  strings.Count(string(source), "\n"),
		Syntax: syntax,
		Set:    set,
	}
	for _, group := range syntax.Comments {
		for _, c := range group.List {
			if x, err := constraint.Parse(c.Text); err == nil && c.Pos() < syntax.Package && x.String() == "ignore" {
				return nil, nil
			}
		}
	}
	for _, s := range syntax.Imports {
		to, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("reading the imports of %s: %w", name, err)
		}
		f.Imports = append(f.Imports, strings.TrimPrefix(to, t.Module+"/"))
	}
	return f, nil
}

// find returns the package with this path, or nil.
func (t *Tree) find(path string) *Package {
	for _, p := range t.Packages {
		if p.Path == path {
			return p
		}
	}
	return nil
}
