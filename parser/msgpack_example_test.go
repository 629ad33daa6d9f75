package parser_test

import (
	"fmt"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// A packet is sent as one binary message with its attachments. Decoding returns the same packet as with JSON.
func ExampleMessagePack() {
	data, attachments, err := payload.MarshalEvent("file", []any{map[string]any{"name": "a.txt", "data": []byte("abc")}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	frames, err := parser.MessagePack{}.Encode(&parser.Packet{Type: parser.Event, Data: data, Attachments: attachments})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d message: %q\n", len(frames), frames[0].Data)

	p, err := parser.MessagePack{}.NewDecoder(parser.Limits{}).Add(frames[0].Data, frames[0].Binary)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %q\n", p.Data, p.Attachments)
	// Output:
	// 1 message: "\x83\xa4type\x02\xa4data\x92\xa4file\x82\xa4data\xc4\x03abc\xa4name\xa5a.txt\xa3nsp\xa1/"
	// ["file",{"data":{"_placeholder":true,"num":0},"name":"a.txt"}] ["abc"]
}
