package socketio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/internal/transport"
	"github.com/parleyio/parley/parser"
)

// Options configures a Server. The zero value, and nil, mean the defaults, which are those of Socket.IO 4.8 except that
// only the same origin may connect and that every queue is bounded. For durations zero means the default; for limits
// zero means the default and a negative value no limit. A negative duration is an error.
type Options struct {
	// PingInterval is the time between a pong and the next ping. Zero means 25 s.
	PingInterval time.Duration
	// PingTimeout is the time in which a client must answer a ping. Zero means 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout bounds the change from polling to a websocket. Zero means 10 s.
	UpgradeTimeout time.Duration
	// CloseTimeout bounds how long a closed websocket waits for the client to close its side, and how long Shutdown waits
	// for the next poll of a polling client. Zero means 2 s.
	CloseTimeout time.Duration
	// DrainWindow is the time over which Shutdown spreads the closing of connections, so that clients do not come back all
	// at once. Zero closes them all at once.
	DrainWindow time.Duration
	// ReadTimeout bounds the completion of a message whose first byte has arrived, of a polling body, and of a packet
	// whose attachments are awaited. Zero means 10 s.
	ReadTimeout time.Duration
	// WriteTimeout bounds one write to a client that does not read. Zero means 10 s.
	WriteTimeout time.Duration
	// ConnectTimeout closes a connection that has joined no namespace. Zero means 45 s.
	ConnectTimeout time.Duration
	// AckTimeout ends an EmitWithAck whose context has no deadline. Zero means 30 s.
	AckTimeout time.Duration

	// Transports lists which of polling and websocket clients may use. Empty means both.
	Transports []engineio.Transport
	// MoreTransports are served in addition to Transports; see engineio.Options. Only packages of this module can implement
	// them. Empty means none.
	MoreTransports []transport.Transport
	// AllowEIO3 also serves clients of Socket.IO 2, which speak revision 3 of Engine.IO. They join the namespace "/" by
	// connecting, authenticate with the query of the URL or of the namespace (see Handshake.Auth), and compute their
	// sockets' ids from the id of the session. Who knows such a socket's id can act as its client: do not send it to
	// other clients. False refuses them.
	AllowEIO3 bool
	// AllowJSONP lets browsers poll by script elements, for which CORS does not hold; see engineio.Options. False does not.
	AllowJSONP bool
	// NoUpgrades keeps clients on the transport on which they began.
	NoUpgrades bool
	// CORS says which foreign origins may connect, on every transport. The zero value means the same origin only.
	CORS engineio.CORS
	// TrustedProxies are the networks of proxies whose X-Forwarded-Host and X-Forwarded-For are trusted. Empty means none.
	TrustedProxies []netip.Prefix
	// AllowRequest may refuse a handshake; see engineio.Options. Nil allows all.
	AllowRequest func(r *http.Request) error
	// OnConnectionError is called for each refused request; see engineio.Options. Nil means that nothing is called.
	OnConnectionError func(*engineio.ConnectionError)

	// NoHTTPCompression sends polling bodies as they are. Otherwise large ones are compressed with gzip or deflate when
	// the request accepts that, unless all events in them were sent with Compress(false).
	NoHTTPCompression bool
	// HTTPCompressionThreshold is the size in bytes from which polling bodies are compressed. Zero means 1,024; a
	// negative value compresses all.
	HTTPCompressionThreshold int
	// PerMessageDeflate turns the compression of websocket messages on, for clients that offer it. It costs much CPU
	// time and memory. Unlike in the reference, Compress(false) is respected. Nil means off.
	PerMessageDeflate *engineio.Deflate

	// Cookie is set by the answer that opens a session on polling. Nil means none.
	Cookie *engineio.Cookie
	// InitialHeaders may change the headers of the first answer of a session; see engineio.Options. Nil means nothing.
	InitialHeaders func(h http.Header, r *http.Request)
	// Headers may change the headers of every successful answer; see engineio.Options. Nil means nothing.
	Headers func(h http.Header, r *http.Request)
	// InitialPacket is an Engine.IO message for each new session, right behind the open packet. Socket.IO clients take
	// it for a packet of theirs: its data must be one. Nil means none.
	InitialPacket *engineio.Message
	// GenerateID makes the ids of Engine.IO sessions, which must not be possible to guess; see engineio.Options. The ids
	// of sockets are not made by it. Nil means engineio.NewID.
	GenerateID func(r *http.Request) (string, error)

	// MaxConnections bounds the connections; beyond it clients are answered 503, and try again. Zero means no limit, as for
	// the two that follow.
	MaxConnections int
	// MaxConnectionsPerIP bounds the connections from one address, which is that of Handshake.Address; for IPv6 it is the
	// network of 64 bits. Zero means no limit.
	MaxConnectionsPerIP int
	// MaxConnectionsPerUser bounds the connections of one user, whom Identify names. A client beyond it is refused by the
	// namespace, as by a middleware, with the message "too many connections". A connection counts until its end for each
	// user that it has been. Zero means no limit.
	MaxConnectionsPerUser int
	// Identify returns the user of a socket, for example from data that a middleware has set. Socket.User calls it, on any
	// goroutine. With MaxConnectionsPerUser, the server also calls it after the middlewares; if it panics then, the server
	// refuses the socket. Connections with an empty name are not counted. Nil means that no user is known; it is required
	// when MaxConnectionsPerUser is set.
	Identify func(s *Socket) string
	// Admission bounds how fast sessions are opened; see engineio.Admission. The zero value does not.
	Admission engineio.Admission

	// MaxPayload bounds a polling body and a websocket message, in bytes. With parser.JSON a packet is a text message and one
	// message for each attachment; with parser.MessagePack it is a single message. Zero means 1,000,000.
	MaxPayload int
	// MaxFragments bounds the frames of one websocket message. Zero means 1,024.
	MaxFragments int
	// MaxControlPackets bounds the control packets that one client may send in a second. Zero means 1,000.
	MaxControlPackets int
	// MaxAttachments bounds the attachments (binary values) of a packet, in both directions: the official client closes the
	// connection when it receives more than 10, unless it was given another parser. It does not apply to
	// parser.MessagePack, which has no attachments. Zero means 10.
	MaxAttachments int
	// MaxAttachmentBytes bounds the total size of the attachments of a packet that is received, in bytes. Each of them is a
	// message, and therefore also bounded by MaxPayload. Like MaxAttachments it does not apply to parser.MessagePack. Zero
	// means 4,000,000, or MaxPayload if that is larger.
	MaxAttachmentBytes int
	// MaxDepth bounds the nesting of a payload, in both directions. The array of an event is the first level. Zero means 64.
	MaxDepth int
	// MaxEventName bounds an event's name, in bytes, in both directions. Zero means 512.
	MaxEventName int
	// MaxNamespaceName bounds a namespace's name, in bytes. Clients cannot join a namespace with a longer name, and
	// broadcasts to it return an error. Zero means 512.
	MaxNamespaceName int
	// MaxRoomName bounds a room's name, in bytes. Zero means 512.
	MaxRoomName int
	// MaxNamespaces bounds the namespaces that one connection joins. One that it has left counts until OnDisconnect has
	// returned. Zero means 100.
	MaxNamespaces int
	// MaxChildNamespaces bounds the children of parent namespaces that clients bring about, over the whole server; then
	// clients can join only those that exist. Zero means 10,000. An empty one takes about 2 KiB.
	MaxChildNamespaces int
	// MaxRooms bounds the rooms of one socket. Zero means 10,000.
	MaxRooms int
	// MaxAcks bounds the acknowledgements that one connection owes. Zero means 1,000.
	MaxAcks int
	// SendQueueBytes bounds what waits to be written to one client. Zero means 4 MiB.
	SendQueueBytes int
	// SendQueuePackets bounds how many packets wait to be written to one client. Zero means 16,384.
	SendQueuePackets int
	// SlowConsumer says what happens when the send queue of a client is full; Namespace.SetSlowConsumer says it for one
	// namespace. The zero value disconnects the client.
	SlowConsumer SlowConsumerPolicy
	// InboxPackets bounds the events of one socket that wait for its handlers; then reading stops. Zero means 256.
	InboxPackets int
	// InboxBytes bounds the same in bytes. Zero means four times MaxPayload.
	InboxBytes int

	// Parser is the wire format, which clients must share. Nil means parser.JSON.
	Parser parser.Parser
	// Adapter connects the nodes of a cluster; packages of brokers make it. One that has a Bus or a Log is for one server.
	// The zero value is a server that stands alone, in memory.
	Adapter cluster.Config
	// Recovery turns connection state recovery on, in memory unless the Adapter has a log. Nil means off, unless it has one.
	Recovery *Recovery
	// ClientFiles holds the client's bundles, served below the server's path: socket.io.js, socket.io.min.js,
	// socket.io.esm.min.js, socket.io.msgpack.min.js and the .map of each. Nil answers them with 404.
	ClientFiles fs.FS

	// UnknownKeys says what happens when an object of a client has a key for which the destination has no field. It applies
	// to payloads of typed events, to event.Message.Scan, to acknowledgements and to Handshake.ScanAuth. Events of other
	// servers may always have unknown keys, so that servers of two versions can run side by side. The zero value ignores
	// them.
	UnknownKeys UnknownKeys
	// ValidatePayload is called with a pointer to each struct that was decoded from an argument, an acknowledgement or an auth
	// payload, after the struct's Validate method if it has one (see event.Validator). It takes a validator such as
	// (*validator.Validate).Struct of go-playground/validator. An error refuses the payload as an error of Validate does. It may
	// be called from any goroutine. Nil means no validation.
	ValidatePayload func(v any) error

	// CleanupEmptyChildNamespaces removes the child of a parent namespace and closes its adapter when its last socket
	// has left, OnDisconnect included. What is registered on the child itself is gone then, and so are the sessions that
	// Recovery would bring back. False keeps children in which there was ever a socket.
	CleanupEmptyChildNamespaces bool

	// BaseContext gives the contexts of handlers their values. Nil means context.Background().
	BaseContext context.Context
	// OnError receives a handler's error when the client did not ask for an acknowledgement, on the goroutine of the
	// handler. Nil means that it is logged.
	OnError func(ctx context.Context, s *Socket, event string, err error)
	// Logger receives what the server has to say, at the levels Debug, Warn and Error. What clients do is logged at Warn, at
	// most once a minute for each cause: docs/troubleshooting.md explains the lines. Nil means slog.Default().
	Logger *slog.Logger
}

