package engineio_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parleyio/parley/engineio"
)

// decoded returns a body without its content coding.
func (a answer) decoded(t testing.TB) string {
	t.Helper()
	var r io.Reader = strings.NewReader(a.body)
	var err error
	switch a.header.Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestCompression_negotiation compares what large bodies are sent as with the vectors in testdata.
func TestCompression_negotiation(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		large := strings.Repeat("x", 2000)
		for _, line := range append(lines(t, "testdata/accept-encoding.txt"), strings.Repeat(",;", 50_000)+" -> -") {
			accepted, want, _ := strings.Cut(line, " -> ")
			p.send(large)
			a := c.do("GET", c.query, "", "Accept-Encoding: "+accepted)
			if got := a.header.Get("Content-Encoding"); got != strings.TrimPrefix(want, "-") || a.decoded(t) != "4"+large {
				t.Errorf("%.50q: %q, want %q", accepted, got, want)
			}
			if _, counted := a.header["Content-Length"]; counted != (want == "-") {
				t.Errorf("%.50q: Content-Length %q", accepted, a.header.Get("Content-Length"))
			}
		}
		p.send(large)
		if a := c.do("GET", c.query, "", "Accept-Encoding: br", "Accept-Encoding: gzip"); a.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("two headers: %v", a.header)
		}
		p.send(large)
		c.gets("4" + large) // no header
	})
}

// TestCompression covers what is compressed of a session that accepts it.
func TestCompression(t *testing.T) {
	// With the type of its packet, a text is one byte longer.
	large, small := strings.Repeat("x", 1023), strings.Repeat("x", 1022)
	text := func(data string) engineio.Message { return engineio.Message{Data: []byte(data)} }
	plain := engineio.Message{Data: []byte(large), NoCompress: true}
	never := engineio.Options{NoHTTPCompression: true, HTTPCompressionThreshold: 1}
	cases := []struct {
		name     string
		options  engineio.Options
		messages []engineio.Message
		want     bool
	}{
		{"at the threshold", engineio.Options{}, []engineio.Message{text(large)}, true},
		{"below", engineio.Options{}, []engineio.Message{text(small)}, false},
		{"together", engineio.Options{}, []engineio.Message{text(small[:512]), text(small[:511])}, true},
		{"not wanted", engineio.Options{}, []engineio.Message{plain}, false},
		{"not wanted by any", engineio.Options{}, []engineio.Message{plain, plain}, false},
		{"wanted by one", engineio.Options{}, []engineio.Message{plain, text("a")}, true},
		{"another threshold", engineio.Options{HTTPCompressionThreshold: 100}, []engineio.Message{text(small[:99])}, true},
		{"below another", engineio.Options{HTTPCompressionThreshold: 100}, []engineio.Message{text(small[:98])}, false},
		{"no threshold", engineio.Options{HTTPCompressionThreshold: -1}, []engineio.Message{text(small[:60])}, true},
		{"larger than before", engineio.Options{HTTPCompressionThreshold: -1}, []engineio.Message{text("a")}, false},
		{"turned off", never, []engineio.Message{text(large)}, false},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			inFrames(t, func(t *testing.T, n *network) {
				r := start(t, n, setup{options: test.options})
				c, p := r.poll()
				group := engineio.Prepare(test.messages...)
				var parts []string
				for _, m := range test.messages {
					parts = append(parts, "4"+string(m.Data))
				}
				for name, send := range map[string]func() error{
					"alone":    func() error { return p.Send(test.messages...) },
					"prepared": func() error { return p.SendPrepared(group, false) },
				} {
					if err := send(); err != nil {
						t.Fatal(err)
					}
					a := c.do("GET", c.query, "", "Accept-Encoding: gzip")
					if got := a.header.Get("Content-Encoding") != ""; got != test.want || a.decoded(t) != strings.Join(parts, "\x1e") {
						t.Errorf("%s: compressed %v, want %v", name, got, test.want)
					}
				}
			})
		})
	}
}

// TestCompression_networks holds a poll and answers it with a large body that is compressed.
func TestCompression_networks(t *testing.T) {
	eachFramed(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		large := strings.Repeat("0123456789", 100_000)
		held := make(chan answer, 1)
		go func() {
			a, _ := c.try("GET", c.query, "", "Accept-Encoding: gzip, deflate")
			held <- a
		}()
		eventually(t, n.patience, "the poll", func() bool { return r.engine.HoldsPoll(c.SID) })
		p.send(large)
		if a := receive(t, n.patience, "the held poll", held); a.decoded(t) != "4"+large || len(a.body) > len(large)/10 {
			t.Errorf("%d bytes, %v", len(a.body), a.header)
		}
		c.posts("4hello")
		p.wants("hello")
		p.Abort(engineio.ForcedClose, nil) // Shutdown would wait for its poll
	})
}

// TestCompression_1_0 answers a client that knows no chunks.
func TestCompression_1_0(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		p.send(strings.Repeat("x", 2000))
		raw := r.raw()
		raw.write("GET /engine.io/" + c.query + " HTTP/1.0\r\nHost: parley.test\r\nAccept-Encoding: gzip\r\n\r\n")
		response := raw.response()
		data, err := io.ReadAll(response.Body)
		if err != nil || len(response.TransferEncoding) > 0 {
			t.Fatal(err, response.TransferEncoding)
		}
		if got := (answer{response.StatusCode, response.Header, string(data)}).decoded(t); len(got) != 2001 {
			t.Errorf("got %d bytes", len(got))
		}
	})
}

// TestCompression_errors: an answer that is not a payload is never compressed, however long.
func TestCompression_errors(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		long := strings.Repeat("no ", 1000)
		r := start(t, n, setup{options: engineio.Options{
			HTTPCompressionThreshold: -1,
			AllowRequest: func(r *http.Request) error {
				if r.Header.Get("Refuse") != "" {
					return &engineio.ConnectionError{Message: long}
				}
				return nil
			},
		}})
		c, _ := r.poll()
		for _, a := range []answer{
			r.do("GET", "?EIO=4&transport=polling", "", "Accept-Encoding: gzip", "Refuse: yes"),
			r.do("GET", "?EIO=4&transport=polling&sid=x", "", "Accept-Encoding: gzip"),
			r.do("POST", c.query, "4a", "Accept-Encoding: gzip"),
		} {
			if a.header.Get("Content-Encoding") != "" || a.body == "" {
				t.Errorf("%d %v", a.status, a.header)
			}
		}
	})
}

// BenchmarkCompression measures bodies of polls: sent as they are, and compressed.
func BenchmarkCompression(b *testing.B) {
	body := []byte("4" + strings.Repeat(`["news",{"id":123456,"text":"hello there, how are you?"}],`, 80))
	for _, coding := range []string{"identity", "gzip", "deflate"} {
		b.Run(coding, func(b *testing.B) {
			r := start(b, tcp(b), setup{})
			c, p := r.poll()
			message := engineio.Message{Data: bytes.Clone(body[1:])}
			b.ReportAllocs()
			for b.Loop() {
				p.Send(message)
				if a := c.do("GET", c.query, "", "Accept-Encoding: "+coding); a.status != 200 {
					b.Fatal(a.status)
				}
			}
		})
	}
}
