package archtest

import "slices"

// Parley returns the rules of this repository.
func Parley() *Rules {
	return &Rules{
		Layers:    layers(),
		Bans:      bans(),
		Modules:   modules(),
		Light:     light(),
		LongFiles: map[string]string{},
		State: map[string]string{
			"internal/payload.types": "a cache of what reflection says about types, as encoding/json has one: types never change",
		},
		Unguarded: map[string]string{
			"backend/app.App.Run": "calls http.Server.Serve, which recovers what its handlers do",

			"internal/memnet.stream.setDeadline": "wakes waiting reads and writes: it cannot panic",

			"cluster.Engine.Close":     "waits for a WaitGroup and closes a channel: it cannot panic",
			"engineio.Server.Shutdown": "waits for a WaitGroup and closes a channel: it cannot panic",
			"socketio.Server.Shutdown": "waits for a WaitGroup and closes a channel: it cannot panic",
			"socketio.workers.start":   "waits for sockets, and calls for each a method that has a guard of its own",
		},
	}
}

// layers is the table of docs/ARCHITECTURE.md, from the bottom up.
func layers() []Layer {
	return []Layer{
		{"tools of tests and mains", []string{"internal/testing/*", "internal/memory"}},
		{"foundations", []string{"internal/buffer", "internal/coding", "internal/errs", "internal/guard", "internal/memnet", "internal/payload", "internal/ratelog"}},
		{"wire", []string{"parser", "internal/eio"}},
		{"messages", []string{"internal/message"}},
		{"seam", []string{"internal/transport"}},
		{"connections", []string{"internal/websocket", "internal/pipe"}},
		{"concepts", []string{"event", "cluster", "engineio"}},
		{"endpoints", []string{
			"socketio", "client", "emitter", "adapter/*", "webtransport", "schema", "cluster/forward", "fasthttpio",
		}},
		{"extras", []string{"middleware", "metrics", "admin", "siotest"}},
		{"domain", []string{"backend"}},
		{"outside", []string{"backend/realtime", "backend/rest", "backend/store", "backend/token", "backend/web"}},
		{"assembly", []string{"backend/app"}},
		{"mains", []string{
			"cmd/*", "examples/*", "conformance", "conformance/*",
			"internal/testing/bench/compare", // it measures with internal/testing/bench/load, as cmd/parley does
			"internal/testing/compat/mend",   // it calls internal/testing/compat
		}},
	}
}

func bans() []Ban {
	return []Ban{
		{
			From: []string{"engineio", "engineio/*", "webtransport", "webtransport/*"},
			To:   []string{"parser", "event", "cluster", "cluster/*", "socketio", "internal/message", "internal/payload"},
			Why:  "Engine.IO carries messages and does not know Socket.IO: it can be used and tested without it",
		},
		{
			From: []string{"backend"},
			To: []string{
				"engineio", "cluster", "cluster/*", "socketio", "client", "emitter", "adapter/*", "webtransport", "schema",
				"middleware", "metrics", "admin", "siotest", "event", "parser", "net/http", "database/*", "github.com/danielgtaylor/*",
				"modernc.org/*", "github.com/jackc/*", "github.com/pressly/*",
			},
			Why: "the domain has rules and interfaces; the packages for SQL, HTTP and Socket.IO import the domain",
		},
		{
			From: []string{"backend/rest", "backend/store", "backend/token", "backend/web"},
			To:   []string{"engineio", "cluster", "cluster/*", "socketio", "client", "event", "parser"},
			Why:  "only backend/realtime touches Socket.IO: the others reach it through the domain's interfaces",
		},
		{
			From: []string{"backend", "backend/app", "backend/realtime", "backend/rest", "backend/token", "backend/web"},
			To:   []string{"database/sql", "modernc.org/*", "github.com/jackc/*", "github.com/pressly/*"},
			Why:  "only backend/store touches SQL: the others reach it through the domain's interfaces",
		},
	}
}

// modules lists the third-party modules. A longer path comes before its prefix.
func modules() []Module {
	return []Module{
		{"github.com/gobwas/ws", []string{"internal/eio", "internal/websocket", "conformance/soak"},
			"WebSocket handshake, frame headers and masking: the smallest and fastest of those that were measured; soak's " +
				"clients break the protocol frame by frame"},
		{"golang.org/x/time/rate", []string{"engineio", "middleware"},
			"the token buckets of admission control and of rate limits"},
		{"github.com/tinylib/msgp", []string{"parser"},
			"MessagePack value by value, without reflection; the transcoding to JSON is ours"},
		{"github.com/oklog/ulid/v2", []string{"backend"},
			"ids of messages that sort by time"},
		{"github.com/danielgtaylor/huma/v2", []string{"backend/rest"},
			"the HTTP API and its OpenAPI document from one description"},
		{"github.com/rs/cors", []string{"backend/rest"},
			"CORS of the HTTP API; Engine.IO has rules of its own that it cannot express"},
		{"github.com/pressly/goose/v3", []string{"backend/store"},
			"migrations of the database"},
		{"modernc.org/sqlite", []string{"backend/store"},
			"SQLite without cgo, so that the binary builds for every platform"},
		{"github.com/alecthomas/kong", []string{"cmd/parley"},
			"flags and environment variables from one struct"},
		{"go.uber.org/goleak", []string{"internal/testing/leak"},
			"finds the goroutines that a test leaves"},
		{"github.com/go-chi/chi/v5", []string{"examples/chi"},
			"the router of an example"},
		{"github.com/gin-gonic/gin", []string{"examples/gin"},
			"the router of an example"},
		{"github.com/labstack/echo/v5", []string{"examples/echo"},
			"the router of an example"},
		{"github.com/valyala/fasthttp", []string{"fasthttpio"},
			"the HTTP server of Fiber, which the package makes fit for Socket.IO"},
		{"github.com/gofiber/fiber/v3", []string{"examples/fiber", "conformance/server"},
			"the framework of an example, and of a server that the official client is tested with"},
		{"gopkg.in/yaml.v3", []string{"cmd/parley"},
			"the settings file; errors have the line"},
	}
}

func light() []Light {
	const why = "a program that imports the library compiles no broker, no database, no quic-go and no Prometheus: those are in " +
		"packages of their own"
	// MessagePack is the second parser; its runtime depends on fwd only.
	msgpack := []string{"github.com/tinylib/msgp", "github.com/philhofer/fwd"}
	websocket := []string{"github.com/gobwas"}
	buckets := []string{"golang.org/x/time"}
	fasthttp := []string{"github.com/valyala", "github.com/klauspost/compress", "github.com/molecule-man/go-brrr"}
	return []Light{
		{"parser", msgpack, why},
		{"event", msgpack, why},
		{"cluster", msgpack, why},
		{"engineio", slices.Concat(websocket, buckets), why},
		{"socketio", slices.Concat(websocket, buckets, msgpack), why},
		{"client", slices.Concat(websocket, buckets, msgpack), why},
		{"middleware", slices.Concat(websocket, buckets, msgpack), why},
		{"fasthttpio", fasthttp, why},
	}
}
