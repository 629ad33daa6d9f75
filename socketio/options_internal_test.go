package socketio

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/engineio"
)

// TestOptions_documented_defaults reads what the comments of the options say that zero means, here and in the layer below,
// and compares it with what zero becomes.
func TestOptions_documented_defaults(t *testing.T) {
	s, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	here, below := reflect.ValueOf(s.opts), reflect.ValueOf(s.engine.Options())
	checked := map[string]bool{}
	for file, values := range map[string][]reflect.Value{"options.go": {below, here}, "../engineio/options.go": {below}} {
		for field, text := range documentedDefaults(t, file) {
			want, ok := meaning(text)
			if !ok {
				continue // "no limit", "four times MaxPayload"
			}
			for _, options := range values {
				value := options.FieldByName(field)
				if !value.IsValid() {
					continue
				}
				if got := value.Int(); got != want {
					t.Errorf("%s: %s: the comment says that zero means %s, and it is %d", file, field, text, got)
				}
				checked[field] = true
				break
			}
		}
	}
	if len(checked) < 24 {
		t.Errorf("checked are only %d: %v", len(checked), checked)
	}
}

// documentedDefaults returns what follows "Zero means" in the comment of each field of Options in a file.
func documentedDefaults(t *testing.T, file string) map[string]string {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	zero := regexp.MustCompile(`Zero means ([^.;]*)`)
	found := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Options" {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			comment := strings.ReplaceAll(field.Doc.Text(), "\n", " ")
			if match := zero.FindStringSubmatch(comment); match != nil {
				found[field.Names[0].Name] = match[1]
			}
		}
		return false
	})
	return found
}

// meaning reads a number with its unit. It reports false for anything else.
func meaning(text string) (int64, bool) {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(strings.ReplaceAll(number, ",", ""), 10, 64)
	switch unit {
	case "":
	case "s":
		n *= int64(time.Second)
	case "MiB":
		n <<= 20
	default:
		return 0, false
	}
	return n, err == nil
}

// Each option of the layer below is one of this package too, and is passed on.
func TestOptions_engine(t *testing.T) {
	below := reflect.TypeFor[engineio.Options]()
	for i := range below.NumField() {
		field := below.Field(i)
		t.Run(field.Name, func(t *testing.T) {
			var o Options
			set := reflect.ValueOf(&o).Elem().FieldByName(field.Name)
			if !set.IsValid() || set.Type() != field.Type {
				t.Fatalf("socketio.Options has no such field of type %v", field.Type)
			}
			set.Set(some(t, field.Type))
			if got := reflect.ValueOf(o.engine()).Elem().Field(i); got.IsZero() {
				t.Error("is not passed on")
			} else if got.Kind() != reflect.Func && !reflect.DeepEqual(got.Interface(), set.Interface()) {
				t.Errorf("got %v, want %v", got, set)
			}
		})
	}
}

// some returns a value that is not zero.
func some(t *testing.T, typ reflect.Type) reflect.Value {
	t.Helper()
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.String:
		v.SetString("x")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(typ, 1, 1))
	case reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
	case reflect.Struct:
		v.Field(0).Set(some(t, typ.Field(0).Type))
	case reflect.Func:
		v.Set(reflect.MakeFunc(typ, func([]reflect.Value) []reflect.Value { panic("not called") }))
	default:
		t.Fatalf("what is a %v that is not zero?", typ)
	}
	return v
}
