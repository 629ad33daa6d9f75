package engineio

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
	"github.com/parleyio/parley/internal/websocket"
)

// Transport names one way in which a session's packets travel.
type Transport string

// The transports that this package serves.
const (
	Polling   Transport = "polling"
	WebSocket Transport = "websocket"
)

// Options configures a Server. The zero value, and nil, mean the defaults. Unless a field says otherwise, zero means
// the default and, for limits, a negative value means no limit. A negative duration is an error.
type Options struct {
	// PingInterval is the time between a pong and the next ping. Zero means 25 s.
	PingInterval time.Duration
	// PingTimeout is the time in which a ping must be answered. Zero means 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is the time in which a websocket must complete the upgrade of a session. Zero means 10 s.
	UpgradeTimeout time.Duration
	// CloseTimeout is how long a closed websocket waits for the client to close its side, and how long Shutdown waits for
	// the next poll of a polling client. Zero means 2 s.
	CloseTimeout time.Duration
	// DrainWindow is the time over which Shutdown spreads the closing of sessions, so that the clients do not reconnect all
	// at the same time. Zero closes them all at once.
	DrainWindow time.Duration
	// MaxPayload is the largest polling body and websocket message that clients may send, in bytes. Clients receive it in
	// the handshake. Zero means 1,000,000.
	MaxPayload int
	// Transports are the transports of this package that clients may use. Empty means polling and websocket.
	Transports []Transport
	// MoreTransports are served in addition to Transports. They are offered as upgrades after websocket, in their order.
	// Only packages of this module can implement them. All checks and limits apply to them too. Empty means none.
	MoreTransports []transport.Transport
	// AllowEIO3 also serves clients of revision 3 of the protocol, which are those of Socket.IO 2. False refuses them
	// with UnsupportedProtocolVersion.
	AllowEIO3 bool
	// AllowJSONP answers polls that have the query parameter j with a script, for browsers without XMLHttpRequest level 2.
	// Browsers send no Origin when a page loads a script, so CORS cannot protect what such a session receives: a page of
	// any origin can open a session with the cookies of its user and read from it. POST requests carry an Origin and are
	// checked. False ignores the parameter.
	AllowJSONP bool
	// NoUpgrades makes sessions stay on the transport on which they began. False allows upgrades from polling.
	NoUpgrades bool

	// CORS selects the other origins that may connect, on every transport. The zero value means the same origin only.
	CORS CORS
	// TrustedProxies are the networks of the proxies whose X-Forwarded-Host and X-Forwarded-For are trusted. Empty means
	// that both headers are ignored.
	TrustedProxies []netip.Prefix
	// AllowRequest may refuse a handshake (not the session's later requests): an error answers Forbidden, with the
	// error's text as the message. It is called by the request's goroutine. Nil allows all.
	AllowRequest func(r *http.Request) error
	// OnConnectionError is called for each refused request, by the request's goroutine, except for those that are answered
	// 503 because a limit is reached. Nil means that nothing is called.
	OnConnectionError func(*ConnectionError)

	// MaxConnections is the largest number of open sessions. When it is reached, handshakes on all transports are answered
	// 503 with Retry-After. Unlike for other limits, zero means no limit.
	MaxConnections int
	// MaxConnectionsPerIP is the largest number of open sessions of one client address (see Request.Address). For IPv6, the
	// first 64 bits of the address are counted together. All peers without an IP address, as on Unix sockets, are counted
	// together too. Zero means no limit.
	MaxConnectionsPerIP int
	// Admission limits how fast sessions are opened. The zero value sets no limit.
	Admission Admission

	// NoHTTPCompression turns the compression of polling bodies off. False means that a body is compressed with gzip or
	// deflate when it has the size of HTTPCompressionThreshold, holds a message without NoCompress, and the request accepts
	// the coding.
	NoHTTPCompression bool
	// HTTPCompressionThreshold is the size in bytes from which polling bodies are compressed. Zero means 1,024. A negative
	// value means that all are compressed.
	HTTPCompressionThreshold int
	// PerMessageDeflate turns the compression of websocket messages on, for clients that offer it. It costs much CPU
	// time and memory. Nil means off.
	PerMessageDeflate *Deflate

	// Cookie is set by the answer that opens a session on polling. Nil means no cookie.
	Cookie *Cookie
	// InitialHeaders may change the headers of the first answer of a session: that of a polling handshake, and the 101 of a
	// websocket that opens a session. It is called by the request's goroutine, before Headers. Nil means no change.
	InitialHeaders func(h http.Header, r *http.Request)
	// Headers may change the headers of every successful answer: each one of polling, and each 101. It is called by the
	// request's goroutine. Nil means no change.
	Headers func(h http.Header, r *http.Request)
	// InitialPacket is a message that each new session receives directly after the open packet: in the same body on
	// polling, as the second message on a websocket. Its bytes must not change. Nil means no message.
	InitialPacket *Message
	// GenerateID returns the id of a new session. It is called by the request's goroutine. A client that knows the id of a
	// session can act as its client, so ids must be impossible to guess. An id has 1 to 64 characters of A-Z, a-z, 0-9 and
	// "-_.~". The handshake is refused with BadRequest when GenerateID returns an error, an invalid id or the id of an open
	// session. Nil means NewID.
	GenerateID func(r *http.Request) (string, error)

	// MaxFragments is the largest number of frames of one websocket message. Zero means 1,024.
	MaxFragments int
	// MaxControlPackets is the number of control packets and control frames that one client may send in a second. Zero
	// means 1,000.
	MaxControlPackets int
	// SendQueueBytes is the size of the send queue of one client, in bytes. One message always fits an empty queue. Zero
	// means 4 MiB.
	SendQueueBytes int
	// SendQueuePackets is the size of the send queue of one client, in packets. Zero means 16,384.
	SendQueuePackets int
	// ReadTimeout is the time in which a websocket message must be complete after its first byte, and a polling body after
	// its headers. Zero means 10 s.
	ReadTimeout time.Duration
	// WriteTimeout is the time after which a write to a client that does not read fails. Zero means 10 s.
	WriteTimeout time.Duration

	// Logger receives the log of the server, at the levels Debug, Warn and Error. Nil means slog.Default().
	Logger *slog.Logger
}

