package parser_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parleyio/parley/parser"
)

// unlimited removes all limits that an application can remove.
var unlimited = parser.Limits{Attachments: -1, AttachmentBytes: -1, Depth: -1, EventName: -1, Namespace: -1}

// msgpackCase is one case of testdata/msgpack_packets.txt, which describes the format.
type msgpackCase struct {
	name    string
	line    int
	message []byte
	packet  *parser.Packet
	encoded []byte
	reason  string
	offset  int
}

func readMsgpackCases(t testing.TB) (cases []msgpackCase) {
	t.Helper()
	const file = "testdata/msgpack_packets.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if word == "case" {
			cases = append(cases, msgpackCase{name: rest, line: i + 1})
			continue
		}
		if word == "" || word[0] == '#' {
			continue
		}
		if err := cases[len(cases)-1].add(word, rest); err != nil {
			t.Fatalf("%s:%d: %v", file, i+1, err)
		}
	}
	return cases
}

func (c *msgpackCase) add(word, rest string) (err error) {
	switch word {
	case "<":
		c.message, err = readMessage(rest)
	case "=":
		c.packet, err = readPacket(rest)
	case "=x":
		var b []byte
		b, err = hex.DecodeString(rest)
		c.packet.Attachments = append(c.packet.Attachments, b)
	case ">":
		if c.encoded = c.message; rest != "same" {
			c.encoded, err = readMessage(rest)
		}
	case "!":
		at := strings.LastIndex(rest, " @ ")
		c.reason = rest[:at]
		c.offset, err = strconv.Atoi(rest[at+3:])
	default:
		err = fmt.Errorf("unknown word %q", word)
	}
	return err
}

// readMessage reads words of hex digits, and texts in quotes.
func readMessage(s string) ([]byte, error) {
	var message []byte
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '"' {
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, err
			}
			text, _ := strconv.Unquote(quoted)
			message, s = append(message, text...), s[len(quoted):]
			continue
		}
		end := strings.IndexAny(s, ` "`)
		if end < 0 {
			end = len(s)
		}
		b, err := hex.DecodeString(s[:end])
		if err != nil {
			return nil, err
		}
		message, s = append(message, b...), s[end:]
	}
	return message, nil
}

func TestMessagePack_Decode(t *testing.T) {
	for _, c := range readMsgpackCases(t) {
		t.Run(c.name, func(t *testing.T) {
			buf := bytes.Clone(c.message)
			dec := parser.MessagePack{}.NewDecoder(parser.Limits{})
			p, err := dec.Add(buf, true)
			for i := range buf {
				buf[i] = '?' // the caller reuses its buffer
			}
			var syntax *parser.SyntaxError
			switch {
			case c.reason == "" && err != nil:
				t.Fatalf("line %d: %v", c.line, err)
			case c.reason != "" && (!errors.As(err, &syntax) || syntax.Reason != c.reason || syntax.Offset != c.offset || p != nil):
				t.Fatalf("line %d: got %v, %v", c.line, show(p), err)
			case show(p) != show(c.packet):
				t.Errorf("line %d:\n got %s\nwant %s", c.line, show(p), show(c.packet))
			case dec.Waiting():
				t.Errorf("line %d: waiting", c.line)
			}
		})
	}
}

func TestMessagePack_Encode(t *testing.T) {
	for _, c := range readMsgpackCases(t) {
		if c.encoded == nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			frames, err := parser.MessagePack{}.Encode(c.packet)
			if err != nil || len(frames) != 1 || !frames[0].Binary {
				t.Fatalf("line %d: %v, %v", c.line, frames, err)
			}
			if !bytes.Equal(frames[0].Data, c.encoded) {
				t.Errorf("line %d:\n got %x\nwant %x", c.line, frames[0].Data, c.encoded)
			}
		})
	}
}

// TestMessagePack_Truncated removes bytes from the end of valid messages.
func TestMessagePack_Truncated(t *testing.T) {
	var messages [][]byte
	for _, c := range readMsgpackCases(t) {
		if c.packet != nil {
			messages = append(messages, c.message)
		}
	}
	for _, v := range readMsgpackValues(t) {
		if v.decode {
			messages = append(messages, inEvent(v.message))
		}
	}
	for _, message := range messages {
		for n := range len(message) {
			p, err := parser.MessagePack{}.NewDecoder(parser.Limits{}).Add(message[:n], true)
			var syntax *parser.SyntaxError
			if p != nil || !errors.As(err, &syntax) || syntax.Offset > n {
				t.Errorf("%d bytes of %x are %s, %v", n, message, show(p), err)
			}
		}
	}
}

// inEvent returns an event whose only argument is the given value.
func inEvent(value []byte) []byte {
	return slices.Concat([]byte("\x83\xa4type\x02\xa4data\x92\xa1x"), value, []byte("\xa3nsp\xa1/"))
}

// msgpackValue is one line of testdata/msgpack_values.txt.
type msgpackValue struct {
	line        int
	decode      bool
	encode      bool
	message     []byte
	json        string
	attachments [][]byte
}

