package load

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h histogram
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(3*time.Millisecond))
		all = append(all, d)
		h.add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.99, 0.999, 1} {
		want := all[min(int(q*float64(len(all))), len(all)-1)]
		if got := h.quantile(q); got < want-want/32-time.Microsecond || got > want+want/32+time.Microsecond {
			t.Errorf("quantile %v is %v, want %v within 1/32", q, got, want)
		}
	}
	h.reset()
	h.add(-time.Second)
	h.add(100 * 24 * time.Hour) // beyond the last bucket
	if low, high := h.quantile(0), h.quantile(1); low != 0 || high < 10*time.Hour {
		t.Errorf("the extremes are %v and %v", low, high)
	}
}

func TestClientFrame(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 1<<16 - 1, 1 << 16} {
		text := strings.Repeat("aé", n)[:n]
		frame := clientFrame(text)
		head := map[bool]int{true: 2}[n < 126]
		if head == 0 {
			head = map[bool]int{true: 4, false: 10}[n < 1<<16]
		}
		if frame[0] != 0x81 || frame[1]&0x80 == 0 || len(frame) != head+4+n {
			t.Fatalf("a frame of %d bytes has %d, and begins with %x", n, len(frame), frame[:2])
		}
		payload := slices.Clone(frame[head+4:])
		for i := range payload {
			payload[i] ^= frame[head+i%4]
		}
		if string(payload) != text {
			t.Errorf("a frame of %d bytes carries something else", n)
		}
	}
}

func TestParseFrame(t *testing.T) {
	for name, head := range map[string][]byte{
		"short": {0x81, 5}, "medium": {0x81, 126, 0, 5}, "long": {0x81, 127, 0, 0, 0, 0, 0, 0, 0, 5},
	} {
		t.Run(name, func(t *testing.T) {
			frame := append(head, "hello"...)
			for n := range len(frame) {
				if _, _, size := parseFrame(frame[:n]); size != 0 {
					t.Fatalf("%d of %d bytes are a frame", n, len(frame))
				}
			}
			opcode, payload, size := parseFrame(append(frame, "more"...))
			if opcode != 1 || string(payload) != "hello" || size != len(frame) {
				t.Errorf("got opcode %d, %q, size %d", opcode, payload, size)
			}
		})
	}
	if opcode, payload, size := parseFrame([]byte{0x88, 0}); opcode != 8 || len(payload) != 0 || size != 2 {
		t.Errorf("an empty close frame is opcode %d, %q, size %d", opcode, payload, size)
	}
}

func TestParseResponse(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		status int
		body   string
		rest   string // that is not part of it
		fails  bool
	}{
		"with a body":    {"HTTP/1.1 200 OK\r\nA: b\r\ncontent-length:  2 \r\n\r\nok", 200, "ok", "HTTP/1.1 200", false},
		"without one":    {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 400, "", "x", false},
		"an upgrade":     {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 101, "", "\x81\x01x", false},
		"of no length":   {"HTTP/1.1 200 OK\r\n\r\n", 0, "", "", true},
		"of bad length":  {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 0, "", "", true},
		"of bad status":  {"HTTP/1.1 abc\r\n\r\n", 0, "", "", true},
		"not HTTP":       {"SSH-2.0-OpenSSH_9.6\r\n\r\n", 0, "", "", true},
		"short nonsense": {"\r\n\r\n", 0, "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 0; n < len(c.text) && !c.fails; n++ {
				if _, _, size, err := parseResponse([]byte(c.text[:n])); size != 0 || err != nil {
					t.Fatalf("%d of %d bytes are an answer of size %d, error %v", n, len(c.text), size, err)
				}
			}
			status, body, size, err := parseResponse([]byte(c.text + c.rest))
			if c.fails {
				if err == nil {
					t.Errorf("got status %d, size %d, and no error", status, size)
				}
				return
			}
			if err != nil || status != c.status || string(body) != c.body || size != len(c.text) {
				t.Errorf("got status %d, body %q, size %d, error %v", status, body, size, err)
			}
		})
	}
}

func TestParseTarget(t *testing.T) {
	for url, want := range map[string]target{
		"http://localhost":            {"localhost", "localhost:80", "/socket.io/", false},
		"https://a.example":           {"a.example", "a.example:443", "/socket.io/", true},
		"ws://a.example:81/":          {"a.example:81", "a.example:81", "/socket.io/", false},
		"wss://[::1]:81/x/socket.io/": {"[::1]:81", "[::1]:81", "/x/socket.io/", true},
	} {
		if got, err := parseTarget(url); err != nil || got != want {
			t.Errorf("%s is %+v, error %v", url, got, err)
		}
	}
	for _, url := range []string{"", "localhost:3000", "ftp://localhost", "http://", "http://a b"} {
		if got, err := parseTarget(url); err == nil {
			t.Errorf("%q is %+v", url, got)
		}
	}
}

func TestRequests(t *testing.T) {
	secure := target{"h:1", "h:1", "/p/", true}
	for name, request := range map[string][]byte{
		"upgrade": secure.upgradeRequest(), "get": secure.getRequest("s"), "post": secure.postRequest("s", "40"),
	} {
		head, body, found := bytes.Cut(request, []byte("\r\n\r\n"))
		if !found || !bytes.Contains(head, []byte("\r\nHost: h:1\r\n")) || bytes.Count(head, []byte("\r\n")) < 12 {
			t.Errorf("%s is %q", name, request)
		}
		if name == "post" && string(body) != "40" || name != "post" && len(body) > 0 {
			t.Errorf("%s has the body %q", name, body)
		}
	}
}
