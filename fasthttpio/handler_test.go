package fasthttpio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/parleyio/parley/fasthttpio"
)

// TestHandler_request: a handler sees of a request what it would see in net/http.
func TestHandler_request(t *testing.T) {
	requests := make(chan *http.Request, 1)
	r := start(t, func(_ http.ResponseWriter, r *http.Request) { requests <- r })
	c := r.conn()
	c.say("GET /a/b%%20c?x=1&x=2 HTTP/1.1\r\nHost: parley.test:81\r\nUser-Agent: tester\r\nCookie: a=1; b=2\r\n" +
		"x-two: 1\r\nX-Two: 2\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nContent-Type: text/plain\r\n\r\n")
	c.answers(200, "")
	got := receive(t, "request", requests)
	if got.Method != "GET" || got.URL.Path != "/a/b c" || got.URL.RawQuery != "x=1&x=2" || got.RequestURI != "/a/b%20c?x=1&x=2" ||
		got.Host != "parley.test:81" || !got.ProtoAtLeast(1, 1) || got.RemoteAddr != c.LocalAddr().String() || got.TLS != nil ||
		got.ContentLength != 0 || got.Body != http.NoBody {
		t.Errorf("the request is %+v", got)
	}
	want := http.Header{"User-Agent": {"tester"}, "Cookie": {"a=1; b=2"}, "X-Two": {"1", "2"},
		"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"websocket"}, "Content-Type": {"text/plain"}}
	if fmt.Sprint(got.Header) != fmt.Sprint(want) {
		t.Errorf("headers %v, want %v", got.Header, want)
	}
	if addr, ok := got.Context().Value(http.LocalAddrContextKey).(net.Addr); !ok || addr.String() != c.RemoteAddr().String() {
		t.Errorf("the local address is %v", addr)
	}

	c.say("GET http://other.test/p HTTP/1.1\r\nHost: parley.test\r\n\r\n")
	c.answers(200, "")
	if got := receive(t, "request", requests); got.Host != "other.test" || got.URL.Path != "/p" {
		t.Errorf("a proxy's request is %+v", got)
	}
	c.say("GET /1.0 HTTP/1.0\r\n\r\n")
	c.answers(200, "")
	if got := receive(t, "request", requests); got.ProtoAtLeast(1, 1) || got.Host != "" {
		t.Errorf("a request of HTTP/1.0 is %+v", got)
	}
	c.ends()
}

// TestHandler_values: a request's context has the user values, also when fasthttp has forgotten them.
func TestHandler_values(t *testing.T) {
	contexts := make(chan context.Context, 1)
	r := start(t, func(_ http.ResponseWriter, r *http.Request) { contexts <- r.Context() }, func(s *fasthttp.Server) {
		inner := s.Handler
		s.Handler = func(ctx *fasthttp.RequestCtx) {
			ctx.SetUserValue("user", "bob")
			inner(ctx)
		}
	})
	c := r.conn()
	for range 2 {
		c.get("/")
		c.answers(200, "")
		ctx := receive(t, "context", contexts)
		if ctx.Value("user") != "bob" || ctx.Value("other") != nil {
			t.Errorf("the user is %v", ctx.Value("user"))
		}
		if context.Cause(ctx) == nil {
			t.Error("the context lives on behind the answer")
		}
	}
}

// TestHandler_answers: answers are as in net/http, and the connection stays.
func TestHandler_answers(t *testing.T) {
	long := strings.Repeat("0123456789", 100_000)
	handlers := map[string]http.HandlerFunc{
		"/empty":   func(http.ResponseWriter, *http.Request) {},
		"/text":    func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "te"); io.WriteString(w, "xt") },
		"/html":    func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"/teapot":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418); w.WriteHeader(200) },
		"/nothing": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"/no body": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(304)
			if _, err := io.WriteString(w, "x"); err != http.ErrBodyNotAllowed {
				panic(err)
			}
		},
		"/headers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-One", "1")
			w.Header()["X-Many"] = []string{"a", "b"}
			w.Header()["X-None"] = nil
			w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
			http.SetCookie(w, &http.Cookie{Name: "io", Value: "1", Path: "/", HttpOnly: true})
			http.SetCookie(w, &http.Cookie{Name: "other", Value: "2"})
			w.WriteHeader(200)
			w.Header().Set("X-Late", "1")
		},
		"/long": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, long) },
		"/long, announced": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(long)))
			for i := range 10 {
				io.WriteString(w, long[i*100_000:(i+1)*100_000])
			}
		},
	}
	r := start(t, func(w http.ResponseWriter, r *http.Request) { handlers[r.URL.Path](w, r) })
	c := r.conn()
	for _, test := range []struct {
		path   string
		status int
		body   string
		check  func(r *http.Response) bool
	}{
		{"/empty", 200, "", func(r *http.Response) bool { return r.ContentLength == 0 && r.Header.Get("Content-Type") == "" }},
		{"/text", 200, "text", func(r *http.Response) bool {
			return r.ContentLength == 4 && r.Header.Get("Content-Type") == "text/plain; charset=utf-8"
		}},
		{"/html", 200, "<html>", func(r *http.Response) bool { return r.Header.Get("Content-Type") == "text/html; charset=utf-8" }},
		{"/teapot", 418, "", nil},
		{"/nothing", 204, "", func(r *http.Response) bool { return r.Header.Get("Content-Type") == "" }},
		{"/no body", 304, "", nil},
		{"/headers", 200, "", func(r *http.Response) bool {
			_, none := r.Header["X-None"]
			return r.Header.Get("X-One") == "1" && fmt.Sprint(r.Header["X-Many"]) == "[a b]" && !none && r.Header.Get("X-Late") == "" &&
				r.Header.Get("Content-Type") == "text/plain; charset=UTF-8" &&
				fmt.Sprint(r.Header["Set-Cookie"]) == "[io=1; Path=/; HttpOnly other=2]"
		}},
		{"/long", 200, long, func(r *http.Response) bool { return r.ContentLength == -1 }},
		{"/long, announced", 200, long, func(r *http.Response) bool { return r.ContentLength == 1_000_000 }},
	} {
		c.get(strings.ReplaceAll(test.path, " ", "%20"))
		if response := c.answers(test.status, test.body); test.check != nil && !test.check(response) {
			t.Errorf("%s: %+v", test.path, response)
		}
	}
	for _, path := range []string{"/text", "/long,%20announced"} {
		response, err := r.http.Head("http://parley.test" + path)
		if err != nil || response.StatusCode != 200 || path != "/text" && response.ContentLength != 1_000_000 {
			t.Errorf("HEAD %s: %+v, %v", path, response, err)
		}
	}
}

