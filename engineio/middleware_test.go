package engineio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parleyio/parley/engineio"
)

type userKey struct{}

// TestUse runs middlewares around every kind of request, in their order.
func TestUse(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		users := make(chan any, 10)
		r := start(t, n, setup{options: engineio.Options{
			CORS:         engineio.CORS{Origins: []string{"http://a.com"}},
			AllowRequest: func(r *http.Request) error { users <- r.Context().Value(userKey{}); return nil },
		}})
		made := 0
		for _, name := range []string{"outer", "inner"} {
			r.engine.Use(func(next http.Handler) http.Handler {
				made++
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Add("X-Seen", name)
					next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, name)))
				})
			})
		}
		c, p := r.poll()
		socket := r.upgrade("?EIO=4&transport=websocket")
		socket.opens()
		if made != 2 || <-users != "inner" || <-users != "inner" {
			t.Errorf("%d middlewares were made, or the request was not the inner one's", made)
		}
		p.send("hello")
		c.posts("4hello")
		for _, query := range []string{"", "?EIO=4&transport=polling", c.query, "?EIO=4&transport=polling&sid=x"} {
			if a := r.do("GET", query, ""); strings.Join(a.header.Values("X-Seen"), ",") != "outer,inner" {
				t.Errorf("%q: seen by %q", query, a.header.Values("X-Seen"))
			}
		}
		if _, a := r.ask("?EIO=4&transport=websocket&sid=" + c.SID); a.status != 101 || len(a.header.Values("X-Seen")) != 2 {
			t.Errorf("upgrade: %d %v", a.status, a.header)
		}
		// A foreign page's request and a preflight are answered before any middleware sees them.
		for _, a := range []answer{
			r.do("GET", "?EIO=4&transport=polling", "", "Origin: http://b.com"),
			r.do("OPTIONS", "?EIO=4&transport=polling", "", "Origin: http://a.com", "Access-Control-Request-Method: POST"),
		} {
			if a.header.Get("X-Seen") != "" || a.status != 403 && a.status != 204 {
				t.Errorf("%d was seen by %q", a.status, a.header.Values("X-Seen"))
			}
		}
		p.Abort(engineio.ForcedClose, nil) // Shutdown would wait for its poll
	})
}

// TestUse_ends covers middlewares that do not let a request pass.
func TestUse_ends(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		var refused *engineio.ConnectionError
		r := start(t, n, setup{options: engineio.Options{
			CORS:              engineio.CORS{Origins: []string{"http://a.com"}},
			OnConnectionError: func(e *engineio.ConnectionError) { refused = e },
		}})
		r.engine.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				switch request.Header.Get("Do") {
				case "answer":
					http.Error(w, "no token", http.StatusUnauthorized)
				case "reject":
					r.engine.Reject(w, request, errors.New("no token"))
				case "panic":
					panic(http.ErrAbortHandler)
				default:
					next.ServeHTTP(w, request)
				}
			})
		})
		r.engine.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				if request.Header.Get("Do") != "" {
					t.Error("the next middleware was called")
				}
				next.ServeHTTP(w, request)
			})
		})
		c, p := r.poll()
		for _, query := range []string{"?EIO=4&transport=polling", c.query, "?transport=x"} {
			if a := r.do("GET", query, "", "Do: answer"); a.status != 401 || a.body != "no token\n" || refused != nil {
				t.Errorf("answer: %d %q, %v", a.status, a.body, refused)
			}
			a := r.do("GET", query, "", "Do: reject", "Origin: http://a.com")
			if a.status != 400 || a.body != `{"code":3,"message":"Bad request"}` || a.header.Get("Access-Control-Allow-Origin") == "" {
				t.Errorf("reject: %d %q %v", a.status, a.body, a.header)
			}
			if got := fmt.Sprint(refused.Code, refused.Context); got != "Bad request map[error:no token name:MIDDLEWARE_FAILURE]" {
				t.Errorf("told of %s", got)
			}
			refused = nil
			if a, err := r.try("GET", query, "", "Do: panic"); err == nil {
				t.Errorf("panic: %d", a.status)
			}
		}
		for do, want := range map[string]string{"answer": "401 no token\n", "reject": "400 Bad request"} {
			for _, query := range []string{"?EIO=4&transport=websocket", "?EIO=4&transport=websocket&sid=" + c.SID} {
				socket := r.raw()
				socket.write(websocketRequest(query, "Do: "+do))
				response := socket.response()
				body, _ := io.ReadAll(response.Body)
				if got := fmt.Sprintf("%d %s", response.StatusCode, body); got != want {
					t.Errorf("%s: %q, want %q", do, got, want)
				}
			}
		}
		c.posts("4hello") // the session is not affected
		p.wants("hello")
	})
}

// TestUse_late adds a middleware while requests are served.
func TestUse_late(t *testing.T) {
	inMemory(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{})
		c, p := r.poll()
		held := c.hold()
		eventually(t, n.patience, "the poll", func() bool { return r.engine.HoldsPoll(c.SID) })
		for range 3 {
			r.engine.Use(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Add("X-Seen", "yes")
					next.ServeHTTP(w, r)
				})
			})
		}
		p.send("hello")
		if a := receive(t, n.patience, "the held poll", held); a.body != "4hello" || a.header.Get("X-Seen") != "" {
			t.Errorf("held poll: %q %v", a.body, a.header)
		}
		if a := r.do("GET", "", ""); len(a.header.Values("X-Seen")) != 3 {
			t.Errorf("seen %d times", len(a.header.Values("X-Seen")))
		}
		defer func() {
			if recover() == nil {
				t.Error("a nil middleware was taken")
			}
		}()
		r.engine.Use(nil)
	})
}

func TestUse_off(t *testing.T) {
	r := start(t, tcp(t), setup{})
	var offs []func()
	for _, name := range []string{"outer", "middle", "inner"} {
		offs = append(offs, r.engine.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("X-Seen", name)
				next.ServeHTTP(w, r)
			})
		}))
	}
	seen := func() string {
		a := r.do("GET", "?EIO=4&transport=polling&sid=x", "")
		return strings.Join(a.header.Values("X-Seen"), ",")
	}
	for _, c := range []struct {
		off  int
		want string
	}{{1, "outer,inner"}, {1, "outer,inner"}, {0, "inner"}, {2, ""}} {
		offs[c.off]()
		if got := seen(); got != c.want {
			t.Errorf("after removing %d: seen by %q, want %q", c.off, got, c.want)
		}
	}
}
