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
	// UpgradeTimeout bounds a websocket's probe of an open session. Zero means 10 s.
	UpgradeTimeout time.Duration
	// CloseTimeout bounds how long a closed websocket waits for the client to close its side, and how long Shutdown waits
	// for the next poll of a polling client. Zero means 2 s.
	CloseTimeout time.Duration
	// DrainWindow is the time over which Shutdown spreads the closing of sessions, so that clients do not come back all at
	// once. Zero closes them all at once.
	DrainWindow time.Duration
	// MaxPayload bounds a polling body and a websocket message, in bytes. Clients receive it in the handshake. Zero means
	// 1,000,000.
	MaxPayload int
	// Transports lists which of this package's transports clients may use. Empty means polling and websocket.
	Transports []Transport
	// MoreTransports are served beside those of Transports, and offered as upgrades behind websocket, in their order. Other
	// packages of Parley make them. All checks and limits hold for them too. Empty means none.
	MoreTransports []transport.Transport
	// AllowEIO3 also serves clients of revision 3 of the protocol, which are those of Socket.IO 2. False refuses them
	// with UnsupportedProtocolVersion.
	AllowEIO3 bool
	// AllowJSONP answers polls that have the query parameter j with a script, for browsers that can do nothing else. A
	// browser does not say which page loads a script, so CORS does not hold for what is received: any page can open a
	// session with its user's cookies and read from it. What pages post is checked as ever. False ignores the parameter.
	AllowJSONP bool
	// NoUpgrades keeps sessions on the transport on which they began.
	NoUpgrades bool

	// CORS says which foreign origins may connect, on every transport. The zero value means the same origin only.
	CORS CORS
	// TrustedProxies are the networks whose X-Forwarded-Host and X-Forwarded-For count. Empty means none.
	TrustedProxies []netip.Prefix
	// AllowRequest may refuse a handshake (not the session's later requests): an error answers Forbidden, with the
	// error's text as the message. It is called by the request's goroutine. Nil allows all.
	AllowRequest func(r *http.Request) error
	// OnConnectionError is called for each refused request, by the request's goroutine, but not for those that are answered
	// 503 because a limit is reached. Nil means none is reported.
	OnConnectionError func(*ConnectionError)

	// MaxConnections bounds the open sessions; beyond it handshakes are answered 503 with Retry-After, a websocket's too.
	// Unlike with other limits zero means none.
	MaxConnections int
	// MaxConnectionsPerIP bounds the open sessions of one client address, which is that of Request.Address; for IPv6 it is
	// the network of 64 bits. Addresses that are none, such as those of Unix sockets, count as one. Zero means no limit.
	MaxConnectionsPerIP int
	// Admission bounds how fast sessions are opened. The zero value does not.
	Admission Admission

	// NoHTTPCompression sends polling bodies as they are. Otherwise those that hold a message that wants it, and are
	// large enough, are compressed with gzip or deflate when the request accepts that.
	NoHTTPCompression bool
	// HTTPCompressionThreshold is the size in bytes from which polling bodies are compressed. Zero means 1,024; a
	// negative value compresses all.
	HTTPCompressionThreshold int
	// PerMessageDeflate turns the compression of websocket messages on, for clients that offer it. It costs much CPU
	// time and memory. Nil means off.
	PerMessageDeflate *Deflate

	// Cookie is set by the answer that opens a session on polling. Nil means none.
	Cookie *Cookie
	// InitialHeaders may change the headers of the first answer of a session: that of a polling handshake and the 101
	// of a websocket that opens one. It is called by the request's goroutine, before Headers. Nil means nothing.
	InitialHeaders func(h http.Header, r *http.Request)
	// Headers may change the headers of every successful answer: all of polling, and every 101. It is called by the
	// request's goroutine. Nil means nothing.
	Headers func(h http.Header, r *http.Request)
	// InitialPacket is a message for each new session, right behind the open packet: in the same body on polling, the
	// second message on a websocket. Its bytes must not change. Nil means none.
	InitialPacket *Message
	// GenerateID makes the id of a new session, by the request's goroutine. Whoever knows an id can act as the client:
	// it must not be possible to guess. It has 1 to 64 characters of A-Z, a-z, 0-9 and "-_.~". An error, another
	// character or the id of an open session answers BadRequest. Nil means NewID.
	GenerateID func(r *http.Request) (string, error)

	// MaxFragments bounds the frames of one websocket message. Zero means 1,024.
	MaxFragments int
	// MaxControlPackets bounds the control packets and frames that one client may send in a second. Zero means 1,000.
	MaxControlPackets int
	// SendQueueBytes bounds what waits to be written to one client. One message always fits an empty queue. Zero means
	// 4 MiB.
	SendQueueBytes int
	// SendQueuePackets bounds how many packets wait to be written to one client. Zero means 16,384.
	SendQueuePackets int
	// ReadTimeout bounds the completion of a message whose first byte has arrived, and of a polling body. Zero means
	// 10 s.
	ReadTimeout time.Duration
	// WriteTimeout bounds one write to a client that does not read. Zero means 10 s.
	WriteTimeout time.Duration

	// Logger receives what the server has to say, at the levels Debug, Warn and Error. Nil means slog.Default().
	Logger *slog.Logger
}

// limits returns what every connection is held to.
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
			return nil, fmt.Errorf("engineio: Options.MoreTransports has %q, of which there can be one", name)
		} else {
			names[name] = true
		}
		all = append(all, t)
	}
	return all, nil
}

// withDefaults returns a copy of o with every default filled in, or the first contradiction found.
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
			return v, fmt.Errorf("engineio: Options.Transports names %q, which is not a transport of this server", t)
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
		return v, errors.New(`engineio: Options.CORS.Origins has "*", which cannot go with Credentials`)
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
