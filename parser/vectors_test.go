package parser_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

const (
	decodeVectors   = "testdata/decode.txt"
	capturedVectors = "testdata/captured.txt"
)

// vector is one case of the files in testdata; decode.txt describes the format.
type vector struct {
	name     string
	line     int
	messages []parser.Frame
	packet   *parser.Packet
	waiting  bool
	reason   string
	offset   int
}

func readVectors(t testing.TB, file string) []vector {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	for i, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if word == "case" {
			vectors = append(vectors, vector{name: rest, line: i + 1})
			continue
		}
		if word == "" || word[0] == '#' {
			continue
		}
		if err := vectors[len(vectors)-1].add(word, rest); err != nil {
			t.Fatalf("%s:%d: %v", file, i+1, err)
		}
	}
	return vectors
}

func (v *vector) add(word, rest string) (err error) {
	switch word {
	case "<":
		v.messages = append(v.messages, parser.Frame{Data: []byte(rest)})
	case "<q":
		rest, err = strconv.Unquote(rest)
		v.messages = append(v.messages, parser.Frame{Data: []byte(rest)})
	case "<x":
		var b []byte
		b, err = hex.DecodeString(rest)
		v.messages = append(v.messages, parser.Frame{Data: b, Binary: true})
	case "=":
		v.packet, err = readPacket(rest)
	case "=x":
		var b []byte
		b, err = hex.DecodeString(rest)
		v.packet.Attachments = append(v.packet.Attachments, b)
	case "~":
		v.waiting = true
	case "!":
		at := strings.LastIndex(rest, " @ ")
		v.reason = rest[:at]
		v.offset, err = strconv.Atoi(rest[at+3:])
	default:
		err = fmt.Errorf("unknown word %q", word)
	}
	return err
}

func readPacket(s string) (*parser.Packet, error) {
	parts := strings.SplitN(s, " ", 4)
	kind, err := strconv.Atoi(parts[0])
	if err != nil {
		return nil, err
	}
	p := &parser.Packet{Type: parser.Type(kind), Namespace: parts[1]}
	if parts[2] != "-" {
		p.HasID = true
		if p.ID, err = strconv.ParseUint(parts[2], 10, 64); err != nil {
			return nil, err
		}
	}
	if parts[3] != "-" {
		p.Data = []byte(parts[3])
	}
	return p, nil
}

func TestJSON_Decode(t *testing.T) {
	for _, file := range []string{decodeVectors, capturedVectors} {
		for _, v := range readVectors(t, file) {
			t.Run(v.name, func(t *testing.T) { testDecode(t, v) })
		}
	}
}

func testDecode(t *testing.T, v vector) {
	dec := parser.JSON{}.NewDecoder(parser.Limits{})
	var (
		p   *parser.Packet
		err error
	)
	for i, m := range v.messages {
		buf := bytes.Clone(m.Data)
		p, err = dec.Add(buf, m.Binary)
		for j := range buf {
			buf[j] = '?' // the caller reuses its buffer
		}
		if last := i == len(v.messages)-1; err != nil && !last {
			t.Fatalf("line %d: message %d: %v", v.line, i, err)
		}
	}
	if v.reason != "" {
		var syntax *parser.SyntaxError
		if !errors.As(err, &syntax) || syntax.Reason != v.reason || syntax.Offset != v.offset || p != nil {
			t.Fatalf("line %d: got %v, %v", v.line, show(p), err)
		}
	} else if err != nil {
		t.Fatalf("line %d: %v", v.line, err)
	}
	if dec.Waiting() != v.waiting {
		t.Errorf("line %d: Waiting() = %v", v.line, dec.Waiting())
	}
	if show(p) != show(v.packet) {
		t.Errorf("line %d:\n got %s\nwant %s", v.line, show(p), show(v.packet))
	}
}

// TestJSON_Encode encodes every packet of the vectors and compares the result.
func TestJSON_Encode(t *testing.T) {
	for _, v := range readVectors(t, decodeVectors) {
		// Decoders accept an acknowledgement without an id or a payload; the encoder does not.
		if v.packet == nil || v.packet.Type == parser.Ack && (!v.packet.HasID || v.packet.Data == nil) {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			if got := recode(t, parser.JSON{}, v.packet); show(got) != show(v.packet) {
				t.Errorf("line %d:\n got %s\nwant %s", v.line, show(got), show(v.packet))
			}
		})
	}
}

// TestJSON_EncodeCaptured compares with packets that Node has written.
func TestJSON_EncodeCaptured(t *testing.T) {
	for _, v := range readVectors(t, capturedVectors) {
		t.Run(v.name, func(t *testing.T) {
			frames, err := parser.JSON{}.Encode(v.packet)
			if err != nil || !reflect.DeepEqual(frames, v.messages) {
				t.Errorf("line %d: %v, %q", v.line, err, frames[0].Data)
			}
		})
	}
}

// recode encodes a packet and decodes the result.
func recode(t testing.TB, format parser.Parser, p *parser.Packet) *parser.Packet {
	t.Helper()
	frames, err := format.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	dec := format.NewDecoder(parser.Limits{Attachments: -1, AttachmentBytes: -1, EventName: -1, Namespace: -1, Depth: -1})
	for i, f := range frames {
		got, err := dec.Add(f.Data, f.Binary)
		if err != nil {
			t.Fatalf("decoding message %d, %.100q: %v", i, f.Data, err)
		}
		if last := i == len(frames)-1; last != (got != nil) {
			t.Fatalf("message %d of %d: packet is %v", i, len(frames), show(got))
		} else if last {
			return got
		}
	}
	return nil
}

// show formats a packet for comparison.
func show(p *parser.Packet) string {
	if p == nil {
		return "no packet"
	}
	id := "-"
	if p.HasID {
		id = strconv.FormatUint(p.ID, 10)
	} else if p.ID != 0 {
		id = "id without HasID"
	}
	data := "-"
	if p.Data != nil {
		data = string(p.Data)
	}
	s := fmt.Sprintf("%d %s %s %s", p.Type, p.Namespace, id, data)
	for _, a := range p.Attachments {
		s += fmt.Sprintf(" <%x>", a)
	}
	return s
}

const ph0 = `{"_placeholder":true,"num":0}`

// argument returns element i of an array.
func argument(data []byte, i int) []byte {
	v, at, ok := payload.Next(data, 0)
	for ; ok && i > 0; i-- {
		v, at, ok = payload.Next(data, at)
	}
	return v
}