// withDefaults fills in the defaults of this layer, or returns the first contradiction found. Those of the layer below are
// written there: below is what holds for it.
func (o *Options) withDefaults(below engineio.Options) error {
	o.ReadTimeout, o.Logger = below.ReadTimeout, below.Logger
	o.MaxPayload = min(below.MaxPayload, unlimited)
	if o.MaxAttachmentBytes == 0 {
		o.MaxAttachmentBytes = max(defaultAttachmentBytes, o.MaxPayload)
	}
	if o.UnknownKeys != IgnoreUnknownKeys && o.UnknownKeys != RefuseUnknownKeys {
		return errors.New("socketio: Options.UnknownKeys is not one of its constants")
	}
	decoding := o.decoding().WithDefaults()
	o.MaxAttachments, o.MaxDepth = decoding.Attachments, decoding.Depth
	o.MaxEventName, o.MaxNamespaceName = decoding.EventName, min(decoding.Namespace, unlimited)
	for _, d := range []struct {
		name  string
		value *time.Duration
		def   time.Duration
	}{
		{"ConnectTimeout", &o.ConnectTimeout, 45 * time.Second},
		{"AckTimeout", &o.AckTimeout, 30 * time.Second},
	} {
		if *d.value < 0 {
			return fmt.Errorf("socketio: Options.%s is negative", d.name)
		}
		if *d.value == 0 {
			*d.value = d.def
		}
	}
	limit(&o.MaxConnectionsPerUser, unlimited)
	if o.MaxConnectionsPerUser != unlimited && o.Identify == nil {
		return errors.New("socketio: Options.MaxConnectionsPerUser needs Identify, which names a socket's user")
	}
	limit(&o.MaxRoomName, 512)
	limit(&o.MaxNamespaces, 100)
	limit(&o.MaxChildNamespaces, 10_000)
	limit(&o.MaxRooms, 10_000)
	limit(&o.MaxAcks, 1_000)
	limit(&o.InboxPackets, 256)
	if o.InboxBytes == 0 && o.MaxPayload <= unlimited/4 {
		o.InboxBytes = 4 * o.MaxPayload
	}
	limit(&o.InboxBytes, unlimited)
	if o.InboxBytes < o.MaxPayload {
		return errors.New("socketio: Options.InboxBytes is below MaxPayload, so that a large event would never fit")
	}
	if o.Parser == nil {
		o.Parser = parser.JSON{}
	}
	if o.BaseContext == nil {
		o.BaseContext = context.Background()
	}
	if o.Adapter.Logger == nil {
		o.Adapter.Logger = o.Logger
	}
	o.Recovery.configure(&o.Adapter)
	return nil
}

