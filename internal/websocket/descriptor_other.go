//go:build !unix

package websocket

import (
	"errors"
	"net"
	"os"
)

// descriptor is not used on this platform: it has no reads and writes of a descriptor that do not block. Connections use
// their net.Conn.
type descriptor struct{ *os.File }

func (*descriptor) take(net.Conn) bool { return false }

func (*descriptor) readReady(func(fd uintptr) bool) error { return errors.ErrUnsupported }

func (*descriptor) writeBatch(net.Buffers) (int64, error) { return 0, errors.ErrUnsupported }

func (*descriptor) writeNow([]byte) (int, error) { return 0, errors.ErrUnsupported }

func readDescriptor(uintptr, []byte) (int, bool, error) { return 0, true, errors.ErrUnsupported }
