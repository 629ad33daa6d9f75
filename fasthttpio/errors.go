package fasthttpio

import "errors"

var (
	// ErrDisconnected is the cause of a request's context that ended because the client has closed its connection, or has
	// lost it ([context.Cause]).
	ErrDisconnected = errors.New("fasthttpio: the client has disconnected")

	errAnswered      = errors.New("fasthttpio: the answer has begun")
	errNoUpgrade     = errors.New("fasthttpio: only a request with the header Upgrade can be hijacked")
	errNotHandedOver = errors.New("fasthttpio: the connection failed before it was taken over")
)
