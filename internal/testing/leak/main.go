package leak

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines may take to end: a machine may be busy.
const patience = 20 * time.Second

// Main runs the tests of a package and exits. The run fails if a goroutine is left that anything in the process started,
// Parley or not, once it has had time to end, but for those that the options ignore. Call it from TestMain.
func Main(m *testing.M, ignore ...goleak.Option) {
	code := m.Run()
	if code == 0 {
		if err := Wait(patience, ignore...); err != nil {
			fmt.Fprintln(os.Stderr, "after the tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// Wait waits until every goroutine has ended that the tests started. It returns an error that shows those that have not.
func Wait(wait time.Duration, ignore ...goleak.Option) error {
	for end := time.Now().Add(wait); ; {
		if err := goleak.Find(ignore...); err == nil || time.Now().After(end) { // it looks for half a second
			return err
		}
	}
}