// limits returns the limits that apply to every connection.
func (o *Options) limits() transport.Limits {
	return transport.Limits{
		MaxPayload: o.MaxPayload, MaxControlPackets: o.MaxControlPackets,
		SendQueueBytes: o.SendQueueBytes, SendQueuePackets: o.SendQueuePackets,
		ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, CloseTimeout: o.CloseTimeout, UpgradeTimeout: o.UpgradeTimeout,
	}
}

// transports returns the transports other than polling.
func (o *Options) transports() (all []transport.Transport, err error) {
	deflate, err := o.PerMessageDeflate.deflater()
	if err != nil {
		return nil, err
	}
	if slices.Contains(o.Transports, WebSocket) {
		rules := eio.Rules{MaxPayload: o.MaxPayload, MaxFragments: o.MaxFragments}
		all = append(all, &websocket.Transport{Rules: rules, Deflate: deflate})
	}
	names := map[string]bool{string(Polling): true, string(WebSocket): true}
	for _, t := range o.MoreTransports {
		if name := t.Name(); names[name] {
			return nil, fmt.Errorf("engineio: Options.MoreTransports has the name %q twice, or a name of this package", name)
		} else {
			names[name] = true
		}
		all = append(all, t)
	}
	return all, nil
}

// withDefaults returns a copy of o with every default filled in, or an error for the first invalid value.
func (o *Options) withDefaults() (Options, error) {
	var v Options
	if o != nil {
		v = *o
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		def   time.Duration
	}{
		{"PingInterval", &v.PingInterval, 25 * time.Second},
		{"PingTimeout", &v.PingTimeout, 20 * time.Second},
		{"UpgradeTimeout", &v.UpgradeTimeout, 10 * time.Second},
		{"CloseTimeout", &v.CloseTimeout, 2 * time.Second},
		{"ReadTimeout", &v.ReadTimeout, 10 * time.Second},
		{"WriteTimeout", &v.WriteTimeout, 10 * time.Second},
	} {
		if *d.value < 0 {
			return v, fmt.Errorf("engineio: Options.%s is negative", d.name)
		}
		if *d.value == 0 {
			*d.value = d.def
		}
	}
	if v.DrainWindow < 0 {
		return v, errors.New("engineio: Options.DrainWindow is negative")
	}
	limit(&v.MaxConnections, math.MaxInt)
	limit(&v.MaxConnectionsPerIP, math.MaxInt)
	var err error
	if v.Admission, err = v.Admission.withDefaults(); err != nil {
		return v, err
	}
	limit(&v.MaxPayload, 1_000_000)
	limit(&v.MaxFragments, 1024)
	limit(&v.MaxControlPackets, 1000)
	limit(&v.SendQueueBytes, 4<<20)
	limit(&v.SendQueuePackets, 16384)

	if len(v.Transports) == 0 {
		v.Transports = []Transport{Polling, WebSocket}
	}
	for _, t := range v.Transports {
		if t != Polling && t != WebSocket {
			return v, fmt.Errorf("engineio: Options.Transports has %q, which is not a transport of this package", t)
		}
	}
	v.Transports = slices.Clone(v.Transports)
	v.HTTPCompressionThreshold = threshold(v.HTTPCompressionThreshold)
	if v.NoHTTPCompression {
		v.HTTPCompressionThreshold = math.MaxInt
	}
	if m := v.InitialPacket; m != nil && !m.Binary && !utf8.Valid(m.Data) {
		return v, errors.New("engineio: Options.InitialPacket is text that is not valid UTF-8")
	}
	if v.CORS.Credentials && slices.Contains(v.CORS.Origins, "*") {
		return v, errors.New(`engineio: Options.CORS.Origins has "*", which browsers do not accept together with Credentials`)
	}
	if v.Logger == nil {
		v.Logger = slog.Default()
	}
	return v, nil
}

// limit replaces zero by the default and a negative value by the largest one.
func limit(v *int, def int) {
	switch {
	case *v == 0:
		*v = def
	case *v < 0:
		*v = math.MaxInt
	}
}
