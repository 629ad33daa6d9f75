//go:build !unix

package engineio

import (
	"errors"
	"net"
	"syscall"
)

// descriptor returns nil: this platform has no non-blocking reads of a descriptor, so ordinary ones serve.
func descriptor(net.Conn) syscall.RawConn { return nil }

func readDescriptor(uintptr, []byte) (int, bool, error) { return 0, true, errors.ErrUnsupported }

func writeDescriptor(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
