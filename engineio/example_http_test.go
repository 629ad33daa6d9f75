package engineio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/parleyio/parley/engineio"
)

func newEcho(opts *engineio.Options) *engineio.Server {
	engine, err := engineio.New(func(s *engineio.Session) engineio.Handler { return echo{s, nil} }, opts)
	if err != nil {
		panic(err)
	}
	return engine
}

// A middleware sees every request, whatever its transport, before the protocol does.
func ExampleServer_Use() {
	engine := newEcho(nil)
	engine.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				engine.Reject(w, r, errors.New("no token"))
				return
			}
			w.Header().Set("X-Served-By", "one")
			next.ServeHTTP(w, r)
		})
	})
	for _, token := range []string{"guess", "secret"} {
		r := httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("X-Served-By") != "")
	}
	// Output:
	// 400 false
	// 200 true
}

// A cookie for a proxy that keeps each client on one server.
func ExampleCookie() {
	engine := newEcho(&engineio.Options{
		Cookie:     &engineio.Cookie{Name: "sticky", MaxAge: time.Hour, Secure: true},
		GenerateID: func(*http.Request) (string, error) { return "not-to-be-guessed", nil },
	})
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil))
	fmt.Println(w.Header().Get("Set-Cookie"))
	// Output: sticky=not-to-be-guessed; Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax
}

// Websocket messages are compressed for clients that offer it.
func ExampleDeflate() {
	engine := newEcho(&engineio.Options{PerMessageDeflate: &engineio.Deflate{Threshold: 512}})
	server := httptest.NewServer(engine)
	defer server.Close()
	defer engine.Shutdown(context.Background())

	r, _ := http.NewRequest("GET", server.URL+"/engine.io/?EIO=4&transport=websocket", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key":        "dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
	} {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println(response.StatusCode, response.Header.Get("Sec-WebSocket-Extensions"))
	// Output: 101 permessage-deflate; server_no_context_takeover; client_no_context_takeover
}

// Hooks add to the answers, and to what each session is told first.
func ExampleOptions() {
	engine := newEcho(&engineio.Options{
		InitialHeaders: func(h http.Header, r *http.Request) { h.Add("Set-Cookie", "seen=1") },
		Headers:        func(h http.Header, r *http.Request) { h.Set("X-Served-By", "one") },
		InitialPacket:  &engineio.Message{Data: []byte("welcome")},
	})
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil))
	body, _ := io.ReadAll(w.Body)
	_, welcome, _ := strings.Cut(string(body), "\x1e")
	fmt.Println(w.Header().Get("Set-Cookie"), w.Header().Get("X-Served-By"), welcome)
	// Output: seen=1 one 4welcome
}
