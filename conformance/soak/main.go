// Command soak runs a server for a long time under clients that come and go in every way there is: they connect, upgrade
// and leave, are cut off, reset and kicked, read slowly, send garbage, and stop in the middle of things. Meanwhile the
// clients of a ledger send each other messages. At the end
//
//   - every acknowledged message of every ordered pair of ledger clients has arrived, once and in order,
//   - no ledger client has lost a connection that nobody has cut,
//   - no fault is counted, and nothing is open,
//   - the server's goroutines are as many as before, its descriptors within 5 and its heap within 2 MiB.
//
// The server is a process of its own, so that what clients leave behind is not counted. A chart of its connections,
// goroutines, heap and descriptors goes to the directory of -out. The exit code is 1 if anything is wrong.
//
// With -faults the server misbehaves on purpose, to show that it is noticed.
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
	flag.DurationVar(&c.Time, "time", 10*time.Minute, "how long all of it takes, about; at least a minute")
	flag.DurationVar(&c.Away, "away", 5*time.Second, "how long a client may be away and still recover")
	flag.DurationVar(&c.Settle, "settle", time.Minute, "how long the server may take to return to what it was; it waits 30s for the last poll of a closed session")
	flag.IntVar(&c.Clients, "clients", 12, "how many clients come and go at a time")
	flag.Uint64Var(&c.Seed, "seed", rand.Uint64(), "where the random numbers begin; the order of events depends on time, too")
	out := flag.String("out", "tmp/soak", "directory for the chart")
	faults := flag.String("faults", "", "what the server does wrong, a list of "+strings.Join(faultNames(), ", "))
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

// soak runs, writes the chart, and returns all that was wrong.
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
