package socketio_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// relay sends what comes as "relay" to everybody, as it came.
func relay(n *node) {
	n.On("relay", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		return n.Emit("relay", m.Raws()...)
	})
}

func placeholder(num int) string { return fmt.Sprintf(`{"_placeholder":true,"num":%d}`, num) }

func TestServer_binary_relay(t *testing.T) {
	tests := map[string]struct{ sent, want []string }{
		"one": {
			[]string{`451-["relay",` + placeholder(0) + `]`, "<010203>"},
			[]string{`451-["relay",` + placeholder(0) + `]`, "<010203>"},
		},
		"empty": {
			[]string{`451-["relay",` + placeholder(0) + `]`, "<>"},
			[]string{`451-["relay",` + placeholder(0) + `]`, "<>"},
		},
		"deep, out of order": {
			[]string{`453-["relay",{"a":[` + placeholder(2) + `,1]},"x",{"b":{"c":` + placeholder(0) + `}},` + placeholder(1) + `]`, "<00>", "<01>", "<02>"},
			[]string{`453-["relay",{"a":[` + placeholder(0) + `,1]},"x",{"b":{"c":` + placeholder(1) + `}},` + placeholder(2) + `]`, "<02>", "<00>", "<01>"},
		},
		"with one that nothing refers to": {
			[]string{`452-["relay",` + placeholder(1) + `]`, "<aa>", "<bb>"},
			[]string{`451-["relay",` + placeholder(0) + `]`, "<bb>"},
		},
		"numbers stay as they came": {
			[]string{`42["relay",1.50,12345678901234567890,1e400]`},
			[]string{`42["relay",1.50,12345678901234567890,1e400]`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, nil)
				relay(n)
				sender, receiver := n.join(t), n.join(t)
				sender.send(tt.sent...)
				sender.expect(tt.want...)
				receiver.expect(tt.want...)
				sender.quiet()
			})
		})
	}
}

func TestSocket_Emit_binary(t *testing.T) {
	type part struct {
		Name  string
		Bytes []byte
		Inner *part `json:",omitempty"`
	}
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		clients := map[string]*client{"a": n.join(t), "b": n.join(t)}
		s := n.socket(t, clients["a"], "/")
		buffer := []byte{1, 2}
		send := map[string]func(name string, args ...any) error{
			"broadcast": n.Emit, "socket": s.Emit, "volatile": s.Volatile().Emit, "room": n.To(s.ID()).Emit,
		}
		for name, emit := range send {
			if err := emit("e", buffer, part{"x", []byte{3}, &part{"y", nil, nil}}, map[string]any{"k": [][]byte{{4}, {}}}); err != nil {
				t.Fatal(err)
			}
			buffer[0]++ // the caller may go on to use it
			want := []string{
				`454-["e",` + placeholder(0) + `,{"Name":"x","Bytes":` + placeholder(1) + `,"Inner":{"Name":"y","Bytes":null}},` +
					`{"k":[` + placeholder(2) + `,` + placeholder(3) + `]}]`,
				"<" + fmt.Sprintf("%02x", buffer[0]-1) + "02>", "<03>", "<04>", "<>",
			}
			clients["a"].expect(want...)
			if name == "broadcast" {
				clients["b"].expect(want...)
			}
			synctest.Wait()
		}
		clients["b"].quiet()
	})
}

func TestServer_attachments(t *testing.T) {
	header := func(n int) string { return fmt.Sprintf(`45%d-["x"]`, n) }
	t.Run("that do not come end the connection", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, &socketio.Options{ReadTimeout: 3 * time.Second})
			c := n.join(t)
			c.send(header(2))
			time.Sleep(2 * time.Second)
			c.send("<01>") // does not prolong the time
			began := time.Now()
			c.closed()
			if waited := time.Since(began); waited != time.Second {
				t.Errorf("waited %v", waited)
			}
			if s := n.Stats(); s.LateAttachments != 1 || s.Engine.Closed["parse error"] != 1 {
				t.Errorf("%+v", s)
			}
		})
	})
	t.Run("that come stop the clock", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, &socketio.Options{ReadTimeout: 3 * time.Second})
			c := n.join(t)
			for range 3 {
				c.send(header(1))
				time.Sleep(2 * time.Second)
				c.send("<01>")
			}
			time.Sleep(time.Minute)
			c.quiet()
		})
	})
	t.Run("a lost connection stops the clock", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := serve(t, nil)
			c := n.join(t)
			c.send(header(1))
			synctest.Wait()
			c.conn.Close()
			time.Sleep(time.Minute)
			if s := n.Stats(); s.LateAttachments != 0 {
				t.Errorf("%+v", s)
			}
		})
	})
	for name, tt := range map[string]struct {
		opts socketio.Options
		sent []string
		ok   bool
	}{
		"ten":                 {socketio.Options{}, append([]string{header(10)}, strings.Fields(strings.Repeat("<01> ", 10))...), true},
		"eleven":              {socketio.Options{}, []string{header(11)}, false},
		"as many as allowed":  {socketio.Options{MaxAttachments: 1}, []string{header(1), "<01>"}, true},
		"more than allowed":   {socketio.Options{MaxAttachments: 1}, []string{header(2)}, false},
		"together at the cap": {socketio.Options{MaxAttachmentBytes: 100}, []string{header(2), hexBytes(60), hexBytes(40)}, true},
		"together too large":  {socketio.Options{MaxAttachmentBytes: 100}, []string{header(2), hexBytes(60), hexBytes(41)}, false},
		"4,000,000 bytes":     {socketio.Options{}, []string{header(5), hexBytes(900_000), hexBytes(900_000), hexBytes(900_000), hexBytes(900_000), hexBytes(400_000)}, true},
		"4,000,001 bytes":     {socketio.Options{}, []string{header(5), hexBytes(900_000), hexBytes(900_000), hexBytes(900_000), hexBytes(900_000), hexBytes(400_001)}, false},
		"one at the payload":  {socketio.Options{MaxPayload: 5_000_000}, []string{header(1), hexBytes(5_000_000)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, &tt.opts)
				c := n.join(t)
				c.send(tt.sent...)
				if tt.ok {
					c.quiet()
				} else {
					c.closed()
				}
			})
		})
	}
}

func hexBytes(n int) string { return "<" + strings.Repeat("00", n) + ">" }
