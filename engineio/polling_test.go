package engineio_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/memnet"
)

func TestPolling(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{message: func(p *peer, m message) {
			if m.data == "echo" {
				p.send("echoed")
			}
			p.messages <- m
		}})
		c, p := r.poll()

		// What is sent between two polls leaves together, in order.
		p.send(`2["a",1]`)
		err := p.Send(
			engineio.Message{Data: []byte(`51-["b",{"_placeholder":true,"num":0}]`)},
			engineio.Message{Data: []byte{1, 2, 3, 4}, Binary: true})
		if err != nil {
			t.Fatal(err)
		}
		p.send(`2["c","é"]`)
		c.gets("42[\"a\",1]\x1e451-[\"b\",{\"_placeholder\":true,\"num\":0}]\x1ebAQIDBA==\x1e42[\"c\",\"é\"]")

		// A poll with nothing to say waits for it.
		held := c.hold()
		c.posts("4echo")
		p.wants("echo")
		c.answered(held, "4echoed")

		// Several packets in one body, of every kind that means nothing, and binary in every alphabet.
		c.posts("4one\x1e0\x1e5\x1e6\x1e3\x1e4\x1ebAQIDBA==\x1eb-_8\x1eb\x1e4two é")
		for _, want := range []message{{"one", false}, {"", false}, {"\x01\x02\x03\x04", true}, {"\xfb\xff", true}, {"", true}, {"two é", false}} {
			if got := receive(t, n.patience, "a message", p.messages); got != want {
				t.Errorf("received %+v, want %+v", got, want)
			}
		}
		if pongs := r.engine.Stats().UnsolicitedPongs; pongs != 1 {
			t.Errorf("%d unsolicited pongs", pongs)
		}

		// A group of no messages says nothing.
		if err := p.Send(); err != nil {
			t.Error(err)
		}
		if err := p.SendPrepared(engineio.Prepare(), false); err != nil {
			t.Error(err)
		}
		p.send("end")
		c.gets("4end")
	})
}

// TestPolling_mutation: the bytes given to Send may be used again at once.
func TestPolling_mutation(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		c, p := start(t, n, setup{}).poll()
		data := []byte("abc")
		if err := p.Send(engineio.Message{Data: data}); err != nil {
			t.Fatal(err)
		}
		copy(data, "xyz")
		c.gets("4abc")
	})
}

// TestPolling_badBody sends bodies whose packets do not decode. They are answered like good ones; what stands before
// the bad packet is handled, the session ends.
func TestPolling_badBody(t *testing.T) {
	cases := []struct{ name, body, handled string }{
		{"unknown type", "abc", ""},
		{"empty body", "", ""},
		{"a bad packet between good ones", "4one\x1e9\x1e4two", "one"},
		{"separator in front", "\x1e4one", ""},
		{"separator at the end", "4one\x1e", "one"},
		{"two separators", "4one\x1e\x1e4two", "one"},
		{"bad base64", "b***", ""},
		{"half a base64 group", "bA", ""},
		{"bad UTF-8", "4one\x1e4\xff", ""},
		{"a surrogate", "4\xed\xa0\x80", ""},
	}
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		for _, test := range cases {
			c, p := r.poll()
			c.posts(test.body)
			if test.handled != "" {
				p.wants(test.handled)
			}
			if err := p.ends(engineio.ParseError); err == nil || strings.Contains(err.Error(), "one") {
				t.Errorf("%s: error %v", test.name, err)
			}
			if len(p.messages) != 0 {
				t.Errorf("%s: %+v was handled", test.name, <-p.messages)
			}
			c.gone()
		}
	})
}

// TestPolling_overlap: one poll and one data request at a time.
func TestPolling_overlap(t *testing.T) {
	t.Run("polls", func(t *testing.T) {
		eachFramed(t, func(t *testing.T, n *network) {
			r := start(t, n, setup{})
			c, p := r.poll()
			first, second := c.hold(), c.polls()
			c.answered(first, "1")
			if a := receive(t, n.patience, "the second poll", second); a.status != 400 || a.body != "" {
				t.Errorf("second: %d %q", a.status, a.body)
			}
			p.ends(engineio.TransportError)
			c.gone()
		})
	})
	t.Run("data requests", func(t *testing.T) {
		eachFramed(t, func(t *testing.T, n *network) {
			r := start(t, n, setup{})
			c, p := r.poll()
			held, first := c.hold(), r.raw()
			first.write("POST /engine.io/" + c.query + " HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 9\r\n\r\n4ha")
			eventually(t, n.patience, "the first", func() bool { return r.engine.Posting(c.SID) })
			if a := c.do("POST", c.query, "4two"); a.status != 400 || a.body != "" {
				t.Errorf("second: %d %q", a.status, a.body)
			}
			p.ends(engineio.TransportError)
			c.answered(held, "1")
			c.gone()
			// The first is not left waiting for the rest of its body.
			if response := first.response(); response.StatusCode != 400 || !response.Close {
				t.Errorf("first: %d", response.StatusCode)
			}
			if len(p.messages) != 0 {
				t.Errorf("handled %+v", <-p.messages)
			}
		})
	})
}