// TestHandler_flush: what is flushed arrives while the handler runs.
func TestHandler_flush(t *testing.T) {
	next := make(chan bool)
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "6")
		io.WriteString(w, "one")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-next
		io.WriteString(w, "two")
		<-next
	})
	c := r.conn()
	c.get("/")
	response := c.answer()
	for _, want := range []string{"one", "two"} {
		part := make([]byte, 3)
		if _, err := io.ReadFull(response.Body, part); err != nil || string(part) != want {
			t.Fatalf("got %q, %v", part, err)
		}
		next <- true
	}
	if rest, err := io.ReadAll(response.Body); len(rest) > 0 || err != nil {
		t.Errorf("rest %q, %v", rest, err)
	}
	go func() { next <- true; next <- true }()
	c.get("/")
	c.answers(200, "onetwo")
}

// TestHandler_body: a body is read as it arrives, and can be bounded.
func TestHandler_body(t *testing.T) {
	parts := make(chan string)
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/parts" {
			for part := make([]byte, 10_000); ; {
				n, err := io.ReadFull(r.Body, part)
				parts <- fmt.Sprint(n, " ", r.ContentLength, " ", err)
				if err != nil {
					return
				}
			}
		}
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1000))
		fmt.Fprint(w, len(data), " ", err)
	})
	ten := strings.Repeat("x", 10_000)

	t.Run("announced", func(t *testing.T) {
		c := r.conn()
		c.say("POST /parts HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 20000\r\n\r\n%s", ten)
		if got := receive(t, "part", parts); got != "10000 20000 <nil>" {
			t.Error(got)
		}
		c.say("%s", ten)
		if got := receive(t, "part", parts) + ", " + receive(t, "part", parts); got != "10000 20000 <nil>, 0 20000 EOF" {
			t.Error(got)
		}
		c.answers(200, "")
	})
	t.Run("chunks", func(t *testing.T) {
		c := r.conn()
		c.say("POST /parts HTTP/1.1\r\nHost: parley.test\r\nTransfer-Encoding: chunked\r\n\r\n2710\r\n%s\r\n", ten)
		if got := receive(t, "part", parts); got != "10000 -1 <nil>" {
			t.Error(got)
		}
		c.say("1\r\nx\r\n0\r\n\r\n")
		if got := receive(t, "part", parts); got != "1 -1 unexpected EOF" {
			t.Error(got)
		}
		c.answers(200, "")
	})
	t.Run("bounded", func(t *testing.T) {
		c := r.conn()
		for _, body := range []string{"Content-Length: 1000\r\n\r\n" + ten[:1000], "Content-Length: 0\r\n\r\n"} {
			c.say("POST / HTTP/1.1\r\nHost: parley.test\r\n%s", body)
			c.answers(200, map[bool]string{true: "1000 <nil>", false: "0 <nil>"}[len(body) > 100])
		}
		c.say("POST / HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 10000\r\n\r\n%s", ten) // fasthttp reads the rest
		c.answers(200, "1000 http: request body too large")
		c.say("POST / HTTP/1.1\r\nHost: parley.test\r\nTransfer-Encoding: chunked\r\n\r\n2710\r\n%s\r\n", ten)
		c.answers(200, "1000 http: request body too large")
		c.ends()
	})
	t.Run("lost", func(t *testing.T) {
		c := r.conn()
		c.say("POST /parts HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 20000\r\n\r\n%s", ten)
		receive(t, "part", parts)
		c.Close()
		if got := receive(t, "part", parts); !strings.HasPrefix(got, "0 20000 ") || strings.HasSuffix(got, "<nil>") {
			t.Error(got)
		}
	})
}

