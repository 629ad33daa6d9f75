package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/internal/testing/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// client keeps no connection open, so that what a test sees does not hang on another's. It follows no redirect: Socket.IO
// clients do not.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// running is a `parley serve` in this process.
type running struct {
	url  string
	host string
	stop func() error // ends it as a signal would and returns what run returned
}

// start runs the program on a free port and a database of its own, and stops it with the test.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	return startLogging(t, t.Output(), args...)
}

// startLogging is start with a log of its own.
func startLogging(t *testing.T, log io.Writer, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout, writer := io.Pipe()
	done := make(chan error, 1)
	all := append([]string{"serve", "--listen=127.0.0.1:0", "--database=" + filepath.Join(t.TempDir(), "parley.db"), "--log-level=warn"}, args...)
	go func() {
		err := run(ctx, all, nil, writer, log)
		_ = writer.CloseWithError(err)
		done <- err
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		cancel()
		t.Fatalf("server said %q, then %v", line, err)
	}
	r := &running{url: strings.TrimSpace(strings.TrimPrefix(line, "parley: listening on "))}
	r.host = strings.TrimPrefix(r.url, "http://")
	stopped, result := false, error(nil)
	r.stop = func() error {
		if !stopped {
			cancel()
			stopped, result = true, <-done
		}
		return result
	}
	t.Cleanup(func() { _ = r.stop() })
	return r
}

