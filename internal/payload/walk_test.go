package payload_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/payload"
)

func TestEventName(t *testing.T) {
	for _, c := range []struct {
		data, name string
		args       []string
	}{
		{`["foo"]`, "foo", nil},
		{` [ "foo" , 1 ] `, "foo", []string{"1"}},
		{`["a b",{"x":[1,{"y":"]"}]},"],[",[[]],null,true,-1.5e3,""]`, "a b", []string{`{"x":[1,{"y":"]"}]}`, `"],["`, `[[]]`, `null`, `true`, `-1.5e3`, `""`}},
		{`["\u0066\"\\",1]`, `f"\`, []string{"1"}},
		{`[12,"a"]`, "12", []string{`"a"`}},
		{`[-1.50]`, "-1.50", nil},
	} {
		name, at, err := payload.EventName([]byte(c.data))
		if err != nil || name != c.name {
			t.Errorf("%s: %q, %v", c.data, name, err)
		}
		var args []string
		for v, next, ok := payload.Next([]byte(c.data), at); ok; v, next, ok = payload.Next([]byte(c.data), next) {
			args = append(args, string(v))
		}
		if strings.Join(args, "\n") != strings.Join(c.args, "\n") {
			t.Errorf("%s: arguments %q", c.data, args)
		}
	}
	for _, data := range []string{"", "[]", "{}", "null", `[null]`, `[{}]`, `[[]]`, `[true]`, `x`, `["x`, `[`, `["\x"]`} {
		if name, _, err := payload.EventName([]byte(data)); err == nil {
			t.Errorf("%s: %q without an error", data, name)
		}
	}
}

func TestReserved(t *testing.T) {
	for name, want := range map[string]bool{
		"connect": true, "connect_error": true, "disconnect": true, "disconnecting": true, "newListener": true, "removeListener": true,
		"": false, "error": false, "connection": false, "Connect": false, "__proto__": false, "message": false,
	} {
		if payload.Reserved(name) != want {
			t.Errorf("%s: %v", strconv.Quote(name), !want)
		}
	}
}

func ExampleNext() {
	data := []byte(`["move", {"x":1,"y":2}, "fast"]`)
	for v, at, ok := payload.Next(data, 0); ok; v, at, ok = payload.Next(data, at) {
		fmt.Println(string(v))
	}
	// Output:
	// "move"
	// {"x":1,"y":2}
	// "fast"
}
