package load

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Run measures. It returns an error when the server cannot be measured at all: it does not answer, or loses a client.
func Run(ctx context.Context, config Config) (*Result, error) {
	c, t, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	net, err := newNetwork(t, &c)
	if err != nil {
		return nil, err
	}
	defer net.close()
	r := &runner{
		ctx: ctx, config: c, target: t, net: net, upgrade: t.upgradeRequest(),
		message: func(*client, []byte) {}, // unexpected messages are ignored
		result:  &Result{Mode: c.Mode, Clients: c.Clients},
	}
	if c.PID != 0 {
		if r.idle, err = readUsage(c.PID); err != nil {
			return nil, err
		}
	}
	if err := r.modes()[c.Mode](); err != nil {
		return nil, err
	}
	return r.result, nil
}

// runner is one run. One goroutine owns all of it.
type runner struct {
	// Immutable after construction.
	ctx     context.Context
	config  Config
	target  target
	net     network
	upgrade []byte

	clients []*client
	joined  int // clients that have joined
	dialing int // clients that are connecting
	err     error

	now     time.Time                 // when the current event happened
	queued  []byte                    // by the client whose bytes are being handled
	message func(c *client, p []byte) // handles an event or an acknowledgement

	measuring bool
	count     int
	waited    time.Duration // for something to do
	latencies histogram
	idle      usage         // of the server before it had clients
	before    usage         // of the server when measuring began
	own       usage         // of this process when measuring began
	delayed   time.Duration // of the network when measuring began
	began     time.Time     // measuring

	said   time.Time // the last progress
	result *Result
}

func (r *runner) modes() map[string]func() error {
	return map[string]func() error{
		"connect": r.connect, "idle": r.idling, "echo": r.echo, "ack": r.ack, "broadcast": r.broadcast, "rooms": r.rooms,
		"polling": r.polling, "storm": r.storm, "slow": r.slow,
	}
}

var errTimeout = errors.New("load: timeout")