func readMsgpackValues(t testing.TB) (values []msgpackValue) {
	t.Helper()
	const file = "testdata/msgpack_values.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		v := msgpackValue{line: i + 1}
		for _, arrow := range []string{" <> ", " -> ", " <- "} {
			message, rest, ok := strings.Cut(line, arrow)
			if !ok {
				continue
			}
			v.decode, v.encode = arrow[2] == '>', arrow[1] == '<'
			v.json = rest
			if text, attachments, ok := strings.Cut(rest, " |"); ok {
				v.json = text
				v.attachments = readAttachments(t, attachments)
			}
			if v.message, err = readMessage(message); err != nil {
				t.Fatalf("%s:%d: %v", file, i+1, err)
			}
			break
		}
		if !v.decode && !v.encode {
			t.Fatalf("%s:%d: no arrow", file, i+1)
		}
		values = append(values, v)
	}
	return values
}

func readAttachments(t testing.TB, s string) (attachments [][]byte) {
	for _, word := range strings.Split(strings.TrimPrefix(s, " "), " ") {
		b, err := hex.DecodeString(word)
		if err != nil {
			t.Fatal(err)
		}
		attachments = append(attachments, b)
	}
	return attachments
}

func (v *msgpackValue) packet() *parser.Packet {
	return &parser.Packet{Type: parser.Event, Namespace: "/", Data: []byte(`["x",` + v.json + `]`), Attachments: v.attachments}
}

func TestMessagePack_Values(t *testing.T) {
	for _, v := range readMsgpackValues(t) {
		t.Run(fmt.Sprintf("line %d", v.line), func(t *testing.T) {
			message, packet := inEvent(v.message), v.packet()
			if v.decode {
				p, err := parser.MessagePack{}.NewDecoder(parser.Limits{}).Add(message, true)
				if err != nil || show(p) != show(packet) {
					t.Errorf("decoded\n got %s, %v\nwant %s", show(p), err, show(packet))
				}
			}
			if v.encode {
				frames, err := parser.MessagePack{}.Encode(packet)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(frames[0].Data, message) {
					t.Errorf("encoded\n got %x\nwant %x", frames[0].Data, message)
				}
			}
		})
	}
}

func TestMessagePack_TextMessage(t *testing.T) {
	for _, text := range []string{"", "0", `2["x"]`, "\x82\xa4type\x01\xa3nsp\xa1/"} {
		p, err := parser.MessagePack{}.NewDecoder(parser.Limits{}).Add([]byte(text), false)
		var syntax *parser.SyntaxError
		if p != nil || !errors.As(err, &syntax) {
			t.Errorf("%q: %s, %v", text, show(p), err)
		}
	}
}

// Encoded packets are cached with the parser as the key.
func TestMessagePack_Comparable(t *testing.T) {
	kept := map[parser.Parser]string{parser.JSON{}: "json", parser.MessagePack{}: "msgpack"}
	if len(kept) != 2 || kept[parser.MessagePack{}] != "msgpack" {
		t.Errorf("%v", kept)
	}
}

func TestMessagePack_EncodeErrors(t *testing.T) {
	event := func(data string, attachments ...[]byte) *parser.Packet {
		return &parser.Packet{Type: parser.Event, Data: []byte(data), Attachments: attachments}
	}
	for name, p := range map[string]*parser.Packet{
		"unknown type":                  {Type: parser.Type(5), Data: []byte(`["x"]`)},
		"event without data":            {Type: parser.Event},
		"acknowledgement without an id": {Type: parser.Ack, Data: []byte(`[]`)},
		"connect error without data":    {Type: parser.ConnectError},
		"disconnect with data":          {Type: parser.Disconnect, Data: []byte(`{}`)},
		"connect with an attachment":    {Type: parser.Connect, Data: []byte(`{}`), Attachments: [][]byte{nil}},
		"namespace without a slash":     {Type: parser.Connect, Namespace: "a"},
		"namespace with a comma":        {Type: parser.Connect, Namespace: "/a,b"},
		"too many attachments":          event(`["x"]`, make([][]byte, 10_000)...),
		"attachment that is not there":  event(`["x",{"_placeholder":true,"num":1}]`, []byte("a")),
		"attachment twice":              event(`["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, []byte("a")),
		"placeholder without a number":  event(`["x",{"_placeholder":true}]`, []byte("a")),
		"blank":                         event(` `),
		"open array":                    event(`["x"`),
		"open object":                   event(`["x",{`),
		"open text":                     event(`["x`),
		"open escape":                   event(`["x\`),
		"array closed as object":        event(`["x"}`),
		"object closed as array":        event(`[{]`),
		"closed twice":                  event(`["x"]]`),
		"two values":                    event(`["x"][]`),
		"key without a value":           event(`[{"a"}]`),
		"no word":                       event(`[nul]`),
		"no number":                     event(`[Infinity]`),
		"no JSON":                       event(`'x'`),
	} {
		t.Run(name, func(t *testing.T) {
			frames, err := parser.MessagePack{}.Encode(p)
			if frames != nil || !errors.Is(err, parser.ErrInvalidPacket) {
				t.Errorf("%v, %v", frames, err)
			}
		})
	}
}

// The frame must be a copy, because packets may share their data.
func TestMessagePack_EncodeCopies(t *testing.T) {
	p := &parser.Packet{Type: parser.Event, Data: []byte(`["x",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{[]byte("abc")}}
	frames, err := parser.MessagePack{}.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(frames[0].Data)
	p.Attachments[0][0] = '?'
	if _, err := (parser.MessagePack{}).Encode(p); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(frames[0].Data, want) {
		t.Errorf("%x", frames[0].Data)
	}
}