// do sends a request, with headers in pairs, and returns the answer with its body read.
func (r *running) do(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// handshake opens an Engine.IO session and returns what the server tells about it.
func (r *running) handshake(t *testing.T, path string) (open struct {
	SID                                   string
	PingInterval, PingTimeout, MaxPayload int
}) {
	t.Helper()
	response, text := r.do(t, "GET", path+"?EIO=4&transport=polling", "")
	if response.StatusCode != 200 || !strings.HasPrefix(text, "0{") {
		t.Fatalf("%s: status %d, %q", path, response.StatusCode, text)
	}
	if err := json.Unmarshal([]byte(text[1:]), &open); err != nil {
		t.Fatal(err)
	}
	return open
}

// poll gets what the server has for a session, or waits for it. A session that is over ends the test.
func (r *running) poll(t *testing.T, session string) string {
	t.Helper()
	response, text := r.do(t, "GET", session, "")
	if response.StatusCode != 200 {
		t.Fatalf("polling: status %d, %q", response.StatusCode, text)
	}
	return text
}

// connect joins the namespace "/" and returns the path of the session. The client may send nothing before it has joined.
func (r *running) connect(t *testing.T) (session string) {
	t.Helper()
	session = "/socket.io/?EIO=4&transport=polling&sid=" + r.handshake(t, "/socket.io/").SID
	r.do(t, "POST", session, "40")
	if text := r.poll(t, session); !strings.HasPrefix(text, `40{"sid":`) {
		t.Fatalf("joining: %q", text)
	}
	return session
}

func TestServe_settings_reach_their_parts(t *testing.T) {
	r := start(t, "--ping-interval=7s", "--ping-timeout=3s", "--max-payload=2000", "--cors-origin=https://app.example", "--cors-credentials")
	if open := r.handshake(t, "/socket.io/"); open.PingInterval != 7000 || open.PingTimeout != 3000 || open.MaxPayload != 2000 {
		t.Errorf("handshake = %+v", open)
	}
	large := `{"key":"k","value":"` + strings.Repeat("x", 2000) + `"}`
	if response, _ := r.do(t, "POST", "/api/data", large, "Content-Type", "application/json"); response.StatusCode != 413 {
		t.Errorf("a body above --max-payload: status %d", response.StatusCode)
	}
	// One setting, the same answer on both sides.
	for origin, allowed := range map[string]bool{"https://app.example": true, r.url: true, "https://evil.example": false} {
		for _, path := range []string{"/socket.io/?EIO=4&transport=polling", "/api/data", "/notify"} {
			response, _ := r.do(t, "GET", path, "", "Origin", origin)
			h := response.Header
			if allowed && (response.StatusCode != 200 || h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Allow-Credentials") != "true") ||
				!allowed && (response.StatusCode != 403 || h.Get("Access-Control-Allow-Origin") != "") {
				t.Errorf("%s from %s: status %d, headers %v", path, origin, response.StatusCode, h)
			}
		}
	}
}

func TestServe_limits_connections(t *testing.T) {
	r := start(t, "--max-connections=4", "--max-connections-per-ip=2", "--trusted-proxy=127.0.0.1")
	open := func(client string) int {
		response, _ := r.do(t, "GET", "/socket.io/?EIO=4&transport=polling", "", "X-Forwarded-For", client)
		if response.StatusCode == 503 && response.Header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
		return response.StatusCode
	}
	for i, step := range []struct {
		client string
		want   int
	}{
		{"203.0.113.1", 200}, {"203.0.113.1", 200}, {"203.0.113.1", 503}, // of one client
		{"203.0.113.2", 200}, {"203.0.113.3", 200}, {"203.0.113.4", 503}, // in total
	} {
		if got := open(step.client); got != step.want {
			t.Errorf("step %d: %d, want %d", i, got, step.want)
		}
	}
	if response, _ := r.do(t, "GET", "/healthz", ""); response.StatusCode != 200 {
		t.Errorf("/healthz: %d on a server that is full", response.StatusCode)
	}

	r = start(t, "--admission-rate=0.001", "--admission-burst=2")
	for i, want := range []int{200, 200, 503} {
		if got := open("203.0.113.1"); got != want {
			t.Errorf("handshake %d: %d, want %d", i, got, want)
		}
	}
}

func TestServe_logs_as_told(t *testing.T) {
	for level, want := range map[string]bool{"info": true, "warn": false} {
		var log bytes.Buffer
		r := startLogging(t, &log, "--log-level="+level, "--log-format=json")
		if err := r.stop(); err != nil { // says so at the level Info
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), `"msg":"draining"`); got != want {
			t.Errorf("--log-level %s: draining is logged: %t, want %t\n%s", level, got, want, &log)
		}
	}
}

func TestServe_warns_when_any_origin_may_connect(t *testing.T) {
	for _, args := range [][]string{nil, {"--cors-any-origin"}} {
		var log bytes.Buffer
		if err := startLogging(t, &log, args...).stop(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "any origin may connect"); got != (len(args) > 0) {
			t.Errorf("%q: warns %t\n%s", args, got, &log)
		}
	}
}

func TestServe_presence_grace(t *testing.T) {
	r := start(t, "--presence-grace=0s")
	bob := r.connect(t)
	await := func(users string) {
		t.Helper()
		for text := ""; !strings.Contains(text, `["users-online",`+users+`]`); {
			text = r.poll(t, bob)
		}
	}
	r.do(t, "POST", bob, `42["user-online","bob"]`)
	await(`["bob"]`)
	// A busy machine may take its time for one departure, but not for all of them.
	var took time.Duration
	for range 5 {
		ann := r.connect(t)
		r.do(t, "POST", ann, `42["user-online","ann"]`)
		await(`["ann","bob"]`)
		began := time.Now()
		r.do(t, "POST", ann, "41")
		await(`["bob"]`)
		if took = time.Since(began); took < defaults().PresenceGrace {
			return
		}
	}
	t.Errorf("it took %s until ann was offline, want no grace", took)
}

func TestServe_rate_limit_of_an_address(t *testing.T) {
	r := start(t, "--rate-limit-per-ip=0.01")
	for _, want := range []string{`430[{"room":"x","members":[`, `430[{"error":{"code":"rate_limited",`} {
		session := "/socket.io/?EIO=4&transport=polling&sid=" + r.handshake(t, "/socket.io/").SID
		r.do(t, "POST", session, "40")
		r.do(t, "GET", session, "")
		r.do(t, "POST", session, `420["join-room","x"]`)
		if _, answer := r.do(t, "GET", session, ""); !strings.HasPrefix(answer, want) {
			t.Errorf("answer %q, want %q", answer, want)
		}
	}
}

func TestServe_names_the_setting_that_keeps_it_from_starting(t *testing.T) {
	r := start(t)
	err := run(t.Context(), []string{"serve", "--database=:memory:", "--listen=" + r.host}, nil, io.Discard, io.Discard)
	if err == nil || exitCode(err) != 2 || !strings.HasPrefix(err.Error(), "--listen: ") {
		t.Errorf("a port in use: %v (exit code %d)", err, exitCode(err))
	}
}

func TestBaseURL(t *testing.T) {
	addr := &net.TCPAddr{IP: net.IPv6unspecified, Port: 4000}
	for setting, want := range map[string]string{
		":0":             "http://localhost:4000",
		"0.0.0.0:4000":   "http://localhost:4000",
		"[::]:4000":      "http://localhost:4000",
		"[::1]:0":        "http://[::1]:4000",
		"127.0.0.1:0":    "http://127.0.0.1:4000",
		"chat.test:4000": "http://chat.test:4000",
	} {
		if got := baseURL(setting, addr); got != want {
			t.Errorf("baseURL(%q) = %q, want %q", setting, got, want)
		}
	}
}