// until handles what happens until done, which is asked often, or the limit.
func (r *runner) until(what string, limit time.Duration, done func() bool) error {
	for end := time.Now().Add(limit); !done(); {
		began := time.Now()
		if began.After(end) {
			return fmt.Errorf("%w: %s for %s: %d joined, %d connecting", errTimeout, what, limit, r.joined, r.dialing)
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
		waited, err := r.net.wait(5 * time.Millisecond)
		if err != nil {
			return err
		}
		r.waited += waited
		if r.err != nil {
			return r.err
		}
		r.progress(what, began)
	}
	return nil
}

func (r *runner) progress(what string, now time.Time) {
	if r.config.Progress == nil {
		return
	}
	if r.said.IsZero() {
		r.said = now
	}
	if now.Sub(r.said) >= 3*time.Second {
		r.said = now
		fmt.Fprintf(r.config.Progress, "%s: %s: %d clients, %d measured\n", r.config.Mode, what, r.joined, r.count)
	}
}

// join opens connections until all clients have joined, a limited number at the same time. A client
// that is refused tries again.
func (r *runner) join(atOnce int) error {
	for range r.config.Clients - len(r.clients) {
		r.clients = append(r.clients, &client{run: r, index: len(r.clients)})
	}
	next := 0
	dial := func() error {
		for ; next < len(r.clients) && r.dialing < atOnce; next++ {
			if err := r.dial(r.clients[next]); err != nil {
				return err
			}
		}
		return nil
	}
	if err := dial(); err != nil {
		return err
	}
	var failed error
	err := r.until("connecting", r.config.Timeout, func() bool {
		failed = dial()
		return failed != nil || r.joined == len(r.clients)
	})
	return errors.Join(failed, err)
}

func (r *runner) dial(c *client) error {
	*c = client{run: r, index: c.index, sent: c.sent[:0]}
	r.dialing++
	var err error
	c.link, err = r.net.dial(c)
	return err
}

// refusals is how many times a client may be refused, on average, before the run fails.
const refusals = 10

func (r *runner) refused(c *client, err error) {
	r.result.Refused++
	if r.result.Note == "" {
		r.result.Note = "first refusal: " + err.Error()
	}
	if r.result.Refused > refusals*len(r.clients) {
		r.err = fmt.Errorf("load: %s refuses clients: %w", r.target.address, err)
	} else if err := r.dial(c); err != nil {
		r.err = err
	}
}

// lost ends the run, because figures of a server that loses clients mean nothing.
func (r *runner) lost(c *client, err error) {
	r.result.Lost++
	r.err = fmt.Errorf("load: client %d was lost: %w", c.index, err)
}

// begin begins to measure.
func (r *runner) begin() error {
	r.measuring, r.count, r.waited = true, 0, 0
	r.latencies.reset()
	var err error
	if r.config.PID != 0 {
		if r.before, err = readUsage(r.config.PID); err != nil {
			return err
		}
	}
	r.own, r.delayed = ownUsage(), r.net.delayed()
	r.began = time.Now()
	return nil
}

// end ends measuring and fills in what all modes have.
func (r *runner) end(unit string) error {
	took := time.Since(r.began)
	r.measuring = false
	own, delayed := ownUsage(), r.net.delayed()
	res := r.result
	res.Seconds, res.Count, res.Unit = took.Seconds(), r.count, unit
	res.Rate = float64(r.count) / took.Seconds()
	part := func(d time.Duration) float64 { return min(1, max(0, d.Seconds()/took.Seconds())) } // clocks differ a little
	cores := float64(runtime.NumCPU())
	res.Busy, res.Starved = part(took-r.waited), part(delayed-r.delayed)
	work := took - r.waited
	if r.net.shared() {
		work = own.cpu - r.own.cpu
		res.Busy = max(res.Busy, part(work)/cores)
	}
	if r.latencies.total > 0 {
		us := func(q float64) float64 { return float64(r.latencies.quantile(q)) / float64(time.Microsecond) }
		res.P50, res.P99, res.P999 = us(0.5), us(0.99), us(0.999)
	}
	if r.config.PID == 0 {
		return nil
	}
	now, err := readUsage(r.config.PID)
	if err != nil {
		return err
	}
	used := now.cpu - r.before.cpu
	res.ServerBusy = used.Seconds() / took.Seconds()
	res.MachineBusy = (used + work).Seconds() / took.Seconds() / cores
	if r.count > 0 {
		res.ServerCPU = float64(used) / float64(time.Microsecond) / float64(r.count)
	}
	res.RSS = now.rss
	res.RSSPerClient = float64(now.rss-r.idle.rss) / float64(r.config.Clients)
	return nil
}

// patience is how long a server may let the first answer wait, beyond the time of the run, and a look is taken so often.
const (
	patience = 5 * time.Second
	look     = 100 * time.Millisecond
)

// measure runs the load that has been started, or that each step goes on with: first to warm up, then measured.
func (r *runner) measure(unit string, warmup time.Duration, step func(now time.Time)) error {
	if err := r.pass("warming up", warmup, step); err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return err
	}
	if err := r.pass("measuring", r.config.Duration, step); err != nil {
		return err
	}
	for end := time.Now().Add(min(patience, r.config.Timeout)); r.count == 0; {
		if time.Now().After(end) {
			return fmt.Errorf("load: no answer: %s needs a server that handles it as the profile \"bench\" of conformance/server does", r.config.Mode)
		}
		if err := r.pass("measuring", look, step); err != nil {
			return err
		}
	}
	return r.end(unit)
}

// pass lets time pass, with many steps on the way if there are any.
func (r *runner) pass(what string, d time.Duration, step func(now time.Time)) error {
	end := time.Now().Add(d)
	return r.until(what, d+r.config.Timeout, func() bool {
		now := time.Now()
		if step != nil {
			step(now)
		}
		return !now.Before(end)
	})
}
