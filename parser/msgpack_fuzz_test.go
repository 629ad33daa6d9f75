package parser_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/parleyio/parley/parser"
)

// FuzzMessagePackDecode decodes a message. Each packet must satisfy its documentation, and be the same after it was encoded
// as MessagePack and as JSON and decoded again.
func FuzzMessagePackDecode(f *testing.F) {
	for _, c := range readMsgpackCases(f) {
		f.Add(c.message)
	}
	for _, v := range readMsgpackValues(f) {
		f.Add(inEvent(v.message))
	}
	for _, value := range claims {
		f.Add(inEvent(value))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		dec := parser.MessagePack{}.NewDecoder(parser.Limits{})
		p, err := dec.Add(bytes.Clone(message), true)
		var syntax *parser.SyntaxError
		switch {
		case dec.Waiting() || (p == nil) != (err != nil):
			t.Fatalf("%s, %v, waiting %v", show(p), err, dec.Waiting())
		case err != nil && (!errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(message)):
			t.Fatal(err)
		case err != nil:
			return
		}
		if len(p.Data) > 6*len(message)+37*len(p.Attachments) {
			t.Fatalf("%d bytes of text for %d", len(p.Data), len(message))
		}
		checkPacket(t, p)
		if p.Type == parser.Ack && !p.HasID {
			return
		}
		if back := recode(t, parser.MessagePack{}, p); show(back) != show(p) {
			t.Fatalf("%s came back as %s", show(p), show(back))
		}
	})
}

// FuzzMessagePackRoundTrip sends packets that the JSON decoder accepts through MessagePack and compares their meaning. For
// other input the encoder must return an error or a well-formed message.
func FuzzMessagePackRoundTrip(f *testing.F) {
	for _, v := range readVectors(f, decodeVectors) {
		seed := [3][]byte{}
		for i, m := range v.messages {
			if i < len(seed) {
				seed[i] = m.Data
			}
		}
		f.Add(seed[0], seed[1], seed[2])
	}
	for _, v := range readMsgpackValues(f) {
		f.Add([]byte(`2["x",`+v.json+`]`), []byte(nil), []byte(nil))
	}
	f.Fuzz(func(t *testing.T, text, first, second []byte) {
		checkGarbage(t, text, [][]byte{first, second})
		dec := parser.JSON{}.NewDecoder(parser.Limits{})
		p, err := dec.Add(text, false)
		for _, attachment := range [][]byte{first, second} {
			if err == nil && dec.Waiting() {
				p, err = dec.Add(attachment, true)
			}
		}
		if p == nil || !crosses(p) {
			return
		}
		back := recode(t, parser.MessagePack{}, p)
		if meaning(t, back) != meaning(t, p) {
			t.Fatalf("%s came back as %s:\n got %s\nwant %s", show(p), show(back), meaning(t, back), meaning(t, p))
		}
		if again := recode(t, parser.MessagePack{}, back); show(again) != show(back) {
			t.Fatalf("%s came back as %s", show(back), show(again))
		}
	})
}

// crosses reports whether a packet of the JSON decoder can be sent as MessagePack and is accepted there. Not sendable are
// an acknowledgement without id or payload, a connect error without a payload, and an event whose name is an infinite
// number.
func crosses(p *parser.Packet) bool {
	switch p.Type {
	case parser.Ack:
		return p.HasID && p.Data != nil
	case parser.ConnectError:
		return p.Data != nil
	case parser.Event:
		name := argument(p.Data, 0)
		f, _ := strconv.ParseFloat(string(name), 64)
		return !math.IsInf(f, 0)
	}
	return true
}

// checkGarbage encodes data that may not be JSON.
func checkGarbage(t *testing.T, text []byte, attachments [][]byte) {
	t.Helper()
	for _, attachments := range [][][]byte{nil, attachments} {
		frames, err := parser.MessagePack{}.Encode(&parser.Packet{Type: parser.Ack, HasID: true, Data: text, Attachments: attachments})
		if err != nil {
			if !errors.Is(err, parser.ErrInvalidPacket) {
				t.Fatal(err)
			}
			continue
		}
		_, err = parser.MessagePack{}.NewDecoder(unlimited).Add(frames[0].Data, true)
		if err == nil {
			continue
		}
		for _, broken := range []string{"unexpected end", "behind the packet", "invalid MessagePack", "key of the packet"} {
			if strings.Contains(err.Error(), broken) {
				t.Fatalf("%q became %x: %v", text, frames[0].Data, err)
			}
		}
	}
}

// TestMessagePack_AgreesWithJSON sends all packets of the JSON decoder's vectors through MessagePack.
func TestMessagePack_AgreesWithJSON(t *testing.T) {
	for _, v := range readVectors(t, decodeVectors) {
		if p := v.packet; p != nil && crosses(p) {
			if back := recode(t, parser.MessagePack{}, p); meaning(t, back) != meaning(t, p) {
				t.Errorf("%s:\n got %s\nwant %s", v.name, meaning(t, back), meaning(t, p))
			}
		}
	}
}

// meaning describes a packet as JavaScript sees it, but with all digits of integers.
func meaning(t testing.TB, p *parser.Packet) string {
	t.Helper()
	same := *p
	same.Attachments = nil
	if p.Data != nil {
		var v any
		dec := json.NewDecoder(bytes.NewReader(p.Data))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		var err error
		if same.Data, err = json.Marshal(simplify(v, p.Attachments)); err != nil {
			t.Fatal(err)
		}
	}
	return show(&same)
}

// simplify replaces placeholders by their attachments, and gives equal numbers the same form.
func simplify(v any, attachments [][]byte) any {
	switch v := v.(type) {
	case json.Number:
		return simplifyNumber(string(v))
	case []any:
		for i := range v {
			v[i] = simplify(v[i], attachments)
		}
	case map[string]any:
		if len(attachments) > 0 && v["_placeholder"] == true {
			num, _ := strconv.Atoi(string(v["num"].(json.Number)))
			return map[string]any{"binary": attachments[num]}
		}
		for k := range v {
			v[k] = simplify(v[k], attachments)
		}
	}
	return v
}

func simplifyNumber(s string) any {
	if _, err := strconv.ParseUint(s, 10, 64); err == nil {
		return json.Number(s)
	}
	if _, err := strconv.ParseInt(s, 10, 64); err == nil && s != "-0" {
		return json.Number(s)
	}
	switch f, _ := strconv.ParseFloat(s, 64); {
	case f == 0:
		return json.Number("0")
	case math.IsInf(f, 0):
		return nil
	case f == math.Trunc(f) && -1<<63 <= f && f < 0:
		return int64(f)
	case f == math.Trunc(f) && 0 <= f && f < 1<<64:
		return uint64(f)
	default:
		return f
	}
}
