//go:build !linux

package load

import (
	"errors"
	"fmt"
)

func readUsage(int) (usage, error) {
	return usage{}, fmt.Errorf("load: reading the server's CPU time: %w", errors.ErrUnsupported)
}
