package engineio_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

const octetStream = "application/octet-stream"

// A message with an attachment, as captured from the reference: the packets, and both forms of its payload.
const (
	attachedText   = `51-["echo","é",{"_placeholder":true,"num":0}]`
	attachedBytes  = "\x01\x02\x03"
	attachedBinary = "\x00\x04\x07\xff4" + attachedText + "\x01\x04\xff\x04" + attachedBytes
	attachedBase64 = `46:4` + attachedText + `6:b4AQID`
)

// start3 runs a server that serves both revisions.
func start3(t testing.TB, n *network, s setup) *rig {
	t.Helper()
	s.options.AllowEIO3 = true
	return start(t, n, s)
}

// echoes sends each message back. Attachments follow their text in one group, as from Socket.IO.
func echoes(p *peer, m message) {
	p.messages <- m
	if err := p.Send(engineio.Message{Data: []byte(m.data), Binary: m.binary}); err != nil {
		p.t.Errorf("Send: %v", err)
	}
}

// poll3 opens a session of revision 3 on polling, with more query behind it.
func (r *rig) poll3(more string) (*poller, *peer) {
	r.t.Helper()
	a := r.do("GET", "?EIO=3&transport=polling"+more, "")
	length, packet, _ := strings.Cut(a.body, ":")
	if a.status != 200 || length != strconv.Itoa(len(packet)) {
		r.t.Fatalf("handshake: %d %s", a.status, a.body)
	}
	h := parseOpen(r.t, packet)
	return &poller{r, h, "?EIO=3&transport=polling&sid=" + h.SID}, r.peer()
}

// websocket3 opens a session of revision 3 on a websocket.
func (r *rig) websocket3(more string) (*socket, *peer) {
	r.t.Helper()
	c := r.upgrade("?EIO=3&transport=websocket" + more)
	c.opens()
	return c, r.peer()
}

// probe3 opens a websocket for the session of c.
func (c *poller) probe3(more string) *socket {
	c.t.Helper()
	return c.upgrade("?EIO=3&transport=websocket&sid=" + c.SID + more)
}

// binary checks the next binary message from the server.
func (c *socket) binary(want string) {
	c.t.Helper()
	if h, got := c.frame(); h.OpCode != ws.OpBinary || string(got) != want {
		c.t.Fatalf("got %s, want the bytes %q", describe(h, got), want)
	}
}

func TestEIO3_handshake(t *testing.T) {
	const open = `0\{"sid":"([A-Za-z0-9_-]{20})","upgrades":\[%\],"pingInterval":600,"pingTimeout":500,"maxPayload":1000000\}$`
	options := engineio.Options{PingInterval: 600 * time.Millisecond, PingTimeout: 500 * time.Millisecond}
	inFrames(t, func(t *testing.T, n *network) {
		r := start3(t, n, setup{options: options})
		// Whatever is not 4 is 3.
		for _, revision := range []string{"&EIO=3", "", "&EIO=", "&EIO=5", "&EIO=abc", "&EIO=04", "&EIO=4&EIO=3"} {
			a := r.do("GET", "?transport=polling"+revision, "")
			want := regexp.MustCompile("^114:" + strings.Replace(open, "%", `"websocket"`, 1))
			match, p := want.FindStringSubmatch(a.body), r.peer()
			if match == nil || match[1] != p.ID() || p.Protocol() != 3 || a.header.Get("Content-Type") != "text/plain; charset=UTF-8" {
				t.Errorf("%q: %q, protocol %d, %v", revision, a.body, p.Protocol(), a.header)
			}
		}
		c := r.upgrade("?EIO=3&transport=websocket")
		_, payload := c.frame()
		if p := r.peer(); !regexp.MustCompile("^"+strings.Replace(open, "%", "", 1)).Match(payload) || p.Protocol() != 3 {
			t.Errorf("%q, protocol %d", payload, p.Protocol())
		}
		if _, p := r.poll(); p.Protocol() != 4 {
			t.Errorf("protocol %d", p.Protocol())
		}
	})
}

// TestEIO3_refused: a session is served in its own revision only.
func TestEIO3_refused(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		var contexts []string
		r := start3(t, n, setup{options: engineio.Options{OnConnectionError: func(e *engineio.ConnectionError) {
			contexts = append(contexts, e.Context["name"])
		}}})
		three, p3 := r.poll3("")
		four, p4 := r.poll()
		for query, status := range map[string]int{
			"?EIO=4&transport=polling&sid=" + three.SID: 400,
			"?EIO=3&transport=polling&sid=" + four.SID:  400,
			"?transport=polling&sid=" + four.SID:        400,
		} {
			for _, method := range []string{"GET", "POST"} {
				if a := r.do(method, query, ""); a.status != status || a.body != `{"code":3,"message":"Bad request"}` {
					t.Errorf("%s %s: %d %s", method, query, a.status, a.body)
				}
			}
		}
		c := r.raw()
		c.write(websocketRequest("?EIO=4&transport=websocket&sid=" + three.SID))
		if response := c.response(); response.StatusCode != 400 {
			t.Errorf("upgrade: %d", response.StatusCode)
		}
		if got := strings.Join(contexts, ","); got != strings.TrimSuffix(strings.Repeat("PROTOCOL_MISMATCH,", 7), ",") {
			t.Errorf("contexts %s", got)
		}
		three.posts("6:4hello")
		p3.wants("hello")
		four.posts("4hello")
		p4.wants("hello")
	})
}

