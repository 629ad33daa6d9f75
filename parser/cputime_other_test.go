//go:build !linux

package parser_test

import (
	"testing"
	"time"
)

// cost returns the time that f takes.
func cost(_ *testing.T, f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
