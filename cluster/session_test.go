package cluster_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/parleyio/parley/cluster"
)

func TestSession_MarshalBinary(t *testing.T) {
	want := cluster.Session{
		Namespace: "/é", PID: "secret", ID: "id", Rooms: []string{"a", "ü \" "}, Data: json.RawMessage(`{"a":{"b":[1]}}`),
		Node: "node", Joined: cluster.Position{Epoch: 1, Number: 2}, Received: cluster.Position{Epoch: 1<<64 - 1, Number: 1<<64 - 1},
		Until: cluster.Position{Epoch: 5, Number: 6}, Generation: 7, Version: 8,
	}
	b, err := want.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var got cluster.Session
	if err := got.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s became %+v, %v", b, got, err)
	}
	// What is stored today must be understood by later versions.
	const golden = `{"nsp":"/é","pid":"secret","sid":"id","rooms":["a","ü \" "],"data":{"a":{"b":[1]}},"node":"node",` +
		`"joined":[1,2],"received":[18446744073709551615,18446744073709551615],"until":[5,6],"generation":7,"version":8}`
	if string(b) != golden {
		t.Errorf("got  %s\nwant %s", b, golden)
	}
}

func FuzzSession_UnmarshalBinary(f *testing.F) {
	f.Add([]byte(`{"nsp":"/","pid":"p","sid":"i","rooms":["r"],"data":{},"node":"n","joined":[1,2],"version":1}`))
	f.Add([]byte(`{"data":null,"rooms":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again cluster.Session
		if s.UnmarshalBinary(b) != nil {
			return
		}
		bytes, err := s.MarshalBinary()
		if err == nil {
			err = again.UnmarshalBinary(bytes)
		}
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
	})
}
