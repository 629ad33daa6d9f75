// Command soak runs a server for a long time under clients that connect and disconnect in every way: they connect, upgrade
// and leave, lose their connection, reset it and are disconnected, read slowly, send garbage, and stop in the middle of a
// message. Meanwhile the clients of a ledger send each other messages. At the end
//
//   - every acknowledged message of every ordered pair of ledger clients has arrived, once and in order,
//   - no ledger client has lost a connection, other than those that the program closes on purpose,
//   - no panic of Parley's own code is counted, and no session is open,
//   - the server's goroutines, timers and descriptors are as many as before, and its heap has grown by at most 2 MiB.
//
// The server is a process of its own, so that nothing of the clients is counted. Of that process only what Parley and this
// program made is counted: net/http may keep a connection and its goroutine for a while. The server answers questions about
// its state over a pipe, because a connection for them would be counted.
//
// The directory of -out gets a chart of sessions, goroutines, heap and descriptors. The exit code is 1 if anything is wrong.
//
// With -faults the server misbehaves on purpose, to show that the program notices.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	if os.Getenv(serverVariable) != "" {
		if err := serve(os.Getenv(serverVariable)); err != nil {
			log.Fatal(err)
		}
		return
	}
	c := config{Report: func(format string, args ...any) { log.Printf(format, args...) }}
	flag.DurationVar(&c.Time, "time", 10*time.Minute, "duration of the run, approximately; at least a minute")
	flag.DurationVar(&c.Away, "away", 5*time.Second, "how long a client may be disconnected and still recover")
	flag.DurationVar(&c.Settle, "settle", time.Minute, "how long the server may take to release everything; it waits 30s for the last poll of a closed session")
	flag.IntVar(&c.Clients, "clients", 12, "number of clients that come and go at the same time")
	flag.Uint64Var(&c.Seed, "seed", rand.Uint64(), "seed of the random numbers; the order of events depends on time, too")
	out := flag.String("out", "tmp/soak", "directory for the chart")
	faults := flag.String("faults", "", "mistakes that the server makes: a list of "+strings.Join(faultNames(), ", "))
	flag.Parse()
	if *faults != "" {
		c.Faults = strings.Split(*faults, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := soak(ctx, c, *out); err != nil {
		log.Fatal(err)
	}
}

// soak runs, writes the chart, and returns all problems.
func soak(ctx context.Context, c config, out string) error {
	result, err := run(ctx, c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("writing the chart: %w", err)
	}
	file := filepath.Join(out, "soak.svg")
	if err := os.WriteFile(file, chart(result.Samples), 0o644); err != nil {
		return fmt.Errorf("writing the chart: %w", err)
	}
	c.Report("%s", result.Summary())
	c.Report("the chart is in %s", file)
	if len(result.Problems) > 0 {
		return errors.New("soak:\n  " + strings.Join(result.Problems, "\n  "))
	}
	return nil
}
