package socketio_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// note is a payload that validates itself.
type note struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

func (n note) Validate() error {
	switch n.Text {
	case "bad":
		return event.InvalidField("text", "is bad")
	case "secret":
		return &event.Error{Code: event.Forbidden, Message: "not yours"}
	}
	return nil
}

var (
	takeNote = event.WithAck[note, string]("note")
	askNote  = event.WithAck[event.None, note]("ask")
)

// payloadCases are payloads for a note, with the error of its decoding; empty if it is accepted.
var payloadCases = map[string]struct {
	opts socketio.Options
	sent string
	code string
	text string // contained in the message
}{
	"exact keys":          {socketio.Options{}, `{"room":"r","extra":1}`, "", ""},
	"another letter case": {socketio.Options{}, `{"Room":"x","extra":1}`, event.Invalid, `field "room"`},
	"null":                {socketio.Options{}, `{"room":null}`, event.Invalid, `field "room": want string, got null`},
	"unknown keys":        {socketio.Options{UnknownKeys: socketio.RefuseUnknownKeys}, `{"room":"r","extra":1}`, event.Invalid, `field "extra": unknown key`},
	"Validate":            {socketio.Options{}, `{"text":"bad"}`, event.Invalid, `field "text": is bad`},
	"Validate, own code":  {socketio.Options{}, `{"text":"secret"}`, event.Forbidden, "not yours"},
	"ValidatePayload": {socketio.Options{ValidatePayload: func(v any) error {
		if n, ok := v.(*note); ok && n.Room == "" {
			return errors.New("room is required")
		}
		return nil
	}}, `{"text":"t"}`, event.Invalid, "room is required"},
}

// TestPayloads sends payloads on every way on which a client's, or another server's, payload is decoded.
func TestPayloads(t *testing.T) {
	refusal := func(code, text string) func(got string) bool {
		return func(got string) bool {
			if code == "" {
				return !strings.Contains(got, "error")
			}
			return strings.Contains(got, fmt.Sprintf(`"code":%q`, code)) && strings.Contains(got, strings.ReplaceAll(text, `"`, `\"`))
		}
	}
	isError := func(err error, code, text string) bool {
		if code == "" {
			return err == nil
		}
		e, ok := errors.AsType[*event.Error](err)
		return ok && e.Code == code && strings.Contains(e.Message, text)
	}
	for name, tt := range payloadCases {
		expected := refusal(tt.code, tt.text)
		bubble(t, name+"/event by websocket", func(t *testing.T) {
			n := serve(t, &tt.opts)
			event.OnWithAck(n, takeNote, func(context.Context, *socketio.Socket, note) (string, error) { return "ok", nil })
			c := n.join(t)
			c.send(`421["note",` + tt.sent + `]`)
			if got := c.next(); !expected(got) {
				t.Errorf("got %s", got)
			}
		})
		bubble(t, name+"/event by polling", func(t *testing.T) {
			n := serve(t, &tt.opts)
			event.OnWithAck(n, takeNote, func(context.Context, *socketio.Socket, note) (string, error) { return "ok", nil })
			p := n.poll(t)
			p.join()
			p.post(`421["note",` + tt.sent + `]`)
			if got := p.get(); !expected(got) {
				t.Errorf("got %s", got)
			}
		})
		bubble(t, name+"/event in MessagePack", func(t *testing.T) {
			opts := tt.opts
			opts.Parser = parser.MessagePack{}
			n := serve(t, &opts)
			result := make(chan error, 1)
			n.On("note", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
				var v note
				result <- m.Scan(&v)
				return nil
			})
			frames, err := parser.MessagePack{}.Encode(&parser.Packet{Type: parser.Event, Namespace: "/", Data: []byte(`["note",` + tt.sent + `]`)})
			must(t, err)
			c := n.dial(t)
			connect, err := parser.MessagePack{}.Encode(&parser.Packet{Type: parser.Connect, Namespace: "/"})
			must(t, err)
			c.send("<" + hex.EncodeToString(connect[0].Data) + ">")
			c.next()
			c.send("<" + hex.EncodeToString(frames[0].Data) + ">")
			if got := <-result; !isError(got, tt.code, tt.text) {
				t.Errorf("got %v", got)
			}
		})
		bubble(t, name+"/acknowledgement", func(t *testing.T) {
			n := serve(t, &tt.opts)
			c := n.join(t)
			s := n.socket(t, c, "/")
			result := make(chan error, 1)
			go func() {
				_, err := event.EmitWithAck(context.Background(), s, askNote, event.None{})
				result <- err
			}()
			c.expect(`420["ask"]`)
			c.send(`430[` + tt.sent + `]`)
			if got := <-result; !isError(got, tt.code, tt.text) {
				t.Errorf("got %v", got)
			}
		})
		bubble(t, name+"/auth payload", func(t *testing.T) {
			n := serve(t, &tt.opts)
			n.Use(func(_ context.Context, s *socketio.Socket) error {
				var auth note
				return s.Handshake().ScanAuth(&auth)
			})
			c := n.dial(t)
			c.send("40" + strings.Replace(tt.sent, "{", `{"pid":"p","offset":"o",`, 1)) // as clients that return send it
			got := c.next()
			if tt.code == "" {
				if !strings.HasPrefix(got, `40{"sid"`) {
					t.Errorf("got %s", got)
				}
			} else if !strings.HasPrefix(got, "44") || !expected(got) {
				t.Errorf("got %s", got)
			}
		})
		bubble(t, name+"/event of another server", func(t *testing.T) {
			a, b := servePair(t, tt.opts)
			result := make(chan error, 1)
			b.OnServerEvent("note", func(_ context.Context, m *event.Message) error {
				var v note
				result <- m.Scan(&v)
				return nil
			})
			must(t, a.ServerSideEmit("note", payload.Raw{JSON: []byte(tt.sent)}))
			code := tt.code
			if tt.opts.UnknownKeys == socketio.RefuseUnknownKeys {
				code = "" // servers of two versions may run side by side
			}
			if got := <-result; !isError(got, code, tt.text) {
				t.Errorf("got %v", got)
			}
		})
	}
	bubble(t, "an error of the peer is not a payload", func(t *testing.T) {
		n := serve(t, &socketio.Options{UnknownKeys: socketio.RefuseUnknownKeys})
		c := n.join(t)
		s := n.socket(t, c, "/")
		result := make(chan error, 1)
		go func() {
			_, err := event.EmitWithAck(context.Background(), s, askNote, event.None{})
			result <- err
		}()
		synctest.Wait()
		c.expect(`420["ask"]`)
		c.send(`430[{"error":{"code":"c","message":"m","more":1}}]`)
		if got := <-result; !isError(got, "c", "m") {
			t.Errorf("got %v", got)
		}
	})
}
