package security_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// CVE-2022-21676: invalid bytes directly after the handshake end only their own connection.
func TestS5_bytes_behind_the_handshake(t *testing.T) {
	r := start(t, setup{})
	for name, bytes := range map[string]string{
		"test": "test", "HTTP": "GET / HTTP/1.1\r\n\r\n", "unmasked": "\x81\x014", "all bits": strings.Repeat("\xff", 100),
		"unknown opcode": "\x83\x80\x00\x00\x00\x00", "reserved bits": "\xf1\x80\x00\x00\x00\x00",
		"a long control frame": "\x89\xfe\x00\x7e\x00\x00\x00\x00", "noughts": strings.Repeat("\x00", 100),
	} {
		t.Run(name, func(t *testing.T) {
			r.closes(engineio.TransportError, func() {
				w := r.dial()
				w.send(upgrade(websocket) + bytes) // in one write
				if a, err := w.answer(); err != nil || a.status != 101 {
					t.Fatalf("%v %v", a, err)
				}
				if got := w.code(); got != 1002 {
					t.Errorf("closed with %d", got)
				}
			})
			sid := r.handshake()
			w := r.dial()
			w.send(upgrade(websocket+"&sid="+sid) + bytes)
			if a, err := w.answer(); err != nil || a.status != 101 {
				t.Fatalf("%v %v", a, err)
			}
			if got := w.code(); got != 1002 {
				t.Errorf("the probe was closed with %d", got)
			}
			r.request("POST", polling+"&sid="+sid, "40").is(t, "200 ok") // the session is still open
		})
	}
}

// CVE-2020-27813: a frame whose length overflows is refused.
func TestS29_length_overflow(t *testing.T) {
	r := start(t, setup{})
	frame := func(op byte, length uint64) string {
		return string(append(binary.BigEndian.AppendUint64([]byte{op, 0xff}, length), 1, 2, 3, 4))
	}
	begin := masked(ws.NewFrame(ws.OpText, false, []byte("4")))
	for name, tt := range map[string]struct {
		bytes string
		code  int
	}{
		"the top bit":                     {frame(0x81, 1<<63), 1002},
		"all bits":                        {frame(0x82, 1<<64-1), 1002},
		"the largest":                     {frame(0x82, 1<<63-1), 1009},
		"a sum that overflows":            {begin + frame(0x80, 1<<63-1), 1009},
		"a sum that overflows 32 bits":    {begin + frame(0x80, 1<<32-1), 1009},
		"a control frame with the topbit": {frame(0x89, 1<<63), 1002},
		"a long control frame":            {frame(0x8a, 126), 1002},
	} {
		t.Run(name, func(t *testing.T) {
			c := r.connect(engineio.WebSocket)
			r.closes(engineio.TransportError, func() {
				c.wire.send(tt.bytes)
				c.expectClosed(tt.code)
			})
		})
	}
}

// CVE-2016-10518, CVE-2026-45736: the server returns exactly what was sent and no other memory. With the race detector,
// engineio overwrites buffers when it returns them to its pools (TestPoison), so a use after that fails here.
func TestS12_uninitialised_memory(t *testing.T) {
	t.Run("control frames", func(t *testing.T) {
		r := start(t, setup{})
		c := r.connect(engineio.WebSocket)
		for i := range 126 {
			payload := bytes.Repeat([]byte{byte(i)}, i)
			c.wire.sendFrame(ws.NewPingFrame(payload))
			h, got, err := c.wire.frame()
			if err != nil || h.OpCode != ws.OpPong || !bytes.Equal(got, payload) {
				t.Fatalf("%d bytes: got %+v %x %v", i, h, got, err)
			}
		}
		c.wire.sendFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "1000")))
		h, got, err := c.wire.frame()
		if err != nil || h.OpCode != ws.OpClose || !bytes.Equal(got, []byte{3, 232}) {
			t.Errorf("got %+v %x %v", h, got, err)
		}
	})
	t.Run("close frames", func(t *testing.T) {
		r := start(t, setup{})
		for name, tt := range map[string]struct {
			payload string
			code    int
		}{
			"a byte":             {"\x03", 1002},
			"a reserved code":    {"\x03\xed", 1002},
			"a code below 1000":  {"\x00\x01", 1002},
			"a code above 4999":  {"\x13\x88", 1002},
			"a reason in Latin1": {"\x03\xe8\xe9", 1007},
		} {
			c := r.connect(engineio.WebSocket)
			r.closes(engineio.TransportError, func() {
				c.wire.sendFrame(ws.NewCloseFrame([]byte(tt.payload)))
				c.expectClosed(tt.code)
			})
			if t.Failed() {
				t.Fatal(name)
			}
		}
	})
	t.Run("messages of many sizes, of many clients", func(t *testing.T) {
		r := start(t, setup{before: reflect, options: socketio.Options{PerMessageDeflate: &engineio.Deflate{Threshold: -1}}})
		clients := []*client{
			r.connect(engineio.WebSocket), r.connect(engineio.WebSocket), r.open(engineio.WebSocket, deflateUnused), r.connect(engineio.Polling),
		}
		clients[2].joins("")
		for _, size := range []int{0, 1, 100, 2_000, 4_090, 8_180, 8_200, 20_000, 70_000} {
			for i, c := range clients {
				c.send(fmt.Sprintf(`2%d["reflect","%s"]`, i, strings.Repeat(fmt.Sprint(i), size)), `51-9["reflect",{"_placeholder":true,"num":0}]`,
					"<"+strings.Repeat("ab", size)+">")
			}
			for i, c := range clients {
				c.expects(fmt.Sprintf(`3%d["%s"]`, i, strings.Repeat(fmt.Sprint(i), size)), `61-9[{"_placeholder":true,"num":0}]`,
					"<"+strings.Repeat("ab", size)+">")
			}
		}
	})
}

