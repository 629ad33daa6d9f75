// Package app assembles a whole backend in one process: the database, the use cases, Socket.IO, the HTTP API and the
// page. `parley serve` is this package with settings around it.
//
// # Usage
//
//	a, err := app.New(ctx, &app.Settings{Database: "parley.db", Listen: "localhost:3000"})
//	err = a.Run(ctx) // until ctx ends; then it drains
//
// A program that has a server of its own leaves Listen empty, mounts [App.Handler] at "/", and calls [App.Close] at the
// end. [App.Service] has the use cases, for what the program itself does and for its subscribers; [App.IO] is the
// Socket.IO server, for events and namespaces of its own.
//
// # Concurrency
//
// All methods of an App may be called from any goroutine. New starts none; Run and Close wait for those that they start.
package app
