package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The README shows this program: what people copy from there is what is compiled here.
func TestREADME(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(readme), "```go\n")
	if !found {
		t.Fatal("README.md shows no Go program")
	}
	shown, _, _ = strings.Cut(shown, "```")
	if shown != string(program) {
		t.Error("the program in README.md is not examples/nethttp/main.go")
	}
}

// It runs: a client that joins and says something is answered.
func TestProgram(t *testing.T) {
	server := start(t)
	const polling = "/socket.io/?EIO=4&transport=polling"
	opened := get(t, server+polling)
	_, rest, _ := strings.Cut(opened, `"sid":"`)
	sid, _, found := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("no handshake: %s", opened)
	}
	session := server + polling + "&sid=" + sid
	post(t, session, `40`)
	if joined := get(t, session); !strings.HasPrefix(joined, `40{"sid":"`) {
		t.Fatalf("not joined: %s", joined)
	}
	post(t, session, `420["say","hello"]`)
	if answer := get(t, session); answer != `430[5]` {
		t.Errorf("answer = %s, want 430[5]", answer)
	}
}

// start builds and runs the program on a free port and returns its URL.
func start(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	binary := filepath.Join(t.TempDir(), "nethttp.exe")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program := exec.Command(binary)
	program.Env = append(os.Environ(), "ADDR="+addr)
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		program.Process.Kill()
		program.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return "http://" + addr
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("the program does not listen")
	return ""
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return body(t, res)
}

func post(t *testing.T, url, packets string) {
	t.Helper()
	res, err := http.Post(url, "text/plain", strings.NewReader(packets))
	if err != nil {
		t.Fatal(err)
	}
	if answer := body(t, res); answer != "ok" {
		t.Fatalf("%s: %s", packets, answer)
	}
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
