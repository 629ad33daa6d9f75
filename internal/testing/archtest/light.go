package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Dependency is a package in the list of all that another depends on.
type Dependency struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Module     *struct {
		Path string
		Main bool
	}
}

// Dependencies asks the go command for everything that a package of the module in dir depends on, itself included,
// when it is built for an operating system.
func Dependencies(dir, pkg, goos string) ([]Dependency, error) {
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Imports,Standard,Module", "./"+pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("listing the dependencies of %s: %w", pkg, err)
	}
	var list []Dependency
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p Dependency
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the dependencies of %s: %w", pkg, err)
		}
		list = append(list, p)
	}
}

// CheckDependencies checks all that a light package depends on. It names each module that must not be there once, with
// the way that leads there, and is silent about what that module brings along.
func (l *Light) CheckDependencies(list []Dependency) []Violation {
	foreign := make(map[string]string) // forbidden packages, with their modules
	for _, d := range list {
		if d.Standard || d.Module == nil || d.Module.Main || l.allows(d.Module.Path) {
			continue
		}
		foreign[d.ImportPath] = d.Module.Path
	}
	var found []Violation
	seen := make(map[string]bool)
	for _, d := range list {
		if foreign[d.ImportPath] != "" {
			continue
		}
		for _, to := range d.Imports {
			module := foreign[to]
			if module == "" || seen[module] {
				continue
			}
			seen[module] = true
			rule := l.Package + " depends on the standard library alone"
			if len(l.Modules) > 0 {
				rule = fmt.Sprintf("%s depends on the standard library and %s alone", l.Package, strings.Join(l.Modules, ", "))
			}
			found = append(found, Violation{
				What: fmt.Sprintf("%s depends on %s: %s", l.Package, module, strings.Join(way(list, to), " -> ")),
				Rule: rule,
				Why:  l.Why,
			})
		}
	}
	return found
}

func (l *Light) allows(module string) bool {
	return slices.ContainsFunc(l.Modules, func(m string) bool { return module == m || strings.HasPrefix(module, m+"/") })
}

// way returns a shortest chain of imports from the listed package, which is the last of the list, to another.
func way(list []Dependency, to string) []string {
	importers := make(map[string][]string)
	for _, d := range list {
		for _, i := range d.Imports {
			importers[i] = append(importers[i], d.ImportPath)
		}
	}
	from := list[len(list)-1].ImportPath
	next := map[string]string{to: ""}
	for queue := []string{to}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == from {
			break
		}
		for _, i := range importers[queue[0]] {
			if _, ok := next[i]; !ok {
				next[i] = queue[0]
				queue = append(queue, i)
			}
		}
	}
	var chain []string
	for at := from; at != ""; at = next[at] {
		chain = append(chain, at)
	}
	return chain
}
