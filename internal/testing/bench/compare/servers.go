package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/parleyio/parley/internal/testing/bench/load"
)

// binaries are the servers' programs. A server without one is left out.
type binaries struct{ floor, parley, node string }

// comparison measures servers and keeps the results.
type comparison struct {
	commands  map[string][]string // by server
	cert, key string
	dir       string // with the certificate
	progress  io.Writer
	results   results
}

// results has the results by load and by server, one for each repetition.
type results map[string]map[string][]*load.Result

func newComparison(b binaries, progress io.Writer) (*comparison, error) {
	dir, err := os.MkdirTemp("", "parley-compare")
	if err != nil {
		return nil, err
	}
	c := &comparison{
		commands: map[string][]string{parley: {b.parley, "--profile", "bench"}},
		cert:     filepath.Join(dir, "cert.pem"),
		key:      filepath.Join(dir, "key.pem"),
		dir:      dir,
		progress: progress,
		results:  results{},
	}
	if b.floor != "" {
		c.commands[floor] = []string{b.floor}
	}
	if b.node != "" {
		c.commands[node] = []string{"node", b.node}
	}
	if err := writeCertificate(c.cert, c.key); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *comparison) close() { _ = os.RemoveAll(c.dir) }

// repeat measures all loads several times.
func (c *comparison) repeat(ctx context.Context, times int, loads []measured) error {
	for repetition := range times {
		for i, l := range loads {
			fmt.Fprintf(c.progress, "%d of %d, load %d of %d: %s\n", repetition+1, times, i+1, len(loads), l.name)
			if err := c.measure(ctx, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure runs a load against each of its servers, one after the other.
func (c *comparison) measure(ctx context.Context, l measured) error {
	for _, name := range l.servers {
		command, ok := c.commands[name]
		if !ok {
			continue
		}
		result, err := c.measureServer(ctx, command, l)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", l.name, name, err)
		}
		if c.results[l.name] == nil {
			c.results[l.name] = map[string][]*load.Result{}
		}
		c.results[l.name][name] = append(c.results[l.name][name], result)
	}
	return nil
}

func (c *comparison) measureServer(ctx context.Context, command []string, l measured) (*load.Result, error) {
	args := append(command[1:len(command):len(command)], "--listen", "127.0.0.1:0")
	if l.secure {
		args = append(args, "--cert", c.cert, "--key", c.key)
	}
	s, err := start(ctx, command[0], args...)
	if err != nil {
		return nil, err
	}
	config := l.config
	config.URL, config.PID, config.Progress = s.url, s.cmd.Process.Pid, c.progress
	result, err := load.Run(ctx, config)
	return result, errors.Join(err, s.stop(err != nil))
}

// server is a process that this program started.
type server struct {
	cmd    *exec.Cmd
	url    string
	stderr bytes.Buffer // to be read once it is stopped
}

// start starts a server and waits until it prints its address. The server ends with ctx or by stop.
func start(ctx context.Context, program string, args ...string) (*server, error) {
	s := &server{cmd: exec.CommandContext(ctx, program, args...)}
	s.cmd.Stderr = &s.stderr
	s.cmd.WaitDelay = 10 * time.Second
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	_, url, found := strings.Cut(strings.TrimSpace(line), "listening on ")
	if err != nil || !found {
		return nil, errors.Join(fmt.Errorf("the server printed %q instead of its address", line), err, s.stop(true))
	}
	s.url = url
	return s, nil
}

// stop kills the process: it has no data to lose. After a failure the error has what the process wrote to standard error.
func (s *server) stop(failed bool) error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
	switch {
	case s.stderr.Len() > 0 && (failed || err != nil):
		return errors.Join(err, fmt.Errorf("the server wrote: %.1000s", bytes.TrimSpace(s.stderr.Bytes())))
	case errors.Is(err, os.ErrProcessDone):
		return errors.New("the server ended unexpectedly")
	}
	return err
}

// writeCertificate makes a self-signed certificate for 127.0.0.1.
func writeCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(7 * 24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
	)
}
