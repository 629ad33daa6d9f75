package message_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Most methods of Message are tested in package event, through event.Message.

func packet(data string, attachments ...string) *parser.Packet {
	p := &parser.Packet{Type: parser.Event, Data: []byte(data)}
	for _, a := range attachments {
		p.Attachments = append(p.Attachments, []byte(a))
	}
	return p
}

func TestMessage_Size(t *testing.T) {
	if got := message.Parse(packet(`["e"]`), nil, nil).Size(); got != 5 {
		t.Errorf("plain: %d", got)
	}
	if got := message.Parse(packet(`["e"]`, "1234567", "89"), nil, nil).Size(); got != 5+9 {
		t.Errorf("binary: %d", got)
	}
}

// TestParse checks that a name that cannot be read is empty, and that the arguments then begin at the start.
func TestParse(t *testing.T) {
	for data, want := range map[string]string{
		`["e",1,[2]]`: "e 1 [2]", `[ "a\u0062" , "x" ]`: `ab "x"`, `[12]`: "12", `[]`: "", ``: "", `[null,1]`: " null 1",
	} {
		m := message.Parse(packet(data), nil, nil)
		got := m.Name()
		for v, at, ok := m.Next(0); ok; v, at, ok = m.Next(at) {
			got += " " + string(v)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", data, got, want)
		}
	}
}

// foreign is a parser of another package. Its decoder does not return names.
type foreign struct{ parser.JSON }

func (f foreign) NewDecoder(l parser.Limits) parser.Decoder {
	return struct{ parser.Decoder }{f.JSON.NewDecoder(l)}
}

// TestDecoder checks that a decoder returns the same name and the same offset as a scan of the packet.
func TestDecoder(t *testing.T) {
	for name, format := range map[string]parser.Parser{"JSON": parser.JSON{}, "MessagePack": parser.MessagePack{}, "another": foreign{}} {
		t.Run(name, func(t *testing.T) {
			dec := message.NewDecoder(format, parser.Limits{})
			for _, p := range []*parser.Packet{
				packet(`["e"]`), packet(`["e",1,{"a":[2]}]`), packet(`["f","x"]`), packet(`["e",1]`), packet(`[7,"number"]`),
				packet(`["é\n\u0041\"","x"]`), packet(`["",1]`),
				packet(`["binary",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "zero", "one"),
				{Type: parser.Ack, HasID: true, Data: []byte(`["e",1]`)}, {Type: parser.Connect, Data: []byte(`{"e":1}`)},
				{Type: parser.Disconnect},
			} {
				frames, err := format.Encode(p)
				if err != nil {
					t.Fatal(err)
				}
				for i, f := range frames {
					got, name, args, err := dec.AddEvent(f.Data, f.Binary)
					if last := i == len(frames)-1; err != nil || (got != nil) != last {
						t.Fatalf("%s: message %d: %v, %v", p.Data, i, got, err)
					}
					wantName, wantArgs := "", 0
					if got != nil && got.Type == parser.Event {
						if wantName, wantArgs, err = payload.EventName(got.Data); err != nil {
							t.Fatal(err)
						}
					}
					if name != wantName || args != wantArgs {
						t.Errorf("%s, message %d: %q and %d, want %q and %d", p.Data, i, name, args, wantName, wantArgs)
					}
				}
			}
			frames, _ := format.Encode(packet(`["connect"]`))
			if p, name, args, err := dec.AddEvent(frames[0].Data, frames[0].Binary); err == nil || p != nil || name != "" || args != 0 {
				t.Errorf("a reserved name: %v, %q, %d, %v", p, name, args, err)
			}
		})
	}
}

// named is a decoder of another package that returns names. They differ from those in the packets, so that the test sees
// whether a packet is scanned again.
type named struct{ parser.Decoder }

func (d named) AddEvent(data []byte, binary bool) (*parser.Packet, string, int, error) {
	p, err := d.Add(data, binary)
	return p, "named", 4, err
}

type naming struct{ parser.JSON }

func (f naming) NewDecoder(l parser.Limits) parser.Decoder { return named{f.JSON.NewDecoder(l)} }

// TestDecoder_scansOnce checks that a name that the decoder returned is not parsed again.
func TestDecoder_scansOnce(t *testing.T) {
	dec := message.NewDecoder(naming{}, parser.Limits{})
	p, name, args, err := dec.AddEvent([]byte(`2["e","argument"]`), false)
	if err != nil {
		t.Fatal(err)
	}
	m := message.New(p, name, args, nil, nil)
	if value, _, ok := m.Next(0); m.Name() != "named" || !ok || string(value) != `"argument"` {
		t.Errorf("%q with %s", m.Name(), value)
	}
	for _, format := range []parser.Parser{parser.JSON{}, parser.MessagePack{}} {
		if got := fmt.Sprintf("%T", message.NewDecoder(format, parser.Limits{})); !strings.HasPrefix(got, "*parser.") {
			t.Errorf("names of %T are looked up by %s", format, got)
		}
	}
}

// acks counts answers.
type acks struct{ sent []string }

func (a *acks) Acknowledge(_ uint64, data []byte, _ [][]byte) error {
	a.sent = append(a.sent, string(data))
	return nil
}

// runs is an acker that implements Runner.
type runs struct{ acks }

func (*runs) Run(_ *message.Message, f func() error) { _ = f() }

// TestMessage_Runner checks that Runner returns the acker.
func TestMessage_Runner(t *testing.T) {
	for acker, want := range map[message.Acker]bool{new(runs): true, new(acks): false, nil: false} {
		if got := message.Parse(packet(`["e"]`), acker, nil).Runner() != nil; got != want {
			t.Errorf("%T: %v", acker, got)
		}
	}
}

// TestMessage_Fail checks that a failure is sent once.
func TestMessage_Fail(t *testing.T) {
	a := new(acks)
	p := packet(`["e"]`)
	p.HasID = true
	m := message.Parse(p, a, nil)
	if err := m.Fail(&message.Failure{Code: "c", Message: "m", Data: make(chan int)}); err == nil {
		t.Error("no error for the data")
	}
	if err := m.Fail(nil); !errors.Is(err, message.ErrAcknowledged) {
		t.Error(err)
	}
	if want := `[{"error":{"code":"c","message":"m"}}]`; len(a.sent) != 1 || a.sent[0] != want {
		t.Errorf("%q, want %s", a.sent, want)
	}
	for data, want := range map[any]string{
		nil: `[{"error":{"code":"internal","message":"m"}}]`,
		1:   `[{"error":{"code":"internal","message":"m","data":1}}]`,
	} {
		a := new(acks)
		failure := &message.Failure{Message: "m", Data: data}
		if err := message.Parse(p, a, nil).Fail(failure); err != nil || a.sent[0] != want || failure.Code != "" {
			t.Errorf("without a code: %v, %q, want %s", err, a.sent, want)
		}
	}
	m = message.Parse(p, a, nil)
	if err := m.Fail(nil); err != nil || len(a.sent) != 2 || a.sent[1] != "[]" {
		t.Errorf("%v, %q", err, a.sent)
	}
}
