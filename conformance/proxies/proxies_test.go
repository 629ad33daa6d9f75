// Package proxies_test runs a backend behind the proxies of docs/proxies.md, with the configurations that stand there.
package proxies_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parleyio/parley/backend/app"
	"github.com/parleyio/parley/internal/testing/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// startsWithin is how long a proxy may take to listen.
const startsWithin = 20 * time.Second

// serve runs a backend and returns its address.
func serve(t *testing.T, basePath string) string {
	t.Helper()
	a, err := app.New(t.Context(), &app.Settings{
		Database: ":memory:", Listen: "127.0.0.1:0", BasePath: basePath,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Logger:         slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return a.Addr().String()
}

// site is a backend as browsers reach it.
type site struct {
	url    string // with the prefix, without a slash at the end
	origin string // of its pages
	roots  *x509.CertPool
	client *http.Client
}

func newSite(t *testing.T, origin, prefix string, certificate *x509.Certificate) *site {
	t.Helper()
	s := &site{url: origin + prefix, origin: origin, roots: x509.NewCertPool()}
	s.roots.AddCert(certificate)
	transport := &http.Transport{TLSClientConfig: s.tls(), DisableKeepAlives: true}
	s.client = &http.Client{Transport: transport, Timeout: 20 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	return s
}

// tls trusts the test's certificate, which is for this name.
func (s *site) tls() *tls.Config { return &tls.Config{RootCAs: s.roots, ServerName: "example.com"} }

// do sends a request as a page of the site does.
func (s *site) do(t *testing.T, method, path, body string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", s.origin)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// check uses everything that the backend has.
func (s *site) check(t *testing.T) {
	t.Helper()
	for path, want := range map[string]string{
		"":               "<title>Parley", // redirected to the slash
		"/":              `href="assets/base.css"`,
		"/assets/app.js": "import",
		"/docs":          `src="docs/docs.js"`,
		"/docs/docs.js":  "openapi.json",
		"/openapi.json":  `"url": "."`,
		"/healthz":       "ok",
		"/api/data":      "items",
		"/docs/docs.css": "--ground",
		"/assets/dom.js": "export",
		"/assets/api.js": "base",
	} {
		status, text := s.do(t, "GET", path, "")
		if status != 200 || !strings.Contains(text, want) {
			t.Errorf("GET %s: %d %.200q, want %q in it", path, status, text, want)
		}
	}
	if status, text := s.do(t, "POST", "/api/data", `{"key":"k/1","value":1}`); status != 200 {
		t.Errorf("POST /api/data: %d %s", status, text)
	}
	if status, text := s.do(t, "GET", "/api/data/k%2F1", ""); status != 200 {
		t.Errorf("an escaped slash is not kept: %d %s", status, text)
	}
	s.polling(t)
	s.websocket(t)
}

func (s *site) polling(t *testing.T) {
	t.Helper()
	const path = "/socket.io/?EIO=4&transport=polling"
	status, text := s.do(t, "GET", path, "")
	_, sid, found := strings.Cut(text, `"sid":"`)
	if status != 200 || !found || !strings.Contains(text, `"upgrades":["websocket"]`) {
		t.Fatalf("handshake: %d %s", status, text)
	}
	session := path + "&sid=" + sid[:strings.IndexByte(sid, '"')]
	if status, text = s.do(t, "POST", session, "40"); status != 200 {
		t.Fatalf("post: %d %s", status, text)
	}
	if status, text = s.do(t, "GET", session, ""); status != 200 || !strings.HasPrefix(text, `40{"sid"`) {
		t.Fatalf("poll: %d %s", status, text)
	}
	if status, text = s.do(t, "POST", session, `421["message","x"]`); status != 200 {
		t.Fatalf("post: %d %s", status, text)
	}
	if _, text = s.do(t, "GET", session, ""); !strings.Contains(text, "new-message") && !strings.Contains(text, "431") {
		t.Errorf("poll: %s", text)
	}
}

func (s *site) websocket(t *testing.T) {
	t.Helper()
	dialer := ws.Dialer{TLSConfig: s.tls(), Timeout: 10 * time.Second, Header: ws.HandshakeHeaderHTTP{"Origin": {s.origin}}}
	target := "wss" + strings.TrimPrefix(s.url, "https") + "/socket.io/?EIO=4&transport=websocket"
	conn, buffered, _, err := dialer.Dial(t.Context(), target)
	if err != nil {
		t.Fatalf("websocket: %v", err)
	}
	defer conn.Close()
	var in io.Reader = conn
	if buffered != nil {
		in = buffered
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	stream := struct {
		io.Reader
		io.Writer
	}{in, conn}
	if open, err := wsutil.ReadServerText(stream); err != nil || !strings.HasPrefix(string(open), "0{") {
		t.Fatalf("websocket: %q, %v", open, err)
	}
	if err := wsutil.WriteClientText(conn, []byte("40")); err != nil {
		t.Fatal(err)
	}
	if answer, err := wsutil.ReadServerText(stream); err != nil || !strings.HasPrefix(string(answer), `40{"sid"`) {
		t.Errorf("websocket: %q, %v", answer, err)
	}
}

// configuration returns the block of docs/proxies.md in this language, with values of the test in place of the page's.
func configuration(t *testing.T, language string, values ...string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(page), "```"+language+"\n")
	block, _, ended := strings.Cut(block, "```")
	if !found || !ended {
		t.Fatalf("the page has no %s", language)
	}
	for i := 0; i < len(values); i += 2 {
		if strings.Count(block, values[i]) != 1 {
			t.Fatalf("the configuration has %q %d times, want it once", values[i], strings.Count(block, values[i]))
		}
		block = strings.Replace(block, values[i], values[i+1], 1)
	}
	return block
}

// program finds a proxy. Where tests are obligatory (CI) its absence is a failure.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	missing := name + " is missing: scripts/need " + name + " installs it"
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// certificate writes a certificate for example.com and its key, and returns the files and the certificate.
func certificate(t *testing.T) (chain, key string, parsed *x509.Certificate) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	pair := server.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	chain, key = filepath.Join(dir, "chain.pem"), filepath.Join(dir, "chain.pem.key")
	for file, block := range map[string]*pem.Block{
		chain: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return chain, key, server.Certificate()
}

// freePort returns a port on which nothing listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// launch runs a proxy until the test ends and returns when it listens.
func launch(t *testing.T, port, name string, args ...string) {
	t.Helper()
	var out strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s said: %s", name, out.String())
		}
	})
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for deadline := time.After(startsWithin); ; {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			return
		}
		select {
		case <-retry.C:
		case <-ended:
			t.Fatalf("%s has ended: %s", name, out.String())
		case <-deadline:
			t.Fatalf("%s does not listen", name)
		}
	}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNginx(t *testing.T) {
	nginx := program(t, "nginx")
	chain, key, parsed := certificate(t)
	port, dir := freePort(t), t.TempDir()
	server := configuration(t, "nginx",
		"listen 443 ssl;", "listen 127.0.0.1:"+port+" ssl;",
		"/etc/ssl/chat.example.com.pem", chain, "/etc/ssl/chat.example.com.key", key,
		"127.0.0.1:3000", serve(t, ""))
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp.WriteString(kind + "_temp_path " + filepath.Join(dir, kind) + ";\n")
	}
	conf := write(t, filepath.Join(dir, "nginx.conf"), "daemon off;\nmaster_process off;\npid "+filepath.Join(dir, "pid")+
		";\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"+temp.String()+server+"}\n")
	launch(t, port, nginx, "-p", dir, "-e", "stderr", "-c", conf)
	newSite(t, "https://127.0.0.1:"+port, "/chat", parsed).check(t)
}

