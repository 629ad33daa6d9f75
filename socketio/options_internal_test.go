package socketio

import (
	"reflect"
	"testing"

	"github.com/parleyio/parley/engineio"
)

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
