//go:build !linux || 386 || s390x

package load

func newNetwork(t target, c *Config) (network, error) { return newGoroutines(t, c), nil }