func TestHAProxy(t *testing.T) {
	haproxy := program(t, "haproxy")
	chain, _, parsed := certificate(t) // HAProxy takes the key from chain.pem.key
	port := freePort(t)
	conf := write(t, filepath.Join(t.TempDir(), "haproxy.cfg"), configuration(t, "haproxy",
		"bind :443 ssl", "bind 127.0.0.1:"+port+" ssl", "/etc/ssl/chat.example.com.pem", chain,
		"127.0.0.1:3000", serve(t, "/chat")))
	launch(t, port, haproxy, "-db", "-f", conf)
	newSite(t, "https://127.0.0.1:"+port, "/chat", parsed).check(t)
}

// A proxy that changes Host and says so.
func TestForwarded(t *testing.T) {
	for _, basePath := range []string{"", "/chat"} {
		target := &url.URL{Scheme: "http", Host: serve(t, basePath)}
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target) // and the Host with it
			r.SetXForwarded()
		}}
		var front http.Handler = proxy
		if basePath == "" {
			mux := http.NewServeMux()
			mux.Handle("/chat/", http.StripPrefix("/chat", proxy))
			front = mux
		}
		server := httptest.NewTLSServer(front)
		defer server.Close()
		newSite(t, server.URL, "/chat", server.Certificate()).check(t)
	}
}
