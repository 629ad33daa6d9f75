package socketio_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/parleyio/parley/socketio"
)

// TestReason reads the reasons that package engineio has from its source: each is one of this package's, by its name and
// with its text. TestNamespace_OnDisconnect_reasons lets each of them happen.
func TestReason(t *testing.T) {
	below := declaredReasons(t, "../engineio")
	if len(below) < 6 {
		t.Fatalf("reasons of engineio: %v", below)
	}
	here := map[string]socketio.Reason{
		"TransportClose": socketio.TransportClose, "TransportError": socketio.TransportError,
		"ForcedClose": socketio.ForcedClose, "PingTimeout": socketio.PingTimeout,
		"ParseError": socketio.ParseError, "SlowConsumer": socketio.SlowConsumer,
	}
	for name, text := range below {
		if got := string(here[name]); got != text {
			t.Errorf("%s is %q in engineio and %q here", name, text, got)
		}
	}
	n := serve(t, nil)
	known := n.Stats().Disconnects
	for _, reason := range slices.Concat(slices.Collect(maps.Values(here)), []socketio.Reason{
		socketio.ClientDisconnect, socketio.ServerDisconnect, socketio.ShuttingDown,
	}) {
		if _, ok := known[reason]; !ok {
			t.Errorf("%q is not counted", reason)
		}
	}
	if len(known) != len(here)+3 {
		t.Errorf("counted are %v", known)
	}
}

// declaredReasons returns the constants of type Reason that the files of a folder declare.
func declaredReasons(t *testing.T, folder string) map[string]string {
	found := map[string]string{}
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	must(t, err)
	for _, name := range files {
		p, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must(t, err)
		ast.Inspect(p, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Reason" && len(spec.Values) == 1 {
				text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				must(t, err)
				found[spec.Names[0].Name] = text
			}
			return true
		})
	}
	return found
}
