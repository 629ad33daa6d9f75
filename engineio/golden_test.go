package engineio_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/engineio"
)

// TestGolden compares whole answers, header by header, with the vectors in testdata.
func TestGolden(t *testing.T) {
	for file, cors := range map[string]engineio.CORS{
		"default":   {},
		"cors-star": {Origins: []string{"*"}},
		"cors-any":  {AllowAnyOrigin: true},
		"cors-list": {
			Origins: []string{"http://a.com"}, Credentials: true, Methods: []string{"GET", "POST"},
			AllowedHeaders: []string{"x-token"}, ExposedHeaders: []string{"x-one", "x-two"}, MaxAge: 10 * time.Minute,
		},
	} {
		t.Run(file, func(t *testing.T) {
			inFrames(t, func(t *testing.T, n *network) {
				r := start(t, n, setup{options: engineio.Options{CORS: cors}})
				c, p := r.poll()
				p.send("hello")
				for _, v := range readVectors(t, "testdata/"+file+".txt") {
					request := strings.ReplaceAll(v.request, "{sid}", c.SID)
					got := normal(r.raw().exchange(request, "4x"), c.SID)
					if got != v.answer {
						t.Errorf("%s:\n%s\nanswered\n%s\nwant\n%s", v.name, v.request, got, v.answer)
					}
				}
			})
		})
	}
}

// vector is a request and its answer.
type vector struct{ name, request, answer string }

func readVectors(t *testing.T, file string) (vectors []vector) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range strings.Split(string(data), "\n--- ")[1:] {
		name, rest, _ := strings.Cut(text, "\n")
		request, answer, ok := strings.Cut(rest, "\n\n")
		if !ok {
			t.Fatalf("%s: %q is not whole", file, name)
		}
		vectors = append(vectors, vector{name, request, strings.TrimRight(answer, "\n")})
	}
	return vectors
}

// exchange sends a vector's request, with the body if it is a POST, and reads the answer.
func (c *socket) exchange(request, body string) *http.Response {
	c.t.Helper()
	line, headers, _ := strings.Cut(request, "\n")
	method, query, _ := strings.Cut(line, " ")
	if headers != "" {
		headers = strings.ReplaceAll(headers, "\n", "\r\n") + "\r\n"
	}
	switch method {
	case "UPGRADE":
		c.write(strings.TrimSuffix(websocketRequest(query), "\r\n") + headers + "\r\n")
	case "POST":
		c.write(fmt.Sprintf("POST /engine.io/%s HTTP/1.1\r\nHost: parley.test\r\nContent-Length: %d\r\n%s\r\n%s", query, len(body), headers, body))
	default:
		c.write(method + " /engine.io/" + query + " HTTP/1.1\r\nHost: parley.test\r\n" + headers + "\r\n")
	}
	return c.response()
}

// normal writes an answer in the form of the vectors.
func normal(r *http.Response, sid string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %s\n", r.Status)
	r.Header.Del("Date")
	r.Header.Del("Connection")
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	body := ""
	if r.StatusCode != http.StatusSwitchingProtocols {
		data, _ := io.ReadAll(r.Body)
		body = string(data)
		if _, rest, ok := strings.Cut(body, `0{"sid":"`); ok {
			body = strings.Replace(body, rest[:20], "{sid}", 1)
		}
	}
	return strings.TrimRight(strings.ReplaceAll(b.String(), sid, "{sid}")+"\n"+body, "\n")
}