// deflateUnused is an offer that the server does not accept, because the parameter does not exist.
const deflateUnused = "Sec-WebSocket-Extensions: permessage-deflate; unknown=1"

// Empty frames and packets are counted and limited. The send queue limits pongs that the client does not read.
func TestA23_control_frames(t *testing.T) {
	const many = 3_000
	for name, tt := range map[string]struct {
		frame string
		first bool // the first frame ends the session
	}{
		"pings":           {masked(ws.NewPingFrame([]byte("x"))), false},
		"pongs":           {masked(ws.NewPongFrame(nil)), false},
		"noops":           {masked(ws.NewTextFrame([]byte("6"))), false},
		"upgrades":        {masked(ws.NewTextFrame([]byte("5"))), false},
		"opens":           {masked(ws.NewTextFrame([]byte("0{}"))), false},
		"pong packets":    {masked(ws.NewTextFrame([]byte("3"))), false},
		"probes":          {masked(ws.NewTextFrame([]byte("2probe"))), true},
		"ping packets":    {masked(ws.NewTextFrame([]byte("2"))), true},
		"unknown packets": {masked(ws.NewTextFrame([]byte("9"))), true},
		"empty":           {masked(ws.NewTextFrame(nil)), true},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{})
			c := r.connect(engineio.WebSocket)
			before := r.io.Stats().Engine.TooManyControls
			ended := r.ends(func() {
				c.wire.send(strings.Repeat(tt.frame, many))
				if code := c.wire.code(); !tt.first && code != 1008 && code != 0 { // a reset may overtake the close frame
					t.Errorf("closed with %d", code)
				}
			})
			got := r.io.Stats().Engine.TooManyControls - before
			if tt.first && got != 0 || !tt.first && (got != 1 || ended != engineio.TransportError) {
				t.Errorf("%d counted, ended by %s", got, ended)
			}
		})
	}
	t.Run("packets in a body", func(t *testing.T) {
		r := start(t, setup{})
		c := r.connect(engineio.Polling)
		r.closes(engineio.TransportError, func() {
			r.request("POST", polling+"&sid="+c.sid, strings.TrimSuffix(strings.Repeat("6\x1e", many), "\x1e"))
			c.expectClosed(0)
		})
	})
	t.Run("on a probe", func(t *testing.T) {
		r := start(t, setup{})
		sid := r.handshake()
		w := r.upgrades(websocket + "&sid=" + sid)
		w.send(strings.Repeat(masked(ws.NewTextFrame([]byte("2probe"))), many))
		if code := w.code(); code != 1008 && code != 0 {
			t.Errorf("closed with %d", code)
		}
		r.request("POST", polling+"&sid="+sid, "40").is(t, "200 ok")
	})
	t.Run("pings whose pongs are not read", func(t *testing.T) {
		r := start(t, setup{options: socketio.Options{MaxControlPackets: -1, SendQueuePackets: 1_000}})
		c := r.connect(engineio.WebSocket)
		r.closes(engineio.SlowConsumer, func() {
			flood := strings.Repeat(masked(ws.NewPingFrame(bytes.Repeat([]byte("x"), 125))), 100)
			for r.io.Engine().SessionCount() > 2 {
				c.wire.send(flood)
			}
		})
	})
}