// defaultAttachmentBytes is the default of MaxAttachmentBytes, unless MaxPayload is larger.
const defaultAttachmentBytes = 4_000_000

// unlimited stands for no limit; twice of it still fits an int.
const unlimited = math.MaxInt / 2

func limit(v *int, def int) {
	switch {
	case *v == 0:
		*v = def
	case *v < 0:
		*v = unlimited
	}
}

// skipMiddlewares reports whether a recovered socket needs no middleware.
func (o *Options) skipMiddlewares() bool { return o.Recovery != nil && o.Recovery.SkipMiddlewares }

// engine returns the options of the layer below.
func (o *Options) engine() *engineio.Options {
	return &engineio.Options{
		PingInterval:        o.PingInterval,
		PingTimeout:         o.PingTimeout,
		UpgradeTimeout:      o.UpgradeTimeout,
		CloseTimeout:        o.CloseTimeout,
		DrainWindow:         o.DrainWindow,
		ReadTimeout:         o.ReadTimeout,
		WriteTimeout:        o.WriteTimeout,
		MaxPayload:          o.MaxPayload,
		Transports:          o.Transports,
		MoreTransports:      o.MoreTransports,
		AllowEIO3:           o.AllowEIO3,
		AllowJSONP:          o.AllowJSONP,
		NoUpgrades:          o.NoUpgrades,
		CORS:                o.CORS,
		TrustedProxies:      o.TrustedProxies,
		AllowRequest:        o.AllowRequest,
		OnConnectionError:   o.OnConnectionError,
		MaxConnections:      o.MaxConnections,
		MaxConnectionsPerIP: o.MaxConnectionsPerIP,
		Admission:           o.Admission,
		MaxFragments:        o.MaxFragments,
		MaxControlPackets:   o.MaxControlPackets,
		SendQueueBytes:      o.SendQueueBytes,
		SendQueuePackets:    o.SendQueuePackets,
		Logger:              o.Logger,

		NoHTTPCompression:        o.NoHTTPCompression,
		HTTPCompressionThreshold: o.HTTPCompressionThreshold,
		PerMessageDeflate:        o.PerMessageDeflate,
		Cookie:                   o.Cookie,
		InitialHeaders:           o.InitialHeaders,
		Headers:                  o.Headers,
		InitialPacket:            o.InitialPacket,
		GenerateID:               o.GenerateID,
	}
}

