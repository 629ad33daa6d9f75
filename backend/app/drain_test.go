package app_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/backend/app"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

func TestApp_drains(t *testing.T) {
	r := start(t, &app.Settings{})
	session := r.connect(t)

	// A browser's spare connection, which never says anything.
	spare, err := net.Dial("tcp", r.host())
	if err != nil {
		t.Fatal(err)
	}
	defer spare.Close()

	polled, sent := make(chan string, 1), make(chan struct{})
	go func() {
		ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
			WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) },
		})
		request, _ := http.NewRequestWithContext(ctx, "GET", r.url+session, nil)
		response, err := client.Do(request)
		if err != nil {
			polled <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		polled <- string(text)
	}()
	<-sent
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Errorf("drain: %v", err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("drain took %s", took)
	}
	if text := <-polled; strings.HasPrefix(text, "41") {
		t.Errorf("the client was told %q, so it would not come back by itself", text)
	}
	if conn, err := net.Dial("tcp", r.host()); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
}

// stall sends the beginning of a request and keeps the connection open. It returns when the server has begun to read the
// body if expect is set.
func stall(t *testing.T, host, begin string, expect bool) {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, _ = io.WriteString(conn, begin)
	if !expect {
		return
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("server said %q, %v", line, err)
	}
	_, _ = io.WriteString(conn, "{")
}

// A client that stalls is cut, and that is no failure of the server.
func TestApp_drains_although_clients_stall(t *testing.T) {
	r := start(t, &app.Settings{})
	session := r.handshake(t)
	const header = " HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n"
	stall(t, r.host(), "POST /api/data"+header+"Content-Type: text/plain\r\n\r\n{", false) // is refused, and its body awaited
	stall(t, r.host(), "POST /socket.io/?EIO=4&transport=polling&sid=unknown"+header+"\r\n{", false)
	stall(t, r.host(), "GET /healthz HTTP/1.1\r\nHo", false)
	stall(t, r.host(), "POST "+session+header+"Expect: 100-continue\r\n\r\n", true)
	stall(t, r.host(), "POST /api/data"+header+"Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n", true)
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Errorf("drain: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("drain took %s", took)
	}
}

// While DrainWindow has not come to a client it is served; the others are told to go elsewhere.
func TestApp_drains_over_a_window(t *testing.T) {
	r := start(t, &app.Settings{ShutdownTimeout: 20 * time.Second, DrainWindow: 3 * time.Second})
	var sessions []string
	for range 8 {
		session := r.handshake(t)
		r.do(t, "POST", session, "40")
		r.do(t, "GET", session, "")
		sessions = append(sessions, session)
	}
	began, ended := time.Now(), make(chan time.Duration, len(sessions))
	for _, session := range sessions {
		go func() { // polls until it is told that the session is over
			for {
				request, _ := http.NewRequestWithContext(context.Background(), "GET", r.url+session, nil)
				response, err := client.Do(request)
				if err != nil {
					break
				}
				text, _ := io.ReadAll(response.Body)
				response.Body.Close()
				if response.StatusCode != 200 || string(text) == "1" || strings.HasSuffix(string(text), "\x1e1") {
					break
				}
			}
			ended <- time.Since(began)
		}()
	}
	if err := r.stop(); err != nil {
		t.Errorf("drain: %v", err)
	}
	first, last := time.Hour, time.Duration(0)
	for range sessions {
		at := <-ended
		first, last = min(first, at), max(last, at)
	}
	// Eight shares of 375 ms: the last client goes in the last one.
	if last-first < time.Second {
		t.Errorf("the first client was closed after %s, the last after %s", first, last)
	}
}

// What has to be cut is named.
func TestApp_Close_names_what_is_late(t *testing.T) {
	r := start(t, &app.Settings{ShutdownTimeout: 400 * time.Millisecond})
	began, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	r.IO().On("wait", func(context.Context, *socketio.Socket, *event.Message) error {
		defer close(ended)
		close(began)
		<-end
		return nil
	})
	session := r.connect(t)
	r.do(t, "POST", session, `42["wait"]`)
	<-began
	err := r.stop()
	var late *app.LateError
	if !errors.As(err, &late) || !strings.Contains(late.What, "events were still being handled") {
		t.Errorf("Run = %v, want a LateError about events", err)
	}
	close(end)
	<-ended
}
