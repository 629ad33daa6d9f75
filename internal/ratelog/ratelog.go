// Package ratelog writes log lines about what clients do, and limits their number: a client that repeats a mistake, or many
// clients that make the same one, must not fill the log.
//
// # Usage
//
//	log := ratelog.New(logger)
//	log.Warn("payload", "message refused: it is larger than MaxPayload", slog.Int("limit", n))
//	defer log.Close()
//
// A cause is a constant, so the number of causes is small. The first event of a cause is logged at once. Further events of
// the same cause within [Interval] are counted; the next line of the cause, or Close, has the count as suppressed.
//
// # Concurrency
//
// All methods may be called from any goroutine. They call the logger without a lock.
package ratelog

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// Interval is the time between two lines of one cause.
	Interval = time.Minute
	// MaxNames is the number of names of one cause that Once logs.
	MaxNames = 100
)

// Log writes rate-limited lines to a logger.
type Log struct {
	log *slog.Logger // immutable

	mu     sync.Mutex // guards the fields below
	causes map[string]*cause
	names  map[string]map[string]bool // by cause; logged by Once
}

// cause is the state of one cause.
type cause struct {
	msg        string
	last       time.Time // of the last line
	suppressed int       // events since then
}

// New returns a Log that writes to a logger.
func New(log *slog.Logger) *Log {
	return &Log{log: log, causes: map[string]*cause{}, names: map[string]map[string]bool{}}
}

// Warn logs an event at level Warn, unless a line of its cause was logged less than Interval ago; then it counts the event.
func (l *Log) Warn(name, msg string, attrs ...slog.Attr) {
	suppressed, due := l.count(name, msg)
	if !due {
		return
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	l.log.LogAttrs(context.Background(), slog.LevelWarn, msg, attrs...)
}

// count counts an event. It reports whether a line is due, and how many events the last one did not show.
func (l *Log) count(name, msg string) (suppressed int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	c := l.causes[name]
	if c == nil {
		l.causes[name] = &cause{msg: msg, last: now}
		return 0, true
	}
	if now.Sub(c.last) < Interval {
		c.suppressed++
		return 0, false
	}
	suppressed = c.suppressed
	c.msg, c.last, c.suppressed = msg, now, 0
	return suppressed, true
}

// Once logs the first event of each name of a cause, for at most MaxNames names. Other events are not counted.
func (l *Log) Once(level slog.Level, cause, name, msg string, attrs ...slog.Attr) {
	if l.isNew(cause, name) {
		l.log.LogAttrs(context.Background(), level, msg, attrs...)
	}
}

func (l *Log) isNew(cause, name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := l.names[cause]
	if names[name] || len(names) == MaxNames {
		return false
	}
	if names == nil {
		names = map[string]bool{}
		l.names[cause] = names
	}
	names[name] = true
	return true
}

// Close logs the counts that no line has shown yet. The Log may still be used.
func (l *Log) Close() {
	for msg, suppressed := range l.take() {
		l.log.LogAttrs(context.Background(), slog.LevelWarn, msg, slog.Int("suppressed", suppressed))
	}
}

// take returns the counts by message, and resets them.
func (l *Log) take() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := map[string]int{}
	for _, c := range l.causes {
		if c.suppressed > 0 {
			counts[c.msg] += c.suppressed
			c.suppressed = 0
		}
	}
	return counts
}

// maxText is the number of bytes of a client's text in a line.
const maxText = 200

// Text returns an attribute with a text that a client has sent, cut to 200 bytes.
func Text(key, value string) slog.Attr {
	if len(value) > maxText {
		value = value[:maxText] + "..."
	}
	return slog.String(key, value)
}
