package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/parleyio/parley/internal/testing/bench/load"
)

// benchCommand is `parley bench`.
type benchCommand struct {
	URL  string `default:"http://localhost:3000" help:"The server; /socket.io/ unless the URL has a path."`
	Mode string `arg:"" enum:"${benchmodes}" help:"What to measure: ${enum}."`

	Clients  int           `default:"100" help:"Connections."`
	Window   int           `default:"1" help:"Outstanding messages: of each client with echo and ack, of all together with broadcast and rooms."`
	Size     int           `default:"64" help:"Bytes of a message's payload."`
	Rooms    int           `placeholder:"N" help:"Rooms over which the clients are spread, with rooms; a tenth of the clients by default."`
	Rate     int           `default:"50" help:"Broadcasts in a second, with slow."`
	Duration time.Duration `default:"5s" help:"How long to measure."`
	Warmup   time.Duration `placeholder:"TIME" help:"How long the load runs before that; a fifth of it by default."`
	Settle   time.Duration `default:"5s" help:"How long idle connections are left alone before memory is read."`
	Dialing  int           `default:"100" help:"Connections that are opened at the same time; storm opens all."`
	Timeout  time.Duration `default:"2m" help:"How long a step, such as opening all connections, may take."`
	Insecure bool          `help:"Accept any certificate."`

	PID  int  `name:"pid" placeholder:"PID" help:"The server's process on this machine: its CPU time and memory are read (Linux)."`
	JSON bool `name:"json" help:"Write the result as JSON."`
}

// Run measures and writes the result; what goes on meanwhile goes to standard error.
func (c *benchCommand) Run(ctx context.Context, out *output) error {
	result, err := load.Run(ctx, load.Config{
		URL: c.URL, Mode: c.Mode, Clients: c.Clients, Window: c.Window, Size: c.Size, Rooms: c.Rooms, Rate: c.Rate,
		Duration: c.Duration, Warmup: c.Warmup, Settle: c.Settle, Dialing: c.Dialing, Timeout: c.Timeout,
		Insecure: c.Insecure, PID: c.PID, Progress: out.stderr,
	})
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted: a part of a run says nothing")
	case err != nil:
		return err
	}
	if c.JSON {
		return json.NewEncoder(out.stdout).Encode(result)
	}
	return result.WriteTable(out.stdout)
}