// sending returns the limits of payloads for clients. o has its defaults.
func (o *Options) sending() payload.Limits {
	l := payload.Limits{MaxAttachments: o.MaxAttachments, MaxDepth: o.MaxDepth, MaxEventName: o.MaxEventName}
	if !o.Parser.HasAttachments() {
		l.MaxAttachments = 0
	}
	return l
}

// UnknownKeys says what happens to unknown keys in the payloads of clients.
type UnknownKeys int

const (
	// IgnoreUnknownKeys ignores them.
	IgnoreUnknownKeys UnknownKeys = iota

	// RefuseUnknownKeys refuses the payload with an event.Error with code event.Invalid that names the key.
	RefuseUnknownKeys
)

// receiving returns how the payloads of clients are decoded.
func (o *Options) receiving() payload.Decoding {
	return payload.Decoding{RefuseUnknownKeys: o.UnknownKeys == RefuseUnknownKeys, Validate: o.ValidatePayload}
}

// decoding returns the limits of the parser.
func (o *Options) decoding() parser.Limits {
	return parser.Limits{
		Attachments:     o.MaxAttachments,
		AttachmentBytes: o.MaxAttachmentBytes,
		Depth:           o.MaxDepth,
		EventName:       o.MaxEventName,
		Namespace:       o.MaxNamespaceName,
	}
}
