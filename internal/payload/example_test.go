package payload_test

import (
	"fmt"

	"github.com/parleyio/parley/internal/payload"
)

// Binary values may stand anywhere in an argument.
func ExampleMarshalEvent() {
	type upload struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	data, attachments, err := payload.MarshalEvent("file", []any{upload{"photo.jpg", []byte("...")}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %q\n", data, attachments)
	// Output:
	// ["file",{"name":"photo.jpg","data":{"_placeholder":true,"num":0}}] ["..."]
}

// Walk the arguments of a packet without decoding them, and decode them one by one.
func ExampleUnmarshal() {
	data := []byte(`["file",{"name":"photo.jpg","data":{"_placeholder":true,"num":0}}]`)
	attachments := [][]byte{[]byte("...")}
	_, at, _ := payload.EventName(data)
	arg, _, _ := payload.Next(data, at)

	var file struct {
		Name string
		Data []byte
	}
	if err := payload.Unmarshal(arg, attachments, &file); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %s\n", file.Name, file.Data)

	var wrong struct{ Name int }
	fmt.Println(payload.Unmarshal(arg, attachments, &wrong))
	// Output:
	// photo.jpg: ...
	// parser: field "Name": want integer, got string
}
