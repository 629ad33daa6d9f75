// Package guard keeps a panic from ending the process: it is the one place where the library logs a panic that it has
// recovered.
//
// Each goroutine and timer of the library defers a function that calls recover and hands the value to [Log]:
//
//	func (s *Session) guard() {
//		if fault := recover(); fault != nil {
//			guard.Log(s.log, "panic in a session", fault)
//			s.abort()
//		}
//	}
//
// Recover has to be called by the deferred function itself, which is why it stands there and not here. Package
// internal/testing/archtest finds goroutines without such a guard.
package guard

import (
	"context"
	"log/slog"
	"runtime/debug"
)

// Log writes a recovered panic to the log, at level Error, with its value as err and with the stack of the goroutine.
// It must be called by the deferred function that has recovered the panic, or by one that it calls: then the stack
// still shows where the panic happened. A nil log means slog.Default.
func Log(log *slog.Logger, msg string, fault any, attrs ...slog.Attr) {
	if log == nil {
		log = slog.Default()
	}
	attrs = append(attrs, slog.Any("err", fault), slog.String("stack", string(debug.Stack())))
	log.LogAttrs(context.Background(), slog.LevelError, msg, attrs...)
}
