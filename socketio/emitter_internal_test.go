package socketio

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parleyio/parley/cluster"
)

// TestChains calls the methods that choose and qualify in every order, on everything that they begin on: the outcome does
// not depend on the order, and what they began on is as it was.
func TestChains(t *testing.T) {
	server := &Server{}
	nsp := &Namespace{name: "/", server: server}
	server.Namespace = nsp
	socket := &Socket{id: "self", nsp: nsp}
	arguments := map[string][]any{
		"Volatile": nil, "Local": nil, "Broadcast": nil, "Compress": {false}, "To": {"a", "b"}, "In": {"c"}, "Except": {"x"},
	}
	for name, begin := range map[string]any{
		"server": server, "namespace": nsp, "parent": &ParentNamespace{server: server}, "socket": socket,
		"socket emitter": SocketEmitter{s: socket}, "broadcast": nsp.all(),
		"broadcast of a parent": (&ParentNamespace{server: server}).all(),
	} {
		before := fmt.Sprintf("%+v", targetOf(begin))
		for _, methods := range [][]string{
			{"Volatile"}, {"Compress"}, {"Local"}, {"To"}, {"Except"}, {"Volatile", "Compress"},
			{"Volatile", "Compress", "Local", "To", "In", "Except"}, {"To", "Except"}, {"Volatile", "Except", "Local"},
			{"Volatile", "Compress", "Broadcast"}, {"Volatile", "Broadcast", "Local", "To", "Compress", "Except"},
		} {
			broadcasts := slices.Contains(methods, "Broadcast")
			if broadcasts && !strings.HasPrefix(name, "socket") {
				continue
			}
			permute(methods, func(order []string) {
				if chosen := slices.IndexFunc(order, choosesOthers); broadcasts && order[chosen] != "Broadcast" {
					return // what chooses others has no need of it, as in the reference
				}
				end := begin
				for _, method := range order {
					end = call(end, method, arguments[method])
				}
				want := expected(begin, methods)
				if got := targetOf(end); !reflect.DeepEqual(got, want) {
					t.Errorf("%s.%s: %+v, want %+v", name, strings.Join(order, "."), got, want)
				}
			})
		}
		if after := fmt.Sprintf("%+v", targetOf(begin)); after != before {
			t.Errorf("%s has changed from %s to %s", name, before, after)
		}
	}
}

// choosesOthers reports whether a method of a socket turns from the client to others.
func choosesOthers(method string) bool { return method != "Volatile" && method != "Compress" }

// expected is the target that methods lead to, whatever their order.
func expected(begin any, methods []string) cluster.Target {
	_, alone := begin.(*Socket)
	if e, ok := begin.(SocketEmitter); ok {
		alone, begin = true, e.s
	}
	want := cluster.Target{Everyone: true}
	if alone && slices.ContainsFunc(methods, choosesOthers) {
		want.Except = []string{"self"}
	} else if alone {
		want = cluster.Target{Rooms: []string{"self"}}
	}
	for _, method := range methods {
		switch method {
		case "Volatile":
			want.Volatile = true
		case "Compress":
			want.NoCompress = true
		case "Local":
			want.Local = true
		case "To":
			want.Everyone, want.Rooms = false, append(want.Rooms, "a", "b")
		case "In":
			want.Everyone, want.Rooms = false, append(want.Rooms, "c")
		case "Except":
			want.Except = append(want.Except, "x")
		}
	}
	return want
}

// targetOf returns what a chain has come to; for a socket alone, a target that means the same.
func targetOf(v any) (t cluster.Target) {
	switch v := v.(type) {
	case Broadcast:
		t = v.target
	case ParentBroadcast:
		t = v.each.target
	case SocketEmitter:
		t = cluster.Target{Rooms: []string{v.s.id}, Volatile: v.volatile, NoCompress: v.plain}
	case *Socket:
		t = cluster.Target{Rooms: []string{v.id}}
	default:
		t = cluster.Target{Everyone: true}
	}
	t.Rooms = slices.Clone(t.Rooms)
	slices.Sort(t.Rooms)
	return t
}

func call(on any, method string, arguments []any) any {
	values := make([]reflect.Value, len(arguments))
	for i, a := range arguments {
		values[i] = reflect.ValueOf(a)
	}
	return reflect.ValueOf(on).MethodByName(method).Call(values)[0].Interface()
}

// permute calls f with each order of the words.
func permute(words []string, f func([]string)) {
	var next func(order, left []string)
	next = func(order, left []string) {
		if len(left) == 0 {
			f(order)
		}
		for i, word := range left {
			next(append(slices.Clip(order), word), slices.Concat(left[:i], left[i+1:]))
		}
	}
	next(nil, words)
}

// TestServer_embeds: what a namespace can do, a server can, and does it to its namespace "/".
func TestServer_embeds(t *testing.T) {
	namespace, server := reflect.TypeFor[*Namespace](), reflect.TypeFor[*Server]()
	for m := range namespace.NumMethod() {
		method := namespace.Method(m)
		on, ok := server.MethodByName(method.Name)
		if !ok {
			t.Errorf("a server has no %s", method.Name)
			continue
		}
		if a, b := signature(method.Type), signature(on.Type); a != b {
			t.Errorf("%s: %s of a namespace, %s of a server", method.Name, a, b)
		}
	}
	if namespace.NumMethod() < 25 {
		t.Errorf("a namespace has only %d methods", namespace.NumMethod())
	}
}

// signature is a method's type without its receiver.
func signature(method reflect.Type) string {
	var in, out []string
	for i := 1; i < method.NumIn(); i++ {
		in = append(in, method.In(i).String())
	}
	for i := range method.NumOut() {
		out = append(out, method.Out(i).String())
	}
	return fmt.Sprint(in, out, method.IsVariadic())
}

// TestRegistrations_signature: whatever begins with Use or On registers something, and returns how to remove it.
func TestRegistrations_signature(t *testing.T) {
	count := 0
	for _, on := range []reflect.Type{
		reflect.TypeFor[*Server](), reflect.TypeFor[*Namespace](), reflect.TypeFor[*ParentNamespace](), reflect.TypeFor[*Socket](),
	} {
		for m := range on.NumMethod() {
			method := on.Method(m)
			if !strings.HasPrefix(method.Name, "Use") && !strings.HasPrefix(method.Name, "On") &&
				!strings.HasPrefix(method.Name, "Observe") || method.Name == "User" {
				continue
			}
			count++
			if method.Type.NumOut() != 1 || method.Type.Out(0) != reflect.TypeFor[func()]() {
				t.Errorf("%s.%s returns no off", on, method.Name)
			}
		}
	}
	if count < 25 {
		t.Errorf("only %d registrations", count)
	}
}
