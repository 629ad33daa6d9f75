package web

import "io/fs"

// ClientFiles returns the official Socket.IO client bundles, each with its
// source map, by their names: socket.io.js, socket.io.min.js,
// socket.io.esm.min.js and socket.io.msgpack.min.js. It returns nil when the
// binary was built without them.
func ClientFiles() fs.FS { return bundles(dist) }

func bundles(built fs.FS) fs.FS {
	if _, err := fs.Stat(built, "dist/socket.io.min.js"); err != nil {
		return nil
	}
	files, err := fs.Sub(built, "dist")
	if err != nil {
		return nil
	}
	return files
}
