package errs_test

import (
	"context"
	"errors"
	"testing"

	"github.com/parleyio/parley/internal/errs"
)

func TestIncompleteError(t *testing.T) {
	for want, err := range map[string]*errs.IncompleteError{
		"parley: no answer from 1 socket: disconnected":                    {Sockets: []string{"a"}},
		"parley: no answer from 3 sockets: context deadline exceeded":      {Sockets: []string{"a", "b"}, UnnamedSockets: 1, Err: context.DeadlineExceeded},
		"parley: no answer from 3 nodes (m, n): context canceled":          {Nodes: []string{"m", "n"}, UnnamedNodes: 1, Err: context.Canceled},
		"parley: no answer from 1 node: disconnected":                      {UnnamedNodes: 1},
		"parley: no answer from 1 node (m) and 1 socket: context canceled": {Nodes: []string{"m"}, UnnamedSockets: 1, Err: context.Canceled},
		"parley: no answer from 0 sockets: context canceled":               {Err: context.Canceled},
	} {
		if got := err.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if !errors.Is(err, err.Err) && err.Err != nil {
			t.Errorf("%q does not unwrap to its cause", want)
		}
	}
}
