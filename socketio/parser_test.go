package socketio_test

import (
	"context"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// TestOptions_Parser speaks MessagePack: the packets are others, and handlers see the same.
func TestOptions_Parser(t *testing.T) {
	// message returns a packet as the client's only message for it.
	message := func(p *parser.Packet) string {
		t.Helper()
		frames, err := parser.MessagePack{}.Encode(p)
		if err != nil || len(frames) != 1 || !frames[0].Binary {
			t.Fatalf("%d frames, %v", len(frames), err)
		}
		return "<" + hex.EncodeToString(frames[0].Data) + ">"
	}
	placeholders := [][]byte{{1, 2}}
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{Parser: parser.MessagePack{}})
		told := newJournal()
		register(n.Of("/"), told)
		n.On("question", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
			var bytes []byte
			var text string
			if err := m.Scan(&bytes, &text); err != nil {
				return err
			}
			return m.Ack(text, bytes, 1.5)
		})
		c := n.dial(t)
		c.send(message(&parser.Packet{Type: parser.Connect, Namespace: "/"}))
		if got := c.next(); !strings.HasPrefix(got, "<") {
			t.Fatalf("got %q", got)
		}
		c.send(message(&parser.Packet{
			Type: parser.Event, Namespace: "/", ID: 0, HasID: true,
			Data: []byte(`["question",` + placeholder(0) + `,"é"]`), Attachments: placeholders,
		}))
		c.expect(message(&parser.Packet{
			Type: parser.Ack, Namespace: "/", ID: 0, HasID: true,
			Data: []byte(`["é",` + placeholder(0) + `,1.5]`), Attachments: placeholders,
		}))
		if err := n.Emit("news", map[string]any{"b": []byte{1, 2}}); err != nil {
			t.Fatal(err)
		}
		c.expect(message(&parser.Packet{
			Type: parser.Event, Namespace: "/", Data: []byte(`["news",{"b":` + placeholder(0) + `}]`), Attachments: placeholders,
		}))
		c.send(`42["text is no packet"]`)
		c.closed()
		told.expect(t, "parse error")
	})
}

// TestParser_embedded: a parser that embeds the default one and changes how packets are encoded is asked for all of them.
func TestParser_embedded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var encoded atomic.Int64
		n := serve(t, &socketio.Options{Parser: counting{encoded: &encoded}})
		c := n.join(t)
		before := encoded.Load()
		must(t, n.socket(t, c, "/").Emit("alone"))
		c.expect(`42["alone"]`)
		if got := encoded.Load() - before; got != 1 || before == 0 {
			t.Errorf("asked %d times for the event, and %d times before", got, before)
		}
	})
}

// renaming is a parser whose decoder finds the names of events itself, and not those that the packets have: were a name
// read again on its way to the handlers, the other one would be found.
type renaming struct{ parser.JSON }

func (p renaming) NewDecoder(l parser.Limits) parser.Decoder { return renamer{p.JSON.NewDecoder(l)} }

type renamer struct{ parser.Decoder }

func (d renamer) AddEvent(data []byte, binary bool) (p *parser.Packet, name string, args int, err error) {
	p, err = d.Add(data, binary)
	return p, "found", len(`["sent"`), err
}

// TestParser_names: the name that a decoder has found is not read again.
func TestParser_names(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, &socketio.Options{Parser: renaming{}})
		n.On("found", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
			return m.Ack(append(m.Raws(), m.Name())...)
		})
		c := n.join(t)
		c.send(`427["sent","argument"]`)
		c.expect(`437["argument","found"]`)
	})
}