// TestHandler_body_late: a body cannot be read when its request has been answered.
func TestHandler_body_late(t *testing.T) {
	bodies := make(chan io.Reader, 1)
	r := start(t, func(_ http.ResponseWriter, r *http.Request) { bodies <- r.Body })
	c := r.conn()
	c.say("POST / HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 5\r\n\r\nhello")
	c.answers(200, "")
	if n, err := receive(t, "body", bodies).Read(make([]byte, 5)); n != 0 || err != http.ErrBodyReadAfterClose {
		t.Errorf("read %d bytes, %v", n, err)
	}
	c.get("/")
	c.answers(200, "")
}

// TestHandler_buffered: without streaming bodies are there, and the log says what is missing, once.
func TestHandler_buffered(t *testing.T) {
	r := start(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }, func(s *fasthttp.Server) { s.StreamRequestBody = false })
	for range 2 {
		response, err := r.http.Post("http://parley.test/", "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(response.Body); string(got) != "hello" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if log := r.log.String(); strings.Count(log, "StreamRequestBody") != 1 {
		t.Errorf("the log has %q", log)
	}
}

// TestHandler_disconnect: a request's context ends with its client's connection, and not before.
func TestHandler_disconnect(t *testing.T) {
	for name, request := range map[string]string{
		"without a body":      "GET / HTTP/1.1\r\nHost: parley.test\r\n\r\n",
		"with a body":         "POST / HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 5\r\n\r\nhello",
		"with a body, chunks": "POST / HTTP/1.1\r\nHost: parley.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			eachNetwork(t, func(t *testing.T, start network) {
				held, release, ended := make(chan bool), make(chan bool), make(chan error, 1)
				r := start(t, func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body)
					held <- true
					select {
					case <-r.Context().Done():
						ended <- context.Cause(r.Context())
					case <-release:
						io.WriteString(w, "held")
					}
				}, func(s *fasthttp.Server) { s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = short, short, time.Minute })
				c := r.conn()
				for range 3 { // the connection is as it was, whatever happened to its deadlines
					c.say("%s", request)
					receive(t, "request", held)
					<-time.After(2 * short) // the server's own timeouts do not hold
					release <- true
					c.answers(200, "held")
				}
				c.say("%s", request)
				receive(t, "request", held)
				c.Close()
				if err := receive(t, "end of the context", ended); err != fasthttpio.ErrDisconnected {
					t.Errorf("the cause is %v", err)
				}
			})
		})
	}
}

// TestHandler_ahead: a request that comes before the answer to another one ends its connection, behind the answer.
func TestHandler_ahead(t *testing.T) {
	eachNetwork(t, func(t *testing.T, start network) {
		held, release := make(chan bool), make(chan bool)
		r := start(t, func(w http.ResponseWriter, r *http.Request) {
			held <- true
			<-release
			io.WriteString(w, r.URL.Path)
		})
		c := r.conn()
		c.get("/first")
		receive(t, "request", held)
		c.get("/second")
		<-time.After(short)
		release <- true
		if response := c.answers(200, "/first"); !response.Close {
			t.Error("the client is not told")
		}
		c.ends()
	})
}

