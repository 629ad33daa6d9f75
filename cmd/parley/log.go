package main

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// formatJSON is the value of --log-format that makes every line of the program JSON.
const formatJSON = "json"

// newHandler writes a log in a format. Durations are written as people write them: JSON would have nanoseconds.
func newHandler(w io.Writer, format string, level slog.Level) slog.Handler {
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			a.Value = slog.StringValue(a.Value.Duration().String())
		}
		return a
	}}
	if format == formatJSON {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}

// report writes why the program ends, in one line.
func report(w io.Writer, err error, json bool) {
	if json {
		slog.New(newHandler(w, formatJSON, slog.LevelInfo)).Error(oneLine(err))
		return
	}
	fmt.Fprintln(w, "parley: "+oneLine(err))
}

// wantsJSON tells whether the log is to be JSON, also where a mistake has kept the settings from being read.
func wantsJSON(p *program, args, environ []string) bool {
	if p.Serve.LogFormat == formatJSON || slices.Contains(args, "--log-format="+formatJSON) {
		return true
	}
	if at := slices.Index(args, "--log-format"); at >= 0 {
		return at+1 < len(args) && args[at+1] == formatJSON
	}
	flagged := slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--log-format=") })
	return !flagged && slices.Contains(environ, envName("log-format")+"="+formatJSON)
}
