// Package exampletest builds and starts the programs of examples/ for their tests, and sends them requests over HTTP.
//
// # Usage
//
//	server := exampletest.Start(t, ".")
//	exampletest.Chat(t, server)
package exampletest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a program may take to listen, and a request to be answered, on a busy machine.
const patience = time.Minute

// panicked matches what Parley, net/http and the routers log when they recover from a panic.
var panicked = regexp.MustCompile(`(?i)panic(:| in an? | serving | recover)`)

// Start builds the program in a folder, runs it on a free port until the test ends, and returns its URL. At the end the
// program gets SIGTERM, with its clients still connected. It must exit with code 0, and have logged neither a panic nor a
// deadline.
func Start(t testing.TB, folder string) (url string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "example.exe")
	if out, err := exec.Command("go", "build", "-o", binary, folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // after the build: another program could take the port meanwhile
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	program := exec.Command(binary)
	program.Env = append(os.Environ(), "ADDR="+addr)
	var errs bytes.Buffer // read after Wait
	program.Stdout, program.Stderr = t.Output(), io.MultiWriter(t.Output(), &errs)
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		overdue := time.AfterFunc(patience, func() { program.Process.Kill() })
		defer overdue.Stop()
		program.Process.Signal(syscall.SIGTERM)
		if err := program.Wait(); err != nil {
			t.Errorf("the program did not shut down: %v", err)
		}
		if bytes.Contains(errs.Bytes(), []byte(context.DeadlineExceeded.Error())) {
			t.Errorf("the program did not shut down in time:\n%s", errs.Bytes())
		}
		if panicked.Match(errs.Bytes()) {
			t.Errorf("the program logged a panic:\n%s", errs.Bytes())
		}
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return "http://" + addr
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("the program does not listen")
	return ""
}

// Chat checks that a client can join, send an event and get the answer. The client keeps polling until the program ends.
func Chat(t *testing.T, server string) {
	t.Helper()
	const polling = "/socket.io/?EIO=4&transport=polling"
	opened := Get(t, server+polling)
	_, rest, _ := strings.Cut(opened, `"sid":"`)
	sid, _, found := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("no handshake: %s", opened)
	}
	session := server + polling + "&sid=" + sid
	post(t, session, `40`)
	if joined := Get(t, session); !strings.HasPrefix(joined, `40{"sid":"`) {
		t.Fatalf("not joined: %s", joined)
	}
	post(t, session, `420["say","hello"]`)
	if answer := Get(t, session); answer != `430[5]` {
		t.Errorf("answer = %s, want 430[5]", answer)
	}
	go func() { // ends with the program
		for {
			res, err := client.Get(session)
			if err != nil {
				return
			}
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return
			}
		}
	}()
}

var client = &http.Client{Timeout: patience}

// Get returns the body of the answer to a GET.
func Get(t *testing.T, url string) string {
	t.Helper()
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return body(t, res)
}

func post(t *testing.T, url, packets string) {
	t.Helper()
	res, err := client.Post(url, "text/plain", strings.NewReader(packets))
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
