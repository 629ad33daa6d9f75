// Command codec decodes messages with Parley's parsers for a test in another language, which compares the packets with those
// of the reference.
//
// Each line of standard input is a request in JSON: the parser, and the messages of one connection. A text message begins
// with "t", and a binary one is "b" and its base64. Each line of standard output is the answer: the outcome of each message,
// up to the first that is refused. A packet is encoded twice: as it was received, and after its arguments were decoded.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// request is a line of input.
type request struct {
	Parser   string   `json:"parser"` // "json" or "msgpack"
	Messages []string `json:"messages"`
}

// outcome is the result of one message: a packet, an error, or neither while attachments are missing.
type outcome struct {
	Packet *packet `json:"packet,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// packet is a packet. Its messages have the notation of those in a request.
type packet struct {
	Type      parser.Type `json:"type"`
	Namespace string      `json:"nsp"`
	ID        string      `json:"id,omitempty"` // as text, because a number of JavaScript may lose digits
	Relayed   []string    `json:"relayed,omitempty"`
	Decoded   []string    `json:"decoded,omitempty"`

	// Why Relayed or Decoded is missing.
	NotRelayed string `json:"notRelayed,omitempty"`
	NotDecoded string `json:"notDecoded,omitempty"`
}

// serve answers lines until the input ends. It writes each answer at once.
func serve(r io.Reader, w io.Writer) error {
	in, out := json.NewDecoder(bufio.NewReader(r)), bufio.NewWriter(w)
	write := json.NewEncoder(out)
	write.SetEscapeHTML(false)
	for {
		var q request
		if err := in.Decode(&q); errors.Is(err, io.EOF) {
			return out.Flush()
		} else if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		a, err := q.answer()
		if err != nil {
			return err
		}
		if err := write.Encode(a); err != nil {
			return fmt.Errorf("writing an answer: %w", err)
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("writing an answer: %w", err)
		}
	}
}

func (q *request) answer() ([]outcome, error) {
	parsers := map[string]parser.Parser{"json": parser.JSON{}, "msgpack": parser.MessagePack{}}
	p, ok := parsers[q.Parser]
	if !ok {
		return nil, fmt.Errorf("no parser %q", q.Parser)
	}
	all := []outcome{}
	dec := p.NewDecoder(parser.Limits{})
	for _, m := range q.Messages {
		data, binary, err := message(m)
		if err != nil {
			return nil, err
		}
		decoded, err := dec.Add(data, binary)
		switch {
		case err != nil:
			return append(all, outcome{Error: err.Error()}), nil
		case decoded != nil:
			all = append(all, outcome{Packet: describe(p, decoded)})
		default:
			all = append(all, outcome{})
		}
	}
	return all, nil
}

func message(m string) (data []byte, binary bool, err error) {
	switch {
	case m == "":
		return nil, false, errors.New("a message that is neither text nor binary")
	case m[0] == 't':
		return []byte(m[1:]), false, nil
	}
	data, err = base64.StdEncoding.DecodeString(m[1:])
	return data, true, err
}

// describe encodes a packet in both ways.
func describe(p parser.Parser, in *parser.Packet) *packet {
	out := &packet{Type: in.Type, Namespace: in.Namespace}
	if in.HasID {
		out.ID = strconv.FormatUint(in.ID, 10)
	}
	var err error
	if out.Relayed, err = encode(p, in); err != nil {
		out.NotRelayed = err.Error()
	}
	again, err := reencode(in)
	if err == nil {
		out.Decoded, err = encode(p, again)
	}
	if err != nil {
		out.NotDecoded = err.Error()
	}
	return out
}

func encode(p parser.Parser, in *parser.Packet) (messages []string, err error) {
	frames, err := p.Encode(in)
	for _, f := range frames {
		if f.Binary {
			messages = append(messages, "b"+base64.StdEncoding.EncodeToString(f.Data))
		} else {
			messages = append(messages, "t"+string(f.Data))
		}
	}
	return messages, err
}

// reencode decodes the payload into Go values and makes a packet from them.
func reencode(in *parser.Packet) (*parser.Packet, error) {
	out := *in
	if in.Data == nil {
		return &out, nil
	}
	if in.Type != parser.Event && in.Type != parser.Ack {
		var v any
		err := payload.Unmarshal(in.Data, nil, &v)
		if err != nil {
			return nil, err
		}
		out.Data, err = payload.MarshalValue(v)
		return &out, err
	}
	args := []any{}
	for v, at, ok := payload.Next(in.Data, 0); ok; v, at, ok = payload.Next(in.Data, at) {
		var arg any
		if err := payload.Unmarshal(v, in.Attachments, &arg); err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	var err error
	if name, ok := first(args).(string); ok && in.Type == parser.Event {
		out.Data, out.Attachments, err = payload.MarshalEvent(name, args[1:], nil)
	} else {
		out.Data, out.Attachments, err = payload.MarshalArgs(args, nil)
	}
	return &out, err
}

func first(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}