// TestEIO3_polling posts bodies, and polls what a handler sends back.
func TestEIO3_polling(t *testing.T) {
	cases := []struct {
		name, query     string // of the handshake
		body, kind      string
		answer, becomes string // its Content-Type, if it is not text
	}{
		{"text", "", "6:4hello", "", "6:4hello", ""},
		{"several", "", "6:4test16:4test26:4test3", "", "6:4test16:4test26:4test3", ""},
		{"UTF-16 units", "", `17:42["echo","€ü😀"]`, "text/plain;charset=UTF-8", `17:42["echo","€ü😀"]`, ""},
		{"empty packets", "", "0:6:4hello0:1:40:", "", "6:4hello1:4", ""},
		{"zeros in front", "", "006:4hello" + strings.Repeat("0", 309) + "2:4x", "", "6:4hello2:4x", ""},
		{"binary", "", attachedBinary, octetStream, attachedBinary, octetStream},
		{"binary as base64", "", attachedBase64, "", attachedBinary, octetStream},
		{"binary to base64", "&b64=1", attachedBinary, octetStream, attachedBase64, ""},
		{"base64", "&b64=1", attachedBase64, "", attachedBase64, ""},
		{"base64 without padding", "&b64=1", "5:b4AQI6:b4AQI=", "", "6:b4AQI=6:b4AQI=", ""},
		{"text in a binary body", "", "\x00\x06\xff4hello\x00\x06\xffb4AQID", octetStream, "\x00\x06\xff4hello\x01\x04\xff\x04" + attachedBytes, octetStream},
		{"only text in a binary body", "", "\x00\x06\xff4hello\x00\x03\xff4é", octetStream, "6:4hello2:4é", ""},
		{"empty messages", "", "\x00\x01\xff4\x01\x01\xff\x04", octetStream, "\x00\x01\xff4\x01\x01\xff\x04", octetStream},
		{"what means nothing", "", "1:01:51:61:4", "", "1:4", ""},
		{"another type is text", "", "6:4hello", octetStream + "; charset=x", "6:4hello", ""},
	}
	eachFramed(t, func(t *testing.T, n *network) {
		r := start3(t, n, setup{message: echoes})
		for _, test := range cases {
			c, _ := r.poll3(test.query)
			a := r.do("POST", c.query, test.body, "Content-Type: "+test.kind)
			if a.status != 200 || a.body != "ok" || a.header.Get("Content-Type") != "text/html" {
				t.Errorf("%s: %d %q", test.name, a.status, a.body)
			}
			a = r.do("GET", c.query, "")
			if test.becomes == "" {
				test.becomes = "text/plain; charset=UTF-8"
			}
			if a.status != 200 || a.body != test.answer || a.header.Get("Content-Type") != test.becomes ||
				a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %q %v, want %q", test.name, a.status, a.body, a.header, test.answer)
			}
		}
	})
}

