package socketio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/internal/ratelog"
	"github.com/parleyio/parley/parser"
)

// Server is a Socket.IO server. It is an http.Handler for any mount point, with or without http.StripPrefix: the
// client's bundles are looked up by the last segment of the path, everything else is the protocol. Clients expect it at
// "/socket.io/".
//
// A server has all methods of a Namespace, which are those of its namespace "/": Use, UseEvent, OnConnection, OnDisconnect
// and On register, To, In, Except, Local, Volatile and Compress choose sockets, Emit and EmitWithAcks send to all,
// FetchSockets, SocketsJoin, SocketsLeave and DisconnectSockets reach all nodes, and so on: see [Namespace].
type Server struct {
	*Namespace // "/": immutable, not to be set by users

	// Immutable after construction.
	opts    Options
	engine  *engineio.Server
	cluster *cluster.Engine
	files   *clientFiles
	base    context.Context // of the sockets
	endBase context.CancelCauseFunc
	last    context.Context // of OnDisconnect: cancelled by nothing but the end of Shutdown's patience
	endLast context.CancelCauseFunc

	log  *ratelog.Log // of what clients do
	json bool         // opts.Parser is parser.JSON itself, and not one that embeds it

	toClients, toServers message.Rules // for payloads between this server and clients, or other servers
	authDecoding         payload.Decoding

	workers *workers
	slow    *slowConsumer // of namespaces without a policy of their own

	// Safe for concurrent use.
	inline         inline
	accepted       atomic.Uint32 // connections so far
	counters       counters
	users          users
	drainListeners atomic.Int64 // functions of OnDrain that there are, or were on namespaces that are gone

	// running counts the sockets that have not finished.
	running sync.WaitGroup

	onNamespace chain[func(*Namespace)]

	making sync.Mutex // held while a namespace is made or removed; before mu

	mu          sync.RWMutex // guards the fields below, and the children of the parents
	namespaces  map[string]*Namespace
	parents     []*ParentNamespace // replaced and never changed
	children    int                // of all parents
	connections map[*connection]struct{}
	draining    bool // no socket may begin any more
}

// New returns a server. A contradiction in the options is an error that names the field.
func New(opts *Options) (*Server, error) {
	s := &Server{namespaces: map[string]*Namespace{}, connections: map[*connection]struct{}{}}
	o := &s.opts
	if opts != nil {
		*o = *opts
	}
	var err error
	if s.engine, err = engineio.New(s.accept, o.engine()); err != nil {
		return nil, err
	}
	if err := o.withDefaults(s.engine.Options()); err != nil {
		return nil, err
	}
	s.log = ratelog.New(o.Logger)
	s.files = newClientFiles(o.ClientFiles)
	s.slow = newSlowConsumer(o.SlowConsumer)
	s.base, s.endBase = context.WithCancelCause(o.BaseContext)
	s.workers = newWorkers(s.base.Done())
	s.inline.server = s
	_, s.json = o.Parser.(parser.JSON)
	s.toClients = message.Rules{Send: o.sending(), Receive: o.receiving()}
	s.authDecoding = s.toClients.Receive
	s.authDecoding.Ignored = []string{"pid", "offset"} // clients add them to return to a session
	s.toServers = s.toClients
	s.toServers.Send.MaxAttachments = 0 // binary values are sent as text
	s.toServers.Receive.RefuseUnknownKeys = false
	s.last, s.endLast = context.WithCancelCause(context.WithoutCancel(o.BaseContext))
	if s.cluster, err = cluster.New(o.Adapter); err != nil {
		return nil, fmt.Errorf("socketio: Options.Adapter: %w", err)
	}
	err = s.cluster.Start(o.BaseContext)
	if err == nil {
		s.Namespace, err = s.of("/")
	}
	if err != nil {
		_ = s.cluster.Close(o.BaseContext) // the error before counts
		return nil, fmt.Errorf("socketio: Options.Adapter: %w", err)
	}
	return s, nil
}

