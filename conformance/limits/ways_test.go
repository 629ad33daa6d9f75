// Package limits_test sends what exceeds each limit through every public way in: a server mounted in net/http, chi, Gin,
// Echo and Fiber, and each transport. Glue code between a framework and a library is where limits get lost; here each must
// hold (with its default, where that is a limit and a moment is enough to exceed it), be counted by its cause, and leave
// other clients alone.
package limits_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/gofiber/fiber/v3"
	fiberrecover "github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/gofiber/fiber/v3/middleware/requestid"
	"github.com/labstack/echo/v5"
	echomiddleware "github.com/labstack/echo/v5/middleware"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/fasthttpio"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/internal/testing/leak"
	"github.com/parleyio/parley/socketio"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)                              // says nothing
	(&fasthttp.Response{}).Write(bufio.NewWriter(io.Discard)) // starts fasthttp's clock, outside of tests with one of their own
	leak.Main(m, goleak.IgnoreCurrent())                      // it never ends
}

// web is a program's HTTP server.
type web interface {
	Serve(l net.Listener) error
	Close() error
}

// ways are the ways to mount a server, as the programs in examples do it.
var ways = map[string]func(io http.Handler) web{
	"nethttp": func(io http.Handler) web {
		mux := http.NewServeMux()
		mux.Handle("/socket.io/", io)
		return &http.Server{Handler: mux}
	},
	"chi": func(io http.Handler) web {
		router := chi.NewRouter()
		router.Use(chimiddleware.RequestID, chimiddleware.Recoverer)
		router.Handle("/socket.io/*", io)
		return &http.Server{Handler: router}
	},
	"gin": func(io http.Handler) web {
		router := gin.New()
		router.Use(gin.Recovery())
		router.Any("/socket.io/*path", gin.WrapH(io))
		return &http.Server{Handler: router}
	},
	"echo": func(io http.Handler) web {
		router := echo.New()
		router.Use(echomiddleware.RequestID(), echomiddleware.Recover())
		router.Any("/socket.io/*", echo.WrapHandler(io))
		return &http.Server{Handler: router}
	},
	"fiber": func(io http.Handler) web {
		app := fiber.New(fiber.Config{StreamRequestBody: true, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute})
		app.Use(requestid.New(), fiberrecover.New())
		app.All("/socket.io/*", fasthttpio.Handler(io, nil))
		return fiberWeb{app}
	},
}

// fiberWeb is the server of a Fiber program.
type fiberWeb struct{ *fiber.App }

func (w fiberWeb) Serve(l net.Listener) error {
	return w.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
}

func (w fiberWeb) Close() error {
	err := w.ShutdownWithTimeout(10 * time.Second)
	time.Sleep(10 * time.Second) // on the bubble's clock: a goroutine of fasthttp sleeps so long before it ends
	return err
}

// node is a server that can be reached.
type node struct {
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	http  *http.Client
	stats func() socketio.Stats // nil for a program
}

// newNode returns what tests need of a server.
func newNode(t *testing.T, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *node {
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	return &node{dial: dial, http: &http.Client{Transport: transport}}
}

// serve starts a server, mounted in one of the ways, on a network in memory. It answers "say" with the length of a text;
// handle registers what there is besides, and may be nil. At the end of the test it is shut down and must not have had a
// fault.
func serve(t *testing.T, mount func(io http.Handler) web, options socketio.Options, handle func(io *socketio.Server)) *node {
	t.Helper()
	options.Logger = slog.New(slog.DiscardHandler)
	io, err := socketio.New(&options)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		io.Of(fmt.Sprint("/", i))
	}
	event.OnWithAck(io, event.WithAck[string, int]("say"), func(_ context.Context, _ *socketio.Socket, text string) (int, error) {
		return len(text), nil
	})
	if handle != nil {
		handle(io)
	}
	l := memnet.Listen()
	server := mount(io)
	go server.Serve(l)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := io.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := server.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
		time.Sleep(time.Second) // on the bubble's clock: net/http lingers for half of it where it has not read all
		if s := io.Stats(); s.Panics+s.HandlerPanics+s.Engine.Panics > 0 || s.Engine.Sessions > 0 {
			t.Errorf("faults or sessions are left: %+v", s)
		}
	})
	n := newNode(t, l.DialContext)
	n.stats = io.Stats
	return n
}

// program returns the program at a URL.
func program(t *testing.T, url string) *node {
	addr := strings.TrimPrefix(url, "http://")
	return newNode(t, func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	})
}
