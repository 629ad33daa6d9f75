package socketio

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/ratelog"
	"github.com/parleyio/parley/internal/transport"
	"github.com/parleyio/parley/parser"
)

// A refusal, and a disconnect that is not an ordinary leave, is logged at level Warn, with the error, which says what came,
// and with the option that changes it. A message is constant and names the cause: package ratelog limits the lines of each.
// docs/troubleshooting.md explains all of them.
const (
	tooManyNamespaces   = "connection refused: the client has joined too many namespaces"
	tooManyChildren     = "connection refused: too many child namespaces"
	tooManyConnections  = "connection refused: the user has too many connections"
	unknownNamespace    = "connection refused: unknown namespace"
	refusedByMiddleware = "connection refused by a middleware"
	refusedByHandler    = "connection refused by a function of OnConnection"
	noNamespace         = "client disconnected: it has joined no namespace in time"

	noPong         = "client disconnected: it does not answer the heartbeat"
	slowClient     = "client disconnected: it does not read fast enough"
	inboxOverflow  = "client disconnected: its inbox is full"
	beyondLimit    = "client disconnected: it has exceeded a limit"
	lateAttachment = "client disconnected: attachments did not arrive in time"
	badPacket      = "client disconnected: a packet does not decode"
	outOfPlace     = "client disconnected: a packet is out of place"
	connectionLost = "client disconnected: the connection failed"
	closedByServer = "client disconnected: the server closed the connection"

	noHandler      = "event without a handler"
	rateLimited    = "event refused: the client exceeds a rate limit"
	payloadRefused = "event refused: its payload does not fit the handler"
)

// causeError is the error of a DisconnectError, with the option that changes the cause.
type causeError struct {
	error
	option string
}

func (e *causeError) Error() string { return e.error.Error() + " (see Options: " + e.option + ")" }
func (e *causeError) Unwrap() error { return e.error }

var (
	errNoNamespace = errors.New("socketio: the client has joined no namespace")
	errNoPong      = errors.New("socketio: no answer to a ping")
)

// none begins what is said in place of an option, where there is none.
const none = "none: "

// causeOf returns the message of a disconnect and the option that changes it, with the error that says more. The message
// of an ordinary leave is empty.
func (s *Server) causeOf(reason engineio.Reason, err error) (message, option string, details error) {
	o := &s.opts
	var limit *parser.LimitError
	switch {
	case errors.As(err, &limit):
		option, value := s.limitOf(limit)
		return beyondLimit, option, fmt.Errorf("%w; %s is %d", err, option, value)
	case errors.Is(err, eio.ErrTooLarge):
		return beyondLimit, "MaxPayload", fmt.Errorf("%w; MaxPayload is %d", err, o.MaxPayload)
	case errors.Is(err, eio.ErrFragments):
		return beyondLimit, "MaxFragments", err
	case errors.Is(err, transport.ErrControls):
		return beyondLimit, "MaxControlPackets", err
	case errors.Is(err, errAttachments):
		return lateAttachment, "ReadTimeout", fmt.Errorf("%w; ReadTimeout is %v", err, o.ReadTimeout)
	case errors.Is(err, errInbox):
		return inboxOverflow, "InboxBytes", fmt.Errorf("%w; InboxBytes is %d", err, o.InboxBytes)
	case errors.Is(err, errOutOfPlace):
		return outOfPlace, none + "the client breaks the protocol", err
	}
	switch reason {
	case engineio.PingTimeout:
		below := s.engine.Options()
		return noPong, "PingTimeout", fmt.Errorf("%w sent every %v; PingTimeout is %v", errNoPong, below.PingInterval, below.PingTimeout)
	case engineio.SlowConsumer:
		below := s.engine.Options()
		return slowClient, "SendQueueBytes, SendQueuePackets, SlowConsumer", fmt.Errorf("%w; SendQueueBytes is %d, SendQueuePackets %d",
			ErrQueueFull, below.SendQueueBytes, below.SendQueuePackets)
	case engineio.ParseError:
		return badPacket, "Parser", err
	case engineio.TransportError:
		return connectionLost, none + "look at the network, and at proxies", err
	case engineio.ForcedClose:
		if err != nil {
			return closedByServer, none + "the error says why", err
		}
	}
	return "", "", err
}