// ServeHTTP serves the requests of clients and, when Options.ClientFiles is set, the client's bundles.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if isClientFile(name) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		s.engine.WriteCORS(w.Header(), r)
		s.files.serve(w, r, name)
		return
	}
	s.engine.ServeHTTP(w, r)
}

// Engine returns the Engine.IO server below: for its middlewares around every HTTP request, which are not those of
// namespaces, and for its counters.
func (s *Server) Engine() *engineio.Server { return s.engine }

// AllowsOrigin reports whether a request's origin may connect, by Options.CORS and the rule of the same origin. Handlers
// beside the server can ask it, so that one rule holds for all.
func (s *Server) AllowsOrigin(r *http.Request) bool { return s.engine.AllowsOrigin(r) }

// begin counts one socket more, unless Shutdown already waits for those that there are.
func (s *Server) begin() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.draining {
		return false
	}
	s.running.Add(1)
	return true
}

// forget takes a closed connection out.
func (s *Server) forget(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, c)
}

var errShutDown = errors.New("socketio: server shut down")

// Shutdown ends the server: it accepts no new connection, closes all that there are without a disconnect packet, so that
// clients come back by themselves and reach whatever serves then, and waits until the events that have arrived and the
// disconnects are handled. With Options.DrainWindow connections are closed one by one and are served until then. When ctx
// ends first, all are closed, the contexts of OnDisconnect are cancelled too and ctx's error is returned.
//
// It does not close the http.Server. Close that afterwards: until then new clients are answered 503. In the other order
// http.Server.Shutdown waits for the polls that are held, until its deadline, unless it starts this Shutdown itself:
//
//	httpServer.RegisterOnShutdown(func() { io.Shutdown(ctx) })
//
// Shutdown may be called again, and at the same time; each call waits. A server cannot be used again: its adapters are
// closed and the contexts of its handlers have ended, so make another one with New.
func (s *Server) Shutdown(ctx context.Context) error {
	errs := []error{s.engine.Shutdown(ctx)}
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()

	done := make(chan struct{})
	go func() { // ends with the last handler
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		errs[0] = ctx.Err()
	}
	s.log.Close()
	s.endBase(errShutDown)
	s.endLast(errShutDown)
	if err := s.cluster.Close(ctx); err != nil && !errors.Is(err, ctx.Err()) {
		errs = append(errs, fmt.Errorf("socketio: closing the adapter: %w", err))
	}
	return errors.Join(errs...)
}

// Stats returns the counters as they are now.
func (s *Server) Stats() Stats {
	c := &s.counters
	disconnects := make(map[Reason]int64, len(c.disconnects))
	for i, r := range reasons() {
		disconnects[r] = c.disconnects[i].Load()
	}
	return Stats{
		Engine:                    s.engine.Stats(),
		Disconnects:               disconnects,
		UnknownAcks:               c.unknownAcks.Load(),
		LatePackets:               c.latePackets.Load(),
		UnhandledEvents:           c.unhandledEvents.Load(),
		TooManyConnectionsPerUser: c.tooManyPerUser.Load(),
		TooManyNamespaces:         c.tooManyNamespaces.Load(),
		TooManyAttachments:        c.tooManyAttachments.Load(),
		AttachmentsTooLarge:       c.attachmentsTooLarge.Load(),
		TooDeep:                   c.tooDeep.Load(),
		LongEventNames:            c.longEventNames.Load(),
		LongNamespaceNames:        c.longNamespaceNames.Load(),
		LongRoomNames:             c.longRoomNames.Load(),
		AckTimeouts:               c.ackTimeouts.Load(),
		InboxStalls:               c.inboxStalls.Load(),
		TooManyRooms:              c.tooManyRooms.Load(),
		TooManyAcks:               c.tooManyAcks.Load(),
		InboxOverflows:            c.inboxOverflows.Load(),
		LateAttachments:           c.lateAttachments.Load(),
		ConnectTimeouts:           c.connectTimeout.Load(),
		Recoveries:                c.recoveries.Load(),
		FailedRecoveries:          c.failedRecoveries.Load(),
		HandlerPanics:             c.handlerPanics.Load(),
		Panics:                    c.panics.Load(),
	}
}
