package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// CheckGuards wants a guard on each goroutine, and on each timer that is a goroutine when its time comes, of the library:
// the function that it starts defers a call of recover, or of a function that is named after guarding or recovering. A
// function is known by its name in the package, whatever its receiver: all that bear the name must have a guard.
//
// Tests, packages for tests and mains are left out: their panics are to be seen.
func (r *Rules) CheckGuards(t *Tree) []Violation {
	var found []Violation
	unguarded := make(map[string]bool)
	for _, p := range t.Packages {
		if isTest(p.Path) || !r.library(p.Path) {
			continue
		}
		guarded := guardedFunctions(p)
		for _, f := range p.Files {
			if f.Test {
				continue
			}
			for _, s := range starts(f.Syntax) {
				if hasGuard(s.function, guarded) {
					continue
				}
				name := p.Path + "." + s.in
				unguarded[name] = true
				if r.Unguarded[name] == "" {
					found = append(found, Violation{
						What: fmt.Sprintf("%s starts a goroutine or a timer without a guard in %s", f.Set.Position(s.pos), name),
						Rule: "what runs on a goroutine of its own defers a guard, unless internal/testing/archtest/rules.go gives a reason",
						Why:  "a panic that nothing recovers on its goroutine ends the process, and all connections with it",
					})
				}
			}
		}
	}
	return append(found, stale(r.Unguarded, unguarded, "starts nothing without a guard")...)
}

// library reports whether a package runs in the processes of others: all but tools and mains do.
func (r *Rules) library(p string) bool {
	at, ok := r.layer(p)
	return ok && at > 0 && at < len(r.Layers)-1
}

// start is a place where a goroutine or a timer is started.
type start struct {
	in       string // the function around it, with the type of its receiver
	function ast.Expr
	pos      token.Pos
}

func starts(f *ast.File) (found []start) {
	for _, d := range f.Decls {
		in := "package variables"
		if fn, ok := d.(*ast.FuncDecl); ok {
			in = fn.Name.Name
			if fn.Recv != nil {
				in = root(fn.Recv.List[0].Type).String() + "." + in
			}
		}
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				found = append(found, start{in, n.Call.Fun, n.Pos()})
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "AfterFunc" && len(n.Args) == 2 {
					found = append(found, start{in, n.Args[1], n.Pos()})
				}
			}
			return true
		})
	}
	return found
}

// guardedFunctions tells by the name of a function whether all of that name have a guard.
func guardedFunctions(p *Package) map[string]bool {
	guarded := make(map[string]bool)
	for _, f := range p.Files {
		if f.Test {
			continue
		}
		for _, d := range f.Syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				before, known := guarded[fn.Name.Name]
				guarded[fn.Name.Name] = defersGuard(fn.Body) && (before || !known)
			}
		}
	}
	return guarded
}

// hasGuard judges what is started: a function literal, which may do nothing but call a function that has a guard, or a
// function or method by its name.
func hasGuard(e ast.Expr, guarded map[string]bool) bool {
	switch e := e.(type) {
	case *ast.FuncLit:
		if len(e.Body.List) == 1 {
			if only, ok := e.Body.List[0].(*ast.ExprStmt); ok {
				call, ok := only.X.(*ast.CallExpr)
				return ok && hasGuard(call.Fun, guarded)
			}
		}
		return defersGuard(e.Body)
	case *ast.Ident:
		return guarded[e.Name]
	case *ast.SelectorExpr:
		return guarded[e.Sel.Name]
	}
	return false
}

// defersGuard looks at the statements of a function's own: a guard in a loop or a branch may not be there in time.
func defersGuard(body *ast.BlockStmt) bool {
	for _, s := range body.List {
		if d, ok := s.(*ast.DeferStmt); ok && guards(d.Call) {
			return true
		}
	}
	return false
}

// guards reports whether a call is that of a guard, or one of a literal that calls a guard or recover.
func guards(call *ast.CallExpr) (found bool) {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = strings.ToLower(f.Name)
	case *ast.SelectorExpr:
		name = strings.ToLower(f.Sel.Name)
	case *ast.FuncLit:
		ast.Inspect(f.Body, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			found = found || ok && guards(c)
			return !found
		})
	}
	return found || strings.Contains(name, "guard") || strings.Contains(name, "recover")
}
