//go:build !unix

package websocket

import (
	"errors"
	"net"
	"os"
)

// descriptor is nothing here: this platform has no reads and writes of a descriptor that do not block, so a connection's
// own serve.
type descriptor struct{ *os.File }

func (*descriptor) take(net.Conn) bool { return false }

func (*descriptor) readReady(func(fd uintptr) bool) error { return errors.ErrUnsupported }

func (*descriptor) writeBatch(net.Buffers) (int64, error) { return 0, errors.ErrUnsupported }

func (*descriptor) writeNow([]byte) (int, error) { return 0, errors.ErrUnsupported }

func readDescriptor(uintptr, []byte) (int, bool, error) { return 0, true, errors.ErrUnsupported }
