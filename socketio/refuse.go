package socketio

import (
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// What a client receives that cannot join a namespace.
var (
	errInvalidNamespace  = &event.Error{Message: "Invalid namespace"}
	errTooManyNamespaces = &event.Error{Message: "too many namespaces"}
)

// refuse answers a connect with an encoded refusal.
func (c *connection) refuse(namespace string, payload []byte) {
	// Closed: nobody to tell.
	_ = c.send(&parser.Packet{Type: parser.ConnectError, Namespace: namespace, Data: payload})
}

func (c *connection) refuseText(namespace, message string) error {
	payload, err := marshalRefusal(&event.Error{Message: message})
	if err == nil {
		c.refuse(namespace, payload)
	}
	return err
}

// marshalRefusal encodes the reason why a namespace is not joined (socket.io-protocol v5, "Connection to a namespace").
func marshalRefusal(reason *event.Error) ([]byte, error) {
	return payload.MarshalValue(struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{reason.Message, reason.Data})
}