// TestEIO3_badBody: what stands before the bad packet is handled, the session ends.
func TestEIO3_badBody(t *testing.T) {
	many := strings.Repeat("9", 400_000)
	cases := []struct{ name, body, kind, handled string }{
		{"no length", "abc", "", ""},
		{"empty body", "", "", ""},
		{"only digits", "12", "", ""},
		{"only a colon", ":", "", ""},
		{"digits left over", "2:4a5", "", "a"},
		{"bytes counted", `22:42["echo","€ü😀"]`, "", ""},
		{"one too few", "1:6a", "", ""},
		{"one too many", "3:4a", "", ""},
		{"negative", "-2:4a", "", ""},
		{"signed", "+2:4a", "", ""},
		{"with a point", "2.0:4a", "", ""},
		{"an exponent", "2e0:4a", "", ""},
		{"hexadecimal", "0x2:4a", "", ""},
		{"a space", " 2:4a", "", ""},
		{"half of a character", "2:4😀", "", ""},
		{"unknown type", "2:4a2:7a", "", "a"},
		{"revision 4", "4a\x1e4b", "", ""},
		{"base64 without a type", "1:b", "", ""},
		{"base64 of an unknown type", "4:b9AQ", "", ""},
		{"bad base64", "4:b4**", "", ""},
		{"bad UTF-8", "2:4a2:4\xff", "", ""},
		{"the largest length", strings.Repeat("9", 310) + ":4a", "", ""},
		{"a length of 311 digits", strings.Repeat("0", 310) + "2:4a", "", ""},
		{"a length without end", many, "", ""},

		{"empty", "", octetStream, ""},
		{"another kind", "\x00\x02\xff4a\x02\x02\xff\x04a", octetStream, "a"},
		{"text", "2:4a", octetStream, ""},
		{"no length", "\x00\xff4a", octetStream, ""},
		{"only a kind", "\x00", octetStream, ""},
		{"no end of the length", "\x00\x02", octetStream, ""},
		{"digits as text", "\x002\xff4a", octetStream, ""},
		{"a digit above 9", "\x00\x0a\xff4a", octetStream, ""},
		{"too short", "\x00\x03\xff4a", octetStream, ""},
		{"the largest length", "\x00" + strings.Repeat("\x09", 310) + "\xff4a", octetStream, ""},
		{"a length of 311 digits", "\x00" + strings.Repeat("\x00", 310) + "\x02\xff4a", octetStream, ""},
		{"a length without end", "\x00" + strings.Repeat("\x09", 400_000), octetStream, ""},
		{"empty text", "\x00\x00\xff", octetStream, ""},
		{"empty bytes", "\x01\x00\xff", octetStream, ""},
		{"unknown type", "\x00\x02\xff4a\x01\x01\xff\x07", octetStream, "a"},
		{"a type as text", "\x01\x02\xff4a", octetStream, ""},
		{"bad UTF-8", "\x00\x02\xff4\xff", octetStream, ""},
	}
	inFrames(t, func(t *testing.T, n *network) {
		r := start3(t, n, setup{})
		for _, test := range cases {
			c, p := r.poll3("")
			if a := r.do("POST", c.query, test.body, "Content-Type: "+test.kind); a.status != 200 || a.body != "ok" {
				t.Errorf("%s: %d %q", test.name, a.status, a.body)
			}
			if test.handled != "" {
				p.wants(test.handled)
			}
			if err := p.ends(engineio.ParseError); err == nil || len(err.Error()) > 100 {
				t.Errorf("%s: error %v", test.name, err)
			}
			if len(p.messages) != 0 {
				t.Errorf("%s %q: %+v was handled", test.name, test.kind, <-p.messages)
			}
			c.gone()
		}
	})
}

func TestEIO3_websocket(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start3(t, n, setup{message: echoes})
		c, _ := r.websocket3("")
		c.says("4hello é", "b4AQID", "4", "0", "5", "6")
		c.hears("4hello é")
		c.binary("\x04\x01\x02\x03")
		c.hears("4")
		c.sends(ws.NewBinaryFrame([]byte("\x04\x01\x02\x03")), ws.NewBinaryFrame([]byte("\x04")), ws.NewBinaryFrame([]byte("\x02x")))
		c.binary("\x04\x01\x02\x03")
		c.binary("\x04")
		c.hears("3")

		c, _ = r.websocket3("&b64=1")
		c.sends(ws.NewBinaryFrame([]byte("\x04\x01\x02\x03")))
		c.hears("b4AQID")

		for name, frame := range map[string]ws.Frame{
			"text":            ws.NewTextFrame([]byte("abc")),
			"empty text":      ws.NewTextFrame(nil),
			"empty bytes":     ws.NewBinaryFrame(nil),
			"unknown type":    ws.NewBinaryFrame([]byte{7}),
			"a type as text":  ws.NewBinaryFrame([]byte("4x")),
			"base64, no type": ws.NewTextFrame([]byte("b")),
			"bad base64":      ws.NewTextFrame([]byte("b4*")),
		} {
			c, p := r.websocket3("")
			c.sends(frame)
			c.closes("")
			if err := p.ends(engineio.ParseError); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	})
}

// TestEIO3_forms sends one prepared group to clients of every kind.
func TestEIO3_forms(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start3(t, n, setup{})
		group := engineio.Prepare(engineio.Message{Data: []byte(attachedText)}, engineio.Message{Data: []byte(attachedBytes), Binary: true})
		send := func(p *peer) {
			t.Helper()
			if err := p.SendPrepared(group, false); err != nil {
				t.Error(err)
			}
		}
		for range 2 {
			ws4, p := r.websocket()
			send(p)
			ws4.hears("4" + attachedText)
			ws4.binary(attachedBytes)
			ws3, p := r.websocket3("")
			send(p)
			ws3.hears("4" + attachedText)
			ws3.binary("\x04" + attachedBytes)
			text3, p := r.websocket3("&b64=1")
			send(p)
			text3.hears("4"+attachedText, "b4AQID")
			poll4, p := r.poll()
			send(p)
			poll4.gets("4" + attachedText + "\x1ebAQID")
			poll3, p := r.poll3("")
			p.send("é")
			send(p)
			poll3.gets("\x00\x03\xff4é" + attachedBinary) // one binary packet makes all of the body binary
			base3, p := r.poll3("&b64=1")
			p.send("é")
			send(p)
			base3.gets("2:4é" + attachedBase64)
		}
	})
}
