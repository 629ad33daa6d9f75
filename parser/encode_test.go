package parser_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/parleyio/parley/parser"
)

func TestJSON_EncodeErrors(t *testing.T) {
	data, binary := []byte(`["x"]`), [][]byte{{1}}
	for name, p := range map[string]*parser.Packet{
		"type 7":                      {Type: 7},
		"binary event":                {Type: parser.Type(5), Data: data, Attachments: binary},
		"event without payload":       {Type: parser.Event},
		"ack without payload":         {Type: parser.Ack, HasID: true},
		"ack without id":              {Type: parser.Ack, Data: data},
		"disconnect with payload":     {Type: parser.Disconnect, Data: data},
		"connect with attachment":     {Type: parser.Connect, Data: []byte(`{}`), Attachments: binary},
		"connect error with one":      {Type: parser.ConnectError, Data: []byte(`{}`), Attachments: binary},
		"namespace without slash":     {Type: parser.Event, Namespace: "admin", Data: data},
		"namespace with a comma":      {Type: parser.Event, Namespace: "/a,b", Data: data},
		"attachments past the digits": {Type: parser.Event, Data: data, Attachments: make([][]byte, 10_000)},
	} {
		if frames, err := (parser.JSON{}).Encode(p); !errors.Is(err, parser.ErrInvalidPacket) {
			t.Errorf("%s: %v, %v", name, frames, err)
		}
	}
}

func TestJSON_EncodeFrames(t *testing.T) {
	p := &parser.Packet{Type: parser.Ack, Namespace: "/admin", ID: 13, HasID: true, Data: []byte(`[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`), Attachments: [][]byte{{1}, {}}}
	frames, err := parser.JSON{}.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	want := []parser.Frame{{Data: []byte(`62-/admin,13` + string(p.Data))}, {Data: []byte{1}, Binary: true}, {Data: []byte{}, Binary: true}}
	if !reflect.DeepEqual(frames, want) {
		t.Errorf("got %v", frames)
	}
	// Only events and acknowledgements have ids. The default namespace is not written.
	for want, p := range map[string]*parser.Packet{
		`0`:          {Type: parser.Connect, HasID: true, ID: 5},
		`1/admin,`:   {Type: parser.Disconnect, Namespace: "/admin"},
		`2["x"]`:     {Type: parser.Event, Namespace: "/", Data: []byte(`["x"]`), ID: 7},
		`20["x"]`:    {Type: parser.Event, HasID: true, Data: []byte(`["x"]`)},
		`4/n?q,"no"`: {Type: parser.ConnectError, Namespace: "/n?q", Data: []byte(`"no"`)},
	} {
		if frames, err := (parser.JSON{}).Encode(p); err != nil || len(frames) != 1 || string(frames[0].Data) != want {
			t.Errorf("%s: %v, %v", want, frames, err)
		}
	}
}
