package fasthttpio

import "log/slog"

// Options are settings of a handler. The zero value of each field is its default.
type Options struct {
	// Logger gets the panics of the http.Handler, and one warning if StreamRequestBody is not set. Nil means slog.Default.
	Logger *slog.Logger
}
