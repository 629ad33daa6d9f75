package load

// Portable makes a run use the network of goroutines everywhere.
func Portable(c *Config) { c.portable = true }