// limitOf returns the option of a parser's limit, and its value.
func (s *Server) limitOf(e *parser.LimitError) (option string, value int) {
	o := &s.opts
	switch e.Limit {
	case "Attachments":
		return "MaxAttachments", o.MaxAttachments
	case "AttachmentBytes":
		return "MaxAttachmentBytes", o.MaxAttachmentBytes
	case "Depth":
		return "MaxDepth", o.MaxDepth
	case "EventName":
		return "MaxEventName", o.MaxEventName
	default:
		return "Max" + e.Limit + "Name", o.MaxNamespaceName
	}
}

// disconnected logs the end of a session, unless it is an ordinary leave, and returns the error for its sockets.
func (c *connection) disconnected(reason engineio.Reason, err error) error {
	c.mu.Lock()
	late := c.late
	c.mu.Unlock()
	if late && err == nil { // logged by the timer: on polling the session ends later
		return &causeError{fmt.Errorf("%w within %v", errNoNamespace, c.server.opts.ConnectTimeout), "ConnectTimeout"}
	}
	message, option, details := c.server.causeOf(reason, err)
	if message == "" {
		return err
	}
	attrs := []slog.Attr{slog.String("reason", string(reason)), slog.String("transport", string(c.session.Transport()))}
	if details != nil {
		attrs = append(attrs, ratelog.Text("err", details.Error()))
		if !strings.HasPrefix(option, none) {
			details = &causeError{details, option}
		}
	}
	c.server.log.Warn(message, message, append(attrs, slog.String("option", option))...)
	return details
}

// warn logs a refusal that concerns a socket.
func (s *Socket) warn(message, option string, err error, attrs ...slog.Attr) {
	attrs = append(attrs, ratelog.Text("nsp", s.nsp.name))
	if err != nil {
		attrs = append(attrs, ratelog.Text("err", fmt.Sprint(err))) // by fmt, for an error may be a nil pointer
	}
	s.nsp.server.log.Warn(message, message, append(attrs, slog.String("option", option))...)
}

// warnRefused logs why a socket does not join its namespace. That it has disconnected, and a panic, which has been logged
// already, need no line.
func (s *Socket) warnRefused(err error) {
	switch {
	case isPanic(err), errors.Is(err, ErrClosed), s.ctx.Err() != nil:
		s.log("connection refused", "middleware", err)
	case err == error(errInvalidNamespace):
		s.conn.server.warnUnknownNamespace(s.nsp.name)
	case err == error(errTooManyNamespaces):
		s.warn(tooManyChildren, "MaxChildNamespaces", fmt.Errorf("socketio: MaxChildNamespaces is %d", s.conn.server.opts.MaxChildNamespaces))
	case err == error(errTooManyConnections):
		s.warn(tooManyConnections, "MaxConnectionsPerUser",
			fmt.Errorf("socketio: MaxConnectionsPerUser is %d", s.conn.server.opts.MaxConnectionsPerUser))
	default:
		s.warn(refusedByMiddleware, none+"a function of Use, OfFunc or OfPattern, or the adapter, returned the error", err)
	}
}

func (s *Server) warnUnknownNamespace(name string) {
	s.log.Once(slog.LevelWarn, unknownNamespace, name, unknownNamespace,
		ratelog.Text("nsp", name), slog.String("option", none+"make it with Server.Of, OfPattern or OfFunc"))
}

// warnUnhandled logs an event that nobody handles.
func (s *Socket) warnUnhandled(name string) {
	s.nsp.server.log.Once(slog.LevelWarn, noHandler, s.nsp.name+" "+name, noHandler, ratelog.Text("nsp", s.nsp.name),
		ratelog.Text("event", name), slog.String("option", none+"add a handler with On"))
}

// warnRateLimited logs an event that a rate limit has refused, and that the limiter has disconnected the client for it.
func (s *Socket) warnRateLimited(name string, err error) {
	var refusal *event.Error
	if errors.As(err, &refusal) && refusal != nil && refusal.Code == event.RateLimited {
		s.warn(rateLimited, "Limits and DisconnectAfter of middleware.RateLimit", err,
			ratelog.Text("event", name), slog.Bool("disconnected", !s.live()))
	}
}

// warnUnacknowledged logs a payload that does not fit its handler, when the client has asked for no acknowledgement and so
// does not learn of it. It reports false for other errors.
func (s *Socket) warnUnacknowledged(name string, err error) bool {
	var sent *event.Error
	if !errors.As(err, &sent) || sent == nil || sent.Code != event.Invalid || s.ctx.Err() != nil {
		return false
	}
	s.warn(payloadRefused, "OnError, which receives such errors", err, ratelog.Text("event", name))
	return true
}
