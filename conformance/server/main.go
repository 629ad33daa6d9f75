// Command server is the server for the protocol suites and for tests with real clients. Each profile is a small server with
// known handlers and timings; see profiles.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/parleyio/parley/internal/memory"
)

func main() {
	profile := flag.String("profile", "socket-v5", "one of "+strings.Join(slices.Sorted(maps.Keys(profiles)), ", "))
	listen := flag.String("listen", "127.0.0.1:3000", "address to listen on")
	var files certificate
	flag.StringVar(&files.cert, "cert", "", "file with a certificate; with it the server speaks TLS")
	flag.StringVar(&files.key, "key", "", "file with the certificate's key")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *profile, *listen, files, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// certificate has the paths of a certificate and its key. Without them the server speaks plain HTTP.
type certificate struct{ cert, key string }

// web is the HTTP server of the program: with the build tag fiber it is that of Fiber, otherwise that of net/http. One binary
// does not contain both, because the one with net/http is also used for measurements.
type web interface {
	Serve(l net.Listener) error
	ServeTLS(l net.Listener, cert, key string) error
	Shutdown(ctx context.Context) error
}

// readTimeout is the time for the headers of a request.
const readTimeout = 10 * time.Second

// run serves a profile until ctx ends, and writes the address to out.
func run(ctx context.Context, profile, listen string, files certificate, out io.Writer) error {
	start, ok := profiles[profile]
	if !ok {
		return fmt.Errorf("no profile %q", profile)
	}
	p, err := start()
	if err != nil {
		return err
	}
	server := newWeb(p)
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	defer memory.Start(ctx)()
	failed := make(chan error, 1)
	if files == (certificate{}) {
		fmt.Fprintf(out, "listening on http://%s%s\n", listener.Addr(), p.path)
		go func() { failed <- server.Serve(listener) }()
	} else {
		fmt.Fprintf(out, "listening on https://%s%s\n", listener.Addr(), p.path)
		go func() { failed <- server.ServeTLS(listener, files.cert, files.key) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// The profile's shutdown ends its own connections, so the HTTP server does not have to wait for them.
	return errors.Join(p.shutdown(end), server.Shutdown(end))
}
