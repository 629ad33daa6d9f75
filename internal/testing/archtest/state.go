package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"strings"
)

// change is a place where a package-level variable is changed, or one that is made for changing.
type change struct{ name, where, what string }

// changes finds assignments to package-level variables in files that are not tests, and variables of types that are
// made to be changed. It does not see changes made by methods and through pointers.
func changes(p *Package) (found []change) {
	if len(p.Files) == 0 {
		return nil
	}
	set := p.Files[0].Set
	var files []*ast.File
	for _, f := range p.Files {
		if !f.Test {
			files = append(files, f.Syntax)
		}
	}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{
		Importer: nothing{},
		Error:    func(error) {}, // imports are empty: only the package's own names are of interest
	}
	own, _ := config.Check(p.Path, set, files, info)

	for _, f := range files {
		found = append(found, changeable(p, set, f)...)
		report := func(e ast.Expr, what string) {
			id := root(e)
			if id == nil {
				return
			}
			switch o := info.Uses[id].(type) {
			case *types.Var:
				if o.Parent() == own.Scope() {
					found = append(found, change{p.Path + "." + o.Name(), set.Position(e.Pos()).String(), what + " " + o.Name()})
				}
			case *types.PkgName:
				name := o.Imported().Path()
				found = append(found, change{name, set.Position(e.Pos()).String(), what + " a variable of " + name})
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					report(e, "assigns to")
				}
			case *ast.RangeStmt:
				report(n.Key, "assigns to")
				report(n.Value, "assigns to")
			case *ast.IncDecStmt:
				report(n.X, "changes")
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					report(n.X, "hands out the address of")
				}
			case *ast.CallExpr:
				if fn, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (fn.Name == "delete" || fn.Name == "clear") {
					report(n.Args[0], "deletes from")
				}
			}
			return true
		})
	}
	return found
}

// changeable finds package-level variables of types that are of no use without being changed. A sync.Pool and a
// sync.Once are not among them: nobody can tell what they hold.
func changeable(p *Package, set *token.FileSet, f *ast.File) (found []change) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			for i, id := range v.Names {
				of := typeName(v.Type)
				if of == "" && i < len(v.Values) {
					of = typeName(v.Values[i])
				}
				switch {
				case of == "sync.Mutex", of == "sync.RWMutex", of == "sync.Map", of == "sync.WaitGroup", of == "sync.Cond",
					strings.HasPrefix(of, "atomic."):
					found = append(found, change{p.Path + "." + id.Name, set.Position(id.Pos()).String(), "makes " + id.Name + " a " + of})
				}
			}
		}
	}
	return found
}

// typeName returns the type of a declaration or of the value that it begins with, as far as it is of another package.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return x.Name + "." + e.Sel.Name
		}
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.UnaryExpr:
		return typeName(e.X)
	case *ast.CompositeLit:
		return typeName(e.Type)
	case *ast.CallExpr:
		if fn, ok := e.Fun.(*ast.Ident); ok && fn.Name == "new" && len(e.Args) == 1 {
			return typeName(e.Args[0])
		}
	}
	return ""
}

// root returns the name at the beginning of what is assigned to: x in x, *x, x[i], x.f and x[i].f.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// nothing gives every import an empty package.
type nothing struct{}

func (nothing) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}
