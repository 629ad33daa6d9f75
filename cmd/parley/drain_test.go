package main

import (
	"bufio"
	"context"
	"database/sql"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestServe_drains(t *testing.T) {
	r := start(t)
	session := r.connect(t)

	// A browser's spare connection, which never says anything.
	spare, err := net.Dial("tcp", r.host)
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
	if conn, err := net.Dial("tcp", r.host); err == nil {
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
func TestServe_drains_although_clients_stall(t *testing.T) {
	r := start(t)
	session := "/socket.io/?EIO=4&transport=polling&sid=" + r.handshake(t, "/socket.io/").SID
	const header = " HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n"
	stall(t, r.host, "POST /api/data"+header+"Content-Type: text/plain\r\n\r\n{", false) // is refused, and its body awaited
	stall(t, r.host, "POST /socket.io/?EIO=4&transport=polling&sid=unknown"+header+"\r\n{", false)
	stall(t, r.host, "GET /healthz HTTP/1.1\r\nHo", false)
	stall(t, r.host, "POST "+session+header+"Expect: 100-continue\r\n\r\n", true)
	stall(t, r.host, "POST /api/data"+header+"Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n", true)
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Errorf("drain: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("drain took %s", took)
	}
}

// While --drain-window has not come to a client it is served; the others are told to go elsewhere.
func TestServe_drains_over_a_window(t *testing.T) {
	r := start(t, "--shutdown-timeout=20s", "--drain-window=3s")
	var sessions []string
	for range 8 {
		session := "/socket.io/?EIO=4&transport=polling&sid=" + r.handshake(t, "/socket.io/").SID
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
		t.Errorf("the first client was let go of after %s, the last after %s", first, last)
	}
}

// locked is a server whose database another process does not let it write, with chat messages that wait for that.
type locked struct {
	*running
	database *sql.DB
}

func startLocked(t *testing.T, messages int, args ...string) *locked {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley.db")
	l := &locked{running: start(t, append(args, "--database="+path)...)}
	session := l.connect(t)
	l.do(t, "POST", session, `420["join-room","r"]`)
	for joined := ""; !strings.Contains(joined, "43"); {
		joined = l.poll(t, session)
	}
	var err error
	if l.database, err = sql.Open("sqlite", path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.database.Close() })
	l.database.SetMaxOpenConns(1)
	l.exec(t, `BEGIN IMMEDIATE`)
	for range messages {
		l.do(t, "POST", session, `42["chat-message",{"roomId":"r","text":"x"}]`)
	}
	return l
}

func (l *locked) exec(t *testing.T, statement string) {
	if _, err := l.database.Exec(statement); err != nil {
		t.Error(err)
	}
}

func (l *locked) saved(t *testing.T) (n int) {
	t.Helper()
	if err := l.database.QueryRow(`SELECT count(*) FROM messages`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestServe_drains_while_the_database_is_locked(t *testing.T) {
	t.Run("nothing is to be saved", func(t *testing.T) {
		l := startLocked(t, 0, "--shutdown-timeout=2s")
		began := time.Now()
		if err := l.stop(); err != nil || time.Since(began) > 4*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		l.exec(t, `ROLLBACK`)
	})
	t.Run("for a moment", func(t *testing.T) {
		l := startLocked(t, 3)
		time.AfterFunc(200*time.Millisecond, func() { l.exec(t, `ROLLBACK`) })
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		if n := l.saved(t); n != 3 {
			t.Errorf("%d messages are saved, want 3", n)
		}
	})
	t.Run("for too long", func(t *testing.T) {
		l := startLocked(t, 3, "--shutdown-timeout=1s")
		began := time.Now()
		err := l.stop()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("drain took %s", took)
		}
		if err == nil || exitCode(err) != 1 || !strings.Contains(err.Error(), "--shutdown-timeout 1s") ||
			!strings.Contains(err.Error(), "events were still being handled") || !strings.Contains(err.Error(), "database") ||
			strings.Contains(err.Error(), "HTTP") {
			t.Errorf("run = %v (exit code %d), want exit code 1 and what was cut", err, exitCode(err))
		}
		l.exec(t, `ROLLBACK`)
	})
}

func TestServe_is_not_ready_while_it_drains(t *testing.T) {
	l := startLocked(t, 1)
	drained := make(chan error, 1)
	go func() { drained <- l.stop() }()
	for drains := false; !drains; {
		response, text := l.do(t, "GET", "/readyz", "") // until the drain begins, the lock keeps it waiting
		drains = response.StatusCode == 503 && strings.Contains(text, "shutting down")
	}
	if response, _ := l.do(t, "GET", "/healthz", ""); response.StatusCode != 200 {
		t.Errorf("/healthz = %d during the drain, want 200", response.StatusCode)
	}
	l.exec(t, `ROLLBACK`)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if n := l.saved(t); n != 1 {
		t.Errorf("%d messages are saved, want 1", n)
	}
}