// TestHandler_deadlines: reading and writing end in time, and the next request is not concerned.
func TestHandler_deadlines(t *testing.T) {
	results := make(chan error, 1)
	handler := func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		switch r.URL.Path {
		case "/read":
			rc.SetReadDeadline(time.Now().Add(short))
			_, err := io.Copy(io.Discard, r.Body)
			results <- err
		case "/write", "/last":
			if r.URL.Path == "/last" {
				w.Header().Set("Connection", "close")
			}
			rc.SetWriteDeadline(time.Now().Add(short))
			var err error
			for piece := make([]byte, 1<<20); err == nil; {
				_, err = w.Write(piece)
			}
			results <- err
		case "/set":
			rc.SetReadDeadline(time.Now().Add(short))
			rc.SetWriteDeadline(time.Now().Add(short))
		case "/both":
			rc.SetReadDeadline(time.Now().Add(short))
			rc.SetWriteDeadline(time.Now().Add(short))
			io.Copy(io.Discard, r.Body)
			w.Write(make([]byte, 100_000))
		default:
			<-time.After(2 * short)
			w.Write(make([]byte, 100_000))
		}
	}
	for name, test := range map[string]func(c *conn){
		"a body that does not come": func(c *conn) {
			c.say("POST /read HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 20000\r\n\r\n%s", strings.Repeat("x", 10_000))
			if err := receive(c.t, "end of the body", results); !errors.Is(err, os.ErrDeadlineExceeded) {
				c.t.Errorf("got %v", err)
			}
			c.answers(200, "")
			c.ends()
		},
		"an answer that is not read": func(c *conn) {
			c.get("/write")
			if err := receive(c.t, "end of the answer", results); !errors.Is(err, os.ErrDeadlineExceeded) {
				c.t.Errorf("got %v", err)
			}
		},
		"the last answer, which is not read": func(c *conn) {
			c.get("/last")
			if err := receive(c.t, "end of the answer", results); !errors.Is(err, os.ErrDeadlineExceeded) {
				c.t.Errorf("got %v", err)
			}
		},
		"the next requests": func(c *conn) {
			for range 2 {
				c.say("POST /set HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 5\r\n\r\nhello")
				c.answers(200, "")
				<-time.After(2 * short)
				c.say("POST /both HTTP/1.1\r\nHost: parley.test\r\nContent-Length: 5\r\n\r\nhello")
				c.answers(200, string(make([]byte, 100_000)))
				c.get("/")
				c.answers(200, string(make([]byte, 100_000)))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachNetwork(t, func(t *testing.T, start network) {
				results = make(chan error, 1)
				test(start(t, handler).conn())
			})
		})
	}
}

// TestHandler_refused: a client that is sending a large body reads the answer that ends its connection.
func TestHandler_refused(t *testing.T) {
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/close" {
			w.Header().Set("Connection", "close")
		}
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	})
	for path, size := range map[string]int{"/close": 200_000, "/": 400_000} { // fasthttp does not read so much as the second
		c := r.conn()
		go fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: parley.test\r\nContent-Length: %d\r\n\r\n%s", path, size, strings.Repeat("x", size))
		response := c.answers(413, "too large\n")
		if !response.Close {
			t.Errorf("%s: the client is not told", path)
		}
		if _, err := c.in.ReadByte(); err != io.EOF && size < 256<<10 {
			t.Errorf("%s: the connection ends with %v", path, err)
		}
	}
}

// TestHandler_panics: a panic ends a request and nothing else.
func TestHandler_panics(t *testing.T) {
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/before":
			io.WriteString(w, "never sent")
			panic("oh no")
		case "/within":
			w.Header().Set("Content-Length", "200000")
			w.Write(make([]byte, 100_000))
			panic("oh no")
		case "/abort":
			panic(http.ErrAbortHandler)
		}
	})
	c := r.conn()
	c.get("/before")
	c.answers(500, "")
	c.ends()
	c = r.conn()
	c.get("/within")
	if n, err := io.Copy(io.Discard, c.answer().Body); n != 100_000 || err == nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	r.logs("path=/within")
	r.logs("path=/within")
	if log := r.log.String(); strings.Count(log, "panic in an HTTP handler") != 2 || !strings.Contains(log, "handler_test.go") {
		t.Errorf("the log has %q", log)
	}
	c = r.conn()
	c.get("/abort")
	c.ends()
	if log := r.log.String(); strings.Contains(log, "/abort") {
		t.Error("the log has a panic that is to abort")
	}
	c = r.conn()
	c.get("/")
	c.answers(200, "")
}

func ExampleHandler() {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	server := &fasthttp.Server{
		Handler:           fasthttpio.Handler(hello, nil),
		StreamRequestBody: true,
		ReadTimeout:       10 * time.Second,
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go server.Serve(l)
	defer server.Shutdown()
	response, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	fmt.Println(string(body))
	// Output: hello
}
