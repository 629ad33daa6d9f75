//go:build unix

package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build makes the binary as `go build` does.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "parley")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X main.commit=0123456789ab", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// process is the binary at work.
type process struct {
	cmd *exec.Cmd
	url string

	announced string       // the line on standard output
	stderr    bytes.Buffer // to be read after wait
}

func launch(t *testing.T, binary string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, append([]string{"serve"}, args...)...)}
	p.cmd.Env = []string{"HOME=" + t.TempDir(), "PARLEY_LISTEN=127.0.0.1:0"}
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("server said %q, then %v", line, err)
	}
	p.announced = line
	_, p.url, _ = strings.Cut(strings.TrimSpace(line), "listening on ")
	return p
}

// launchJSON is launch with a log of JSON.
func launchJSON(t *testing.T, binary string, args ...string) *process {
	t.Helper()
	return launch(t, binary, append(args, "--log-format=json")...)
}

// wait waits for the end and returns the state of the process.
func (p *process) wait() *os.ProcessState {
	_ = p.cmd.Wait() // the state tells more
	return p.cmd.ProcessState
}

func (p *process) get(t *testing.T, path string) string {
	t.Helper()
	response, err := client.Get(p.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return string(text)
}

// hold begins to store a value and returns when the server waits for the body. A drain that begins now lasts a second.
func (p *process) hold(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, _ = io.WriteString(conn, "POST /api/data HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 21\r\nExpect: 100-continue\r\n\r\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("server said %q, %v", line, err)
	}
	return conn
}

func TestProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	binary := build(t)

	t.Run("SIGTERM drains and the next start finds the data", func(t *testing.T) {
		database := filepath.Join(t.TempDir(), "parley.db")
		p := launch(t, binary, "--database", database)
		response, err := client.Post(p.url+"/api/data", "application/json", strings.NewReader(`{"key":"k","value":"kept"}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		before := p.get(t, "/api/data/k")
		for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
			began := time.Now()
			if err := p.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if state := p.wait(); state.ExitCode() != 0 || time.Since(began) > 5*time.Second {
				t.Fatalf("%v after %s, want exit code 0\n%s", state, time.Since(began), &p.stderr)
			}
			if files, _ := filepath.Glob(database + "-*"); len(files) != 0 {
				t.Errorf("the database was not flushed: %v are left", files)
			}
			p = launch(t, binary, "--database", database)
			if after := p.get(t, "/api/data/k"); after != before || !strings.Contains(after, "kept") {
				t.Errorf("after the restart: %s, before: %s", after, before)
			}
		}
	})

	// again sends a signal until the process is gone: when it has stopped catching it is not to be seen from here.
	again := func(p *process, signal os.Signal) *os.ProcessState {
		ended := make(chan *os.ProcessState)
		go func() { ended <- p.wait() }()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			_ = p.cmd.Process.Signal(signal)
			select {
			case state := <-ended:
				return state
			case <-tick.C:
			}
		}
	}

	t.Run("SIGTERM may be repeated", func(t *testing.T) {
		database := filepath.Join(t.TempDir(), "parley.db")
		p := launch(t, binary, "--database", database)
		p.hold(t)
		if state := again(p, syscall.SIGTERM); state.ExitCode() != 0 {
			t.Errorf("%v, want exit code 0\n%s", state, &p.stderr)
		}
		if files, _ := filepath.Glob(database + "-*"); len(files) != 0 {
			t.Errorf("the database was not flushed: %v are left", files)
		}
	})

	t.Run("Ctrl-C ends it at once when it is draining", func(t *testing.T) {
		database := filepath.Join(t.TempDir(), "parley.db")
		p := launch(t, binary, "--database", database, "--shutdown-timeout", "1h")
		// The drain waits for the database, which another process has locked, for seconds.
		other, err := sql.Open("sqlite", database)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		other.SetMaxOpenConns(1)
		if _, err := other.Exec(`BEGIN IMMEDIATE`); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(p.hold(t), `{"key":"k","value":1}`)
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		state := again(p, os.Interrupt)
		if status, ok := state.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
			t.Errorf("%v, want an end by the signal\n%s", state, &p.stderr)
		}
	})

	t.Run("a wrong setting is one line and exit code 2", func(t *testing.T) {
		cmd := exec.Command(binary, "serve", "--ping-interval=soon")
		cmd.Env = []string{}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || len(stdout) > 0 {
			t.Fatalf("%v, stdout %q", err, stdout)
		}
		if line := stderr.String(); strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, "parley: --ping-interval: ") {
			t.Errorf("stderr = %q", line)
		}
	})

	t.Run("--version", func(t *testing.T) {
		out, err := exec.Command(binary, "--version").Output()
		if err != nil || !strings.HasPrefix(string(out), "parley ") || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%q, %v", out, err)
		}
		if !strings.Contains(string(out), "commit 0123456789ab") {
			t.Errorf("%q does not name the commit", out)
		}
	})

	t.Run("every line is JSON", func(t *testing.T) {
		p := launchJSON(t, binary, "--database", filepath.Join(t.TempDir(), "parley.db"), "--cors-any-origin")
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		p.wait()
		log := p.stderr.String()
		if !strings.Contains(log, `"timeout":"10s"`) {
			t.Errorf("durations are not readable: %s", log)
		}
		for _, args := range [][]string{{"--ping-interval=soon"}, {"--no-such-flag"}, {"--database=/no/such/folder/parley.db"}} {
			cmd := exec.Command(binary, append([]string{"serve", "--log-format=json"}, args...)...)
			cmd.Env = []string{}
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Errorf("%q: no error", args)
			}
			log += string(out)
		}
		for line := range strings.Lines(log + p.announced) {
			var record struct{ Time, Level, Msg string }
			if err := json.Unmarshal([]byte(line), &record); err != nil || record.Time == "" || record.Msg == "" {
				t.Errorf("no JSON: %q", line)
			}
		}
	})
}