// TestPolling_aborted: the client's connection goes away in the middle of a request.
func TestPolling_aborted(t *testing.T) {
	for name, request := range map[string]string{
		"poll": "GET /engine.io/%s HTTP/1.1\r\nHost: parley.test\r\n\r\n",
		"data": "POST /engine.io/%s HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 9\r\n\r\n4ha",
	} {
		t.Run(name, func(t *testing.T) {
			eachFramed(t, func(t *testing.T, n *network) {
				r := start(t, n, setup{})
				c, p := r.poll()
				raw := r.raw()
				raw.write(fmt.Sprintf(request, c.query))
				eventually(t, n.patience, "the request to arrive", func() bool {
					return r.engine.HoldsPoll(c.SID) || r.engine.Posting(c.SID)
				})
				raw.conn.Close()
				if err := p.ends(engineio.TransportError); err == nil || !strings.Contains(err.Error(), "prematurely") {
					t.Errorf("error %v", err)
				}
				c.gone()
			})
		})
	}
}

// TestPolling_tooLarge sends bodies above the limit, announced or not: 413, the rest is not read, the connection is
// closed and the session lives.
func TestPolling_tooLarge(t *testing.T) {
	const limit = 1000
	large := strings.Repeat("x", limit)
	cases := []struct{ name, request string }{
		{"announced and sent", "Content-Length: 1001\r\n\r\n4" + large},
		{"announced and never sent", "Content-Length: 1001\r\n\r\n4"},
		{"far more announced", "Content-Length: 9000000000000000000\r\n\r\n4"},
		{"chunked", "Transfer-Encoding: chunked\r\n\r\n3e9\r\n4" + large + "\r\n"},
		{"chunked and going on", "Transfer-Encoding: chunked\r\n\r\nffffff\r\n4" + large + large},
		{"waiting to be asked", "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n"},
	}
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{options: engineio.Options{MaxPayload: limit}})
		c, p := r.poll()
		for _, test := range cases {
			raw, began := r.raw(), time.Now()
			raw.write("POST /engine.io/" + c.query + " HTTP/1.1\r\nHost: parley.test\r\n" + test.request)
			response := raw.response()
			body, err := io.ReadAll(response.Body)
			if response.StatusCode != 413 || len(body) != 0 || err != nil || !response.Close {
				t.Errorf("%s: %d %q %v", test.name, response.StatusCode, body, err)
			}
			raw.ends()
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s: took %v", test.name, took)
			}
			c.posts("4" + large[1:])
			p.wants(large[1:])
		}
		if got := r.engine.Stats().PayloadTooLarge; got != int64(len(cases)) {
			t.Errorf("counted %d", got)
		}
	})
}

// TestPolling_chunked sends a body of unknown length that fits.
func TestPolling_chunked(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		raw := r.raw()
		raw.write("POST /engine.io/" + c.query + " HTTP/1.1\r\nHost: parley.test\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"3\r\n4ha\r\n2\r\nlf\r\n0\r\n\r\n")
		if got := raw.response(); got.StatusCode != 200 {
			t.Errorf("status %d", got.StatusCode)
		}
		p.wants("half")
	})
}

// TestPolling_controls: packets without effect have a budget in bodies too.
func TestPolling_controls(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		pongs := strings.Repeat("3\x1e", 999)
		for range 3 {
			c.posts(pongs + "4fine")
			p.wants("fine")
			time.Sleep(time.Second)
		}
		c.posts(pongs + "6\x1e0\x1e4too late")
		p.ends(engineio.TransportError)
		c.gone()
		if stats := r.engine.Stats(); stats.TooManyControls != 1 || stats.UnsolicitedPongs != 4*999 {
			t.Errorf("counted %+v", stats)
		}
	})
}

