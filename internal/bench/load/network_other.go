//go:build !linux

package load

func newNetwork(t target, c *Config) (network, error) { return newGoroutines(t, c), nil }
