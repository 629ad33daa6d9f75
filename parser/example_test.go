package parser_test

import (
	"fmt"

	"github.com/parleyio/parley/parser"
)

// A connection's messages become packets.
func ExampleDecoder() {
	dec := parser.JSON{}.NewDecoder(parser.Limits{})
	for _, m := range []parser.Frame{
		{Data: []byte(`2/chat,7["message","hello"]`)},
		{Data: []byte(`51-["file",{"_placeholder":true,"num":0}]`)},
		{Data: []byte("\x01\x02\x03"), Binary: true},
		{Data: []byte(`2["disconnect"]`)},
	} {
		p, err := dec.Add(m.Data, m.Binary)
		switch {
		case err != nil:
			fmt.Println("close the connection:", err)
		case p == nil:
			fmt.Println("waiting for an attachment")
		default:
			name, _, _ := parser.EventName(p.Data)
			fmt.Println(name, "to", p.Namespace, "with", len(p.Attachments), "attachments")
		}
	}
	// Output:
	// message to /chat with 0 attachments
	// waiting for an attachment
	// file to / with 1 attachments
	// close the connection: parser: reserved event name at byte 1
}

// Binary values may stand anywhere in an argument.
func ExampleMarshalEvent() {
	type upload struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	data, attachments, err := parser.MarshalEvent("file", []any{upload{"photo.jpg", []byte("...")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	frames, err := parser.JSON{}.Encode(&parser.Packet{Type: parser.Event, Data: data, Attachments: attachments})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range frames {
		fmt.Printf("%s\n", f.Data)
	}
	// Output:
	// 51-["file",{"name":"photo.jpg","data":{"_placeholder":true,"num":0}}]
	// ...
}

// The arguments of a packet are walked over without decoding them, and decoded one by one.
func ExampleUnmarshal() {
	p := &parser.Packet{
		Data:        []byte(`["file",{"name":"photo.jpg","data":{"_placeholder":true,"num":0}}]`),
		Attachments: [][]byte{[]byte("...")},
	}
	_, at, _ := parser.EventName(p.Data)
	arg, _, _ := parser.NextValue(p.Data, at)

	var file struct {
		Name string
		Data []byte
	}
	if err := parser.Unmarshal(arg, p.Attachments, &file); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %s\n", file.Name, file.Data)

	var wrong struct{ Name int }
	fmt.Println(parser.Unmarshal(arg, p.Attachments, &wrong))
	// Output:
	// photo.jpg: ...
	// parser: field "Name": want integer, got string
}

// A value that is only passed on is not decoded, whatever it is.
func ExampleRaw() {
	p := &parser.Packet{
		Data:        []byte(`["room-message",{"room":"lobby","message":{"picture":{"_placeholder":true,"num":0}}}]`),
		Attachments: [][]byte{[]byte("...")},
	}
	var request struct {
		Room    string     `json:"room"`
		Message parser.Raw `json:"message"`
	}
	_, at, _ := parser.EventName(p.Data)
	arg, _, _ := parser.NextValue(p.Data, at)
	if err := parser.Unmarshal(arg, p.Attachments, &request); err != nil {
		fmt.Println(err)
		return
	}
	data, attachments, err := parser.MarshalEvent("room-broadcast", []any{[]byte("first"), request.Message})
	fmt.Printf("%s %q %v\n", data, attachments, err)
	// Output:
	// ["room-broadcast",{"_placeholder":true,"num":0},{"picture":{"_placeholder":true,"num":1}}] ["first" "..."] <nil>
}

func ExampleNextValue() {
	data := []byte(`["move", {"x":1,"y":2}, "fast"]`)
	for v, at, ok := parser.NextValue(data, 0); ok; v, at, ok = parser.NextValue(data, at) {
		fmt.Println(string(v))
	}
	// Output:
	// "move"
	// {"x":1,"y":2}
	// "fast"
}
