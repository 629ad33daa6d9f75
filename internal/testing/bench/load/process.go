package load

import (
	"os"
	"time"
)

// usage is what a process has used.
type usage struct {
	cpu time.Duration // of all threads, in user and kernel mode
	rss int64         // bytes in memory now
}

// ownUsage is the usage of this process: nothing where that cannot be told.
func ownUsage() usage {
	u, _ := readUsage(os.Getpid())
	return u
}
