package parser_test

import (
	"encoding/json"
	"fmt"

	"github.com/parleyio/parley/parser"
)

// Decode the messages of a connection into packets.
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
			fmt.Printf("%s to %s with %d attachments\n", p.Data, p.Namespace, len(p.Attachments))
		}
	}
	// Output:
	// ["message","hello"] to /chat with 0 attachments
	// waiting for an attachment
	// ["file",{"_placeholder":true,"num":0}] to / with 1 attachments
	// close the connection: parser: reserved event name at byte 1
}

// Pass on an argument of any type without decoding it: here from the body of an HTTP request to the clients of a room.
func ExampleRaw() {
	var request struct {
		Room    string     `json:"room"`
		Message parser.Raw `json:"message"`
	}
	body := `{"room":"lobby","message":{"text":"hello"}}`
	if err := json.Unmarshal([]byte(body), &request); err != nil {
		fmt.Println(err)
		return
	}
	// io.To(request.Room).Emit("message", request.Message)
	fmt.Printf("%s to %s\n", request.Message.JSON, request.Room)
	// Output: {"text":"hello"} to lobby
}
