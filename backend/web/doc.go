// Package web holds what Parley serves to a browser: the test page and the
// official Socket.IO client bundles.
//
// # Usage
//
//	mux.Handle("/", web.Handler())
//	server, err := socketio.New(&socketio.Options{ClientFiles: web.ClientFiles()})
//
// The page is written by hand, in plain ES modules and CSS without a build
// step, and lies in page/. The client bundles are third-party code: they are
// not committed but fetched from npm into dist/ before the Go build:
//
//	npm --prefix backend/web ci
//	npm --prefix backend/web run build
//
// A binary built without them serves the same page, which then says how to
// build them.
//
// # Concurrency
//
// Everything here is immutable after start and safe for concurrent use.
package web
