package socketio

import (
	"encoding/json"

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
	data, err := refusalData(reason)
	if err != nil {
		return nil, err
	}
	return payload.MarshalValue(struct {
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data,omitempty"`
	}{reason.Message, data})
}

// refusalData encodes the data of a refusal, or returns nil. The packet has no place of its own for the error's code, so the
// code becomes data.code, unless the data is not an object or has a code.
func refusalData(reason *event.Error) (json.RawMessage, error) {
	var data json.RawMessage
	if reason.Data != nil {
		var err error
		if data, err = payload.MarshalValue(reason.Data); err != nil {
			return nil, err
		}
	}
	empty := data == nil || string(data) == "null"
	if reason.Code == "" || !empty && data[0] != '{' {
		return data, nil
	}
	var members map[string]json.RawMessage
	if !empty {
		if err := payload.Unmarshal(data, nil, &members); err != nil {
			return nil, err
		}
		if _, ok := members["code"]; ok {
			return data, nil
		}
	}
	code, err := payload.MarshalValue(reason.Code)
	if err != nil {
		return nil, err
	}
	merged := append([]byte(`{"code":`), code...)
	if len(members) == 0 {
		return append(merged, '}'), nil
	}
	return append(append(merged, ','), data[1:]...), nil
}
