package socketio

import (
	"errors"
	"net/url"
	"strings"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Clients of Socket.IO 2, which come with revision 3 of Engine.IO, speak revision 4 of this protocol. Events are the
// same; what differs is how namespaces are joined, and all of it is here: "/" is joined by the handshake itself, others
// with a query instead of a payload, the ids follow from the session's, which the client knows already, and a
// middleware's refusal is the bare data or message.

// maxConnectQuery bounds the query behind a namespace's name, which is what the client authenticates with.
const maxConnectQuery = 8 << 10

var (
	errNamespace = &parser.LimitError{Limit: "Namespace", Err: &parser.SyntaxError{Reason: "namespace is too long"}}
	errQuery     = errors.New("socketio: query of a namespace does not parse")
)

// newDecoder returns the decoder of a session's packets.
func (s *Server) newDecoder(session *engineio.Session) message.Decoder {
	limits := s.opts.decoding()
	if session.Protocol() == 3 {
		limits.Namespace += maxConnectQuery // the decoder takes the query for a part of the name
	}
	return message.NewDecoder(s.opts.Parser, limits)
}

// joinRoot lets a new client into "/", which it takes for granted.
func (c *connection) joinRoot() {
	// Nothing can be out of place yet.
	_ = c.connect(&parser.Packet{Type: parser.Connect, Namespace: "/"})
}

// splitNamespace takes the query off the namespace of a packet. That of a connect becomes the payload.
func (c *connection) splitNamespace(p *parser.Packet) error {
	name, query, ok := strings.Cut(p.Namespace, "?")
	if limit := c.server.opts.MaxNamespaceName; len(name) > limit || len(query) > maxConnectQuery {
		return errNamespace
	}
	p.Namespace = name
	if p.Type != parser.Connect {
		return nil
	}
	p.Data = nil
	if !ok {
		return nil
	}
	values, err := url.ParseQuery(strings.ReplaceAll(query, ";", "%3B")) // which separates nothing here
	if err != nil {
		return errQuery
	}
	auth := make(map[string]string, len(values))
	for key, all := range values {
		auth[key] = all[len(all)-1]
	}
	p.Data, err = payload.MarshalValue(auth)
	return err
}

// socketID returns the id of the socket that will join a namespace.
func (c *connection) socketID(namespace string) string {
	switch {
	case !c.eio3:
		return engineio.NewID()
	case namespace == "/":
		return c.session.ID()
	default:
		return namespace + "#" + c.session.ID()
	}
}

// marshalReply encodes what a client receives when its socket has joined.
func (c *connection) marshalReply(reply any) ([]byte, error) {
	if c.eio3 {
		return nil, nil
	}
	return payload.MarshalValue(reply)
}

// marshalRefusal encodes the reason of a middleware, or the server's own.
func (c *connection) marshalRefusal(reason *event.Error) (refusal []byte, err error) {
	switch {
	case !c.eio3, reason == errInvalidNamespace, reason == errTooManyNamespaces:
		refusal, err = marshalRefusal(reason)
	case reason.Data != nil:
		refusal, err = refusalData(reason)
	default:
		refusal, err = payload.MarshalValue(reason.Message)
	}
	if err == nil {
		err = c.server.toClients.Send.CheckDepth(refusal)
	}
	return refusal, err
}
