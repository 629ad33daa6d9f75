package load

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Result is what a run has measured. Figures that the mode does not have are zero; those of the server's process need
// its id.
type Result struct {
	Mode    string `json:"mode"`
	Clients int    `json:"clients"`
	Window  int    `json:"window,omitempty"`
	Size    int    `json:"size,omitempty"`
	Rooms   int    `json:"rooms,omitempty"`

	// Seconds is how long the load was measured.
	Seconds float64 `json:"seconds"`
	// Count is the number of measured units: answered messages, deliveries, connections or round trips.
	Count int    `json:"count"`
	Unit  string `json:"unit"`
	// Rate is Count per second.
	Rate float64 `json:"rate"`

	// Latencies as the clients see them, in microseconds.
	P50  float64 `json:"p50_us,omitempty"`
	P99  float64 `json:"p99_us,omitempty"`
	P999 float64 `json:"p999_us,omitempty"`
	// P99Before is the P99 of mode slow before the slow clients stopped reading.
	P99Before float64 `json:"p99_before_us,omitempty"`

	// ServerCPU is the server's CPU time per unit, in microseconds.
	ServerCPU float64 `json:"server_cpu_us,omitempty"`
	// ServerBusy is the server's CPU time per second, in seconds.
	ServerBusy float64 `json:"server_busy,omitempty"`
	// RSS is the server's memory at the end, in bytes, and RSSPerClient its growth per client.
	RSS          int64   `json:"rss,omitempty"`
	RSSPerClient float64 `json:"rss_per_client,omitempty"`

	// Busy is the share of the time in which the generator's loop was working. Over TLS, where many goroutines work, it is
	// a lower bound: the share of all cores that they used. Starved is the share in which the loop was ready to run and
	// other threads had all cores (Linux, not over TLS).
	Busy    float64 `json:"generator_busy"`
	Starved float64 `json:"generator_starved"`
	// MachineBusy is the share of all cores that the server and the generator used together.
	MachineBusy float64 `json:"machine_busy,omitempty"`
	// Refused counts connections that failed at the first attempt, and Lost connections that were lost later.
	Refused int `json:"refused"`
	Lost    int `json:"lost"`
	// Note has other facts, such as the first error.
	Note string `json:"note,omitempty"`
}

// limit is the part of the time from which on the generator was the limit.
const limit = 0.95

// GeneratorLimited reports whether the generator was the limit of the run, or the machine on which it is, and not the
// server: throughput and latency are not the server's then.
func (r *Result) GeneratorLimited() bool { return r.limitedBy() != "" }

// limitedBy says in which way the server was not the limit, or nothing.
func (r *Result) limitedBy() string {
	switch {
	case r.Busy >= limit:
		return "it was the limit, not the server: use fewer clients or a smaller window"
	case r.Busy+r.Starved >= limit:
		return "it was the limit, not the server: something else uses the cores"
	case r.MachineBusy >= limit:
		return "server and generator used all cores, and the server could do more alone"
	default:
		return ""
	}
}

// WriteTable writes the result for people.
func (r *Result) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	what := fmt.Sprintf("%d clients", r.Clients)
	if r.Window > 0 {
		what += fmt.Sprintf(", window %d, %d bytes", r.Window, r.Size)
	}
	if r.Rooms > 0 {
		what += fmt.Sprintf(", %d rooms", r.Rooms)
	}
	row(r.Mode, "%s", what)
	row("measured", "%d %s in %.2f s", r.Count, r.Unit, r.Seconds)
	if r.Mode != "idle" {
		row("throughput", "%.0f %s/s", r.Rate, r.Unit)
	}
	if r.P50 > 0 {
		row("latency", "p50 %s, p99 %s, p99.9 %s", micros(r.P50), micros(r.P99), micros(r.P999))
	}
	if r.P99Before > 0 {
		row("p99 without slow clients", "%s (now %.2fx)", micros(r.P99Before), r.P99/r.P99Before)
	}
	if r.ServerBusy > 0 {
		row("server CPU", "%.2f us each, %.0f%% of a core", r.ServerCPU, 100*r.ServerBusy)
	}
	switch {
	case r.RSSPerClient > 0:
		row("server memory", "%.1f MB, %.0f bytes for each client", float64(r.RSS)/1e6, r.RSSPerClient)
	case r.RSS > 0:
		row("server memory", "%.1f MB, not grown: only a fresh server tells what a client takes", float64(r.RSS)/1e6)
	}
	row("generator", "%.0f%% busy, %.0f%% without a core", 100*r.Busy, 100*r.Starved)
	if why := r.limitedBy(); why != "" {
		row("", "%s", why)
	}
	if r.Refused+r.Lost > 0 {
		row("connections", "%d refused, %d lost", r.Refused, r.Lost)
	}
	if r.Note != "" {
		row("note", "%s", r.Note)
	}
	return t.Flush()
}

func micros(us float64) string {
	return (time.Duration(us*1000) * time.Nanosecond).Round(time.Microsecond).String()
}
