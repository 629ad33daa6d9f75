package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/parleyio/parley/internal/guard"
)

// purgeInterval is the time between two purges of what has been kept long enough. It is not read any more in the
// meantime.
const purgeInterval = time.Minute

// purges deletes what has been kept long enough, from time to time. The zero value has not been started.
type purges struct {
	// mu guards the fields below.
	mu      sync.Mutex
	timer   *time.Timer // nil before start
	stopped bool

	ctx    context.Context // of the purge that runs
	cancel context.CancelFunc
}

func (p *purges) start(a *App) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.timer = time.AfterFunc(purgeInterval, func() { p.run(a) })
}

// run is on a goroutine of its own, which the closing of the database ends.
func (p *purges) run(a *App) {
	defer p.again()
	defer func() {
		if fault := recover(); fault != nil {
			guard.Log(a.log, "panic in a purge", fault)
		}
	}()
	purged, err := a.service.Purge(p.ctx)
	switch {
	case err != nil && !errors.Is(err, context.Canceled):
		a.log.Warn("what is too old could not be deleted", "err", err)
	case purged.Messages+purged.Items > 0:
		a.log.Debug("deleted what is too old", "messages", purged.Messages, "items", purged.Items)
	}
}

func (p *purges) again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.timer.Reset(purgeInterval)
	}
}

// stop starts no other purge and ends the one that runs.
func (p *purges) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.timer != nil {
		p.timer.Stop()
		p.cancel()
	}
}