// TestPolling_late: a request whose session has left polling, or has ended, after the request was checked.
func TestPolling_late(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		for _, method := range []string{"GET", "POST"} {
			c, p := r.poll()
			late := func() (int, string) {
				answer := httptest.NewRecorder()
				engineio.ServeLate(p.Session, answer, httptest.NewRequest(method, "/engine.io/"+c.query, strings.NewReader("4x")))
				return answer.Code, answer.Body.String()
			}
			probe := c.probe()
			probe.says("5", "4upgraded")
			p.wants("upgraded")
			if status, body := late(); status != 400 || !strings.Contains(body, `"code":3`) {
				t.Errorf("%s after the upgrade: %d %s", method, status, body)
			}
			p.Session.Close()
			probe.closes("")
			p.ends(engineio.ForcedClose)

			c, p = r.poll()
			p.Abort(engineio.ForcedClose, nil)
			if status, body := late(); status != 400 || !strings.Contains(body, `"code":1`) {
				t.Errorf("%s after the end: %d %s", method, status, body)
			}
			p.ends(engineio.ForcedClose)
			if len(p.messages) != 0 {
				t.Errorf("handled %+v", <-p.messages)
			}
		}
	})
}

// TestPolling_octetStream: a binary body belongs to revision 3. It is refused at once, body or not.
func TestPolling_octetStream(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		for range 3 {
			c, p := r.poll()
			raw := r.raw()
			raw.write("POST /engine.io/" + c.query + " HTTP/1.1\r\nHost: parley.test\r\nContent-Type: application/octet-stream\r\n" +
				"Content-Length: 100000\r\n\r\n")
			if response := raw.response(); response.StatusCode != 400 || response.ContentLength != 0 {
				t.Errorf("%d", response.StatusCode)
			}
			raw.ends()
			p.ends(engineio.TransportError)
			c.gone()
		}
	})
}

// TestPolling_shortServerTimeouts holds polls for longer than the HTTP server's own timeouts, on one connection.
func TestPolling_shortServerTimeouts(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{
			server:  &http.Server{ReadTimeout: time.Second, WriteTimeout: time.Second},
			options: engineio.Options{PingInterval: time.Hour},
			message: func(p *peer, m message) { time.Sleep(3 * time.Second); p.messages <- m },
			tune:    func(tr *http.Transport) { tr.MaxConnsPerHost = 2 },
		})
		c, p := r.poll()
		for range 3 {
			held := c.hold()
			time.Sleep(24 * time.Second)
			p.send("late")
			c.answered(held, "4late")
			c.posts("4slow") // its handler takes longer than the server's timeouts
			p.wants("slow")
		}
		// A large body to a client that reads little by little, but reads.
		large := strings.Repeat("x", 1<<20)
		p.send(large)
		raw := r.raw()
		raw.write("GET /engine.io/" + c.query + " HTTP/1.1\r\nHost: parley.test\r\n\r\n")
		response, got := raw.response(), 0
		for buffer := make([]byte, 16<<10); ; {
			time.Sleep(500 * time.Millisecond)
			n, err := response.Body.Read(buffer)
			if got += n; err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
		}
		if got != 1+len(large) {
			t.Errorf("%d bytes", got)
		}
	})
}

// TestPolling_slowBody: a body that does not arrive in time ends its session, and its request.
func TestPolling_slowBody(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		raw, began := r.raw(), time.Now()
		raw.write("POST /engine.io/" + c.query + " HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 100\r\n\r\n4")
		if response := raw.response(); response.StatusCode != 400 {
			t.Errorf("status %d", response.StatusCode)
		}
		p.ends(engineio.TransportError)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("took %v, want the ReadTimeout", took)
		}
	})
}

// TestPolling_stuckClient: an answer that is not read ends the session after WriteTimeout.
func TestPolling_stuckClient(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		n.listener.(*memnet.Listener).Buffer = 1 << 10
		r := start(t, n, setup{})
		c, p := r.poll()
		p.send(strings.Repeat("x", 100_000))
		raw := r.raw()
		raw.write("GET /engine.io/" + c.query + " HTTP/1.1\r\nHost: parley.test\r\n\r\n")
		began := time.Now()
		p.ends(engineio.TransportError)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("took %v, want the WriteTimeout", took)
		}
	})
}
