package security_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// placeholders returns n placeholders as the arguments of an event.
func placeholders(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"_placeholder":true,"num":%d}`, i)
	}
	return b.String()
}

// CVE-2026-33151: the number of attachments, their total size and their time are limited.
func TestS11_attachments(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		t.Run("too many", func(t *testing.T) {
			r := start(t, setup{})
			for _, header := range []string{`5999-["x"]`, `511-["x"` + placeholders(11) + `]`, `59999-["x"` + placeholders(9_999) + `]`, `599999-["x"]`} {
				c := r.connect(transport)
				r.closes(engineio.ParseError, func() { c.send(header); c.expectClosed(1005) })
			}
		})
		t.Run("too large together", func(t *testing.T) {
			r := start(t, setup{})
			c := r.connect(transport)
			piece := "<" + strings.Repeat("00", 600_000) + ">"
			allocates(t, 96<<20, func() { // this side's copies of 5.6 MB of base64 among them
				r.closes(engineio.ParseError, func() {
					c.send(`510-["x"` + placeholders(10) + `]`)
					for range 7 {
						c.send(piece)
					}
					c.expectClosed(1005)
				})
			})
		})
		t.Run("never", func(t *testing.T) {
			r := start(t, setup{options: socketio.Options{ReadTimeout: 300 * time.Millisecond}})
			c := r.connect(transport)
			r.closes(engineio.ParseError, func() {
				c.send(`52-["x"`+placeholders(2)+`]`, "<00>")
				c.ends(1005)
			})
			if got := r.io.Stats().LateAttachments; got != 1 {
				t.Errorf("%d counted", got)
			}
		})
		t.Run("at the limits", func(t *testing.T) {
			r := start(t, setup{before: reflect})
			c := r.connect(transport)
			messages := []string{`510-0["reflect",[` + placeholders(10)[1:] + `]]`}
			for range 10 {
				messages = append(messages, "<"+strings.Repeat("ab", limit/10/10*7)+">") // with base64 still within a body
			}
			c.send(messages...)
			messages[0] = `610-0[[` + placeholders(10)[1:] + `]]`
			c.expects(messages...)
		})
	})
}

// ends waits until the server has ended the session, and then calls expectClosed.
func (c *client) ends(code int) {
	c.t.Helper()
	if c.transport == engineio.Polling {
		if _, err := c.tryReceive(); err == nil {
			c.t.Error("the poll was answered")
		}
	}
	c.expectClosed(code)
}

// python-socketio #1574: a client cannot begin a packet for a namespace that it has not joined.
func TestS26_attachments_of_no_namespace(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		r := start(t, setup{})
		for _, header := range []string{`51-/nope,["x"` + placeholders(1) + `]`, `51-["x"` + placeholders(1) + `]`, `61-/nope,1[{"_placeholder":true,"num":0}]`} {
			c := r.open(transport)
			r.closes(engineio.ForcedClose, func() { c.send(header); c.expectClosed(1005) })
		}
	})
}

// An incomplete packet is freed with its connection, whatever ends the connection.
func TestA12_half_built_packets(t *testing.T) {
	r := start(t, setup{})
	piece := "<" + strings.Repeat("00", 100_000) + ">"
	for i := range 60 { // 5 MB if the server kept them
		c := r.connect([]engineio.Transport{engineio.WebSocket, engineio.Polling}[i%2])
		c.send(`52-["x"`+placeholders(2)+`]`, piece)
		switch {
		case i%3 == 0:
			c.send(`2["text"]`)
		case i%3 == 1 && c.wire != nil:
			c.wire.Close()
		}
	}
	r.closeAttackers()
	r.sessions(2)
}
