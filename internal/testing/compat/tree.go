package compat

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Tree is the source tree that the pages describe.
type Tree struct {
	root     string
	packages map[string]*source
	texts    map[string]string
	tested   []string // the folders with Go tests; nil until they are needed
}

// source has the declarations of one folder.
type source struct {
	names map[string]bool // "Type", "Type.Member", "Func", …
	tests map[string]bool
}

// Load returns the tree in a folder. It reads a file when the file is needed.
func Load(root string) *Tree {
	return &Tree{root: root, packages: make(map[string]*source), texts: make(map[string]string)}
}

// HasName reports whether an exported identifier exists.
func (t *Tree) HasName(name string) (bool, error) {
	pkg := "socketio"
	if first, rest, ok := strings.Cut(name, "."); ok && first == strings.ToLower(first) {
		pkg, name = first, rest
	}
	s, err := t.source(pkg)
	if err != nil {
		return false, err
	}
	return s.names[name], nil
}

var goTest = regexp.MustCompile(`^([a-z0-9/]+)\.((?:Test|Example|Fuzz)\w*)$`)

// HasTest reports whether a test exists: package.TestName, or the path of another file, a colon and a title in it.
func (t *Tree) HasTest(name string) (bool, error) {
	if match := goTest.FindStringSubmatch(name); match != nil {
		s, err := t.source(match[1])
		if err != nil {
			return false, err
		}
		return s.tests[match[2]], nil
	}
	file, title, ok := strings.Cut(name, ": ")
	if !ok {
		return false, fmt.Errorf("%q is neither package.TestName nor \"file: title\"", name)
	}
	text, err := t.Text(file)
	if err != nil {
		return false, err
	}
	switch filepath.Ext(file) {
	case ".js":
		return strings.Contains(text, `"`+title+`"`) || strings.Contains(text, "`"+title+"`"), nil
	case ".txt":
		return strings.Contains(text, "\ncase "+title+"\n"), nil
	}
	return false, fmt.Errorf("%s: no kind of file that has tests", file)
}

// Text returns the content of a file.
func (t *Tree) Text(file string) (string, error) {
	if text, ok := t.texts[file]; ok {
		return text, nil
	}
	data, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(file)))
	if err != nil {
		return "", err
	}
	t.texts[file] = string(data)
	return t.texts[file], nil
}

func (t *Tree) source(pkg string) (*source, error) {
	if s, ok := t.packages[pkg]; ok {
		return s, nil
	}
	files, err := filepath.Glob(filepath.Join(t.root, filepath.FromSlash(pkg), "*.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("there is no package %s", pkg)
	}
	s := &source{make(map[string]bool), make(map[string]bool)}
	set := token.NewFileSet()
	var code []*ast.File
	for _, name := range files {
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(name, "_test.go") {
			code = append(code, f)
			continue
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				s.tests[fn.Name.Name] = true
			}
		}
	}
	if err := s.declare(set, code, pkg); err != nil {
		return nil, err
	}
	t.packages[pkg] = s
	return s, nil
}

// declare records the exported names of the files.
func (s *source) declare(set *token.FileSet, files []*ast.File, path string) error {
	if len(files) == 0 {
		return nil
	}
	p, err := doc.NewFromFiles(set, files, path)
	if err != nil {
		return err
	}
	values := func(all []*doc.Value) {
		for _, v := range all {
			for _, name := range v.Names {
				s.names[name] = true
			}
		}
	}
	functions := func(prefix string, all []*doc.Func) {
		for _, f := range all {
			s.names[prefix+f.Name] = true
		}
	}
	values(p.Consts)
	values(p.Vars)
	functions("", p.Funcs)
	embedded := make(map[string][]string) // for each type, the types of this package that it embeds
	for _, t := range p.Types {
		s.names[t.Name] = true
		values(t.Consts)
		values(t.Vars)
		functions("", t.Funcs)
		functions(t.Name+".", t.Methods)
		for _, spec := range t.Decl.Specs {
			for _, member := range members(spec.(*ast.TypeSpec).Type) {
				s.names[t.Name+"."+member] = true
			}
			embedded[t.Name] = append(embedded[t.Name], embeds(spec.(*ast.TypeSpec).Type)...)
		}
	}
	for name, types := range embedded {
		for _, t := range types {
			for _, member := range slices.Collect(maps.Keys(s.names)) {
				if member, ok := strings.CutPrefix(member, t+"."); ok {
					s.names[name+"."+member] = true
				}
			}
		}
	}
	return nil
}

// embeds returns the exported types of the same package that a struct embeds.
func embeds(e ast.Expr) (names []string) {
	list, ok := e.(*ast.StructType)
	if !ok {
		return nil
	}
	for _, field := range list.Fields.List {
		t := field.Type
		if pointer, ok := t.(*ast.StarExpr); ok {
			t = pointer.X
		}
		if name, ok := t.(*ast.Ident); ok && len(field.Names) == 0 && name.IsExported() {
			names = append(names, name.Name)
		}
	}
	return names
}

// members returns the fields of a struct and the methods of an interface.
func members(e ast.Expr) (names []string) {
	var list *ast.FieldList
	switch e := e.(type) {
	case *ast.StructType:
		list = e.Fields
	case *ast.InterfaceType:
		list = e.Methods
	default:
		return nil
	}
	for _, field := range list.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return names
}
