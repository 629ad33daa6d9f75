// Command parley runs Parley's real-time backend.
//
//	parley serve --listen localhost:3000 --database parley.db
//
// `parley serve --help` lists the settings; each is a flag, an environment variable and a key of the YAML file named by
// --config. A wrong setting ends the program with one line that names it and the exit code 2, any other failure with the
// exit code 1.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/parleyio/parley/internal/testing/bench/load"
)

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal drains. Supervisors that signal a process and its group deliver SIGTERM twice, and the drain is
	// bounded, so a repetition changes nothing; the next Ctrl-C finds no handler and ends the process.
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })
	p := new(program)
	err := p.run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	if err != nil {
		report(os.Stderr, err, wantsJSON(p, os.Args[1:], os.Environ()))
	}
	os.Exit(exitCode(err))
}

// program is the command line. Settings belong to a command; what all commands share stands here.
type program struct {
	ShowVersion kong.VersionFlag `name:"version" help:"Print the version and exit."`

	Serve   serveCommand   `cmd:"" help:"Run the backend: Socket.IO, the HTTP API and the test page."`
	Bench   benchCommand   `cmd:"" help:"Measure a Socket.IO server, this one or another."`
	Version versionCommand `cmd:"" help:"Print the version, with the commit that it was built from."`
	Help    helpCommand    `cmd:"" help:"Print this, or what a command does: parley help serve."`
}

// run is the program without the process around it. It returns when the command is done; `serve` is done when ctx has
// ended and everything is drained.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	return new(program).run(ctx, args, environ, stdout, stderr)
}

func (p *program) run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	command, err := parse(p, args, environ, stdout)
	if command == nil || err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(&output{stdout, stderr})
}

// parse fills p from all sources of settings. It returns no command when the arguments ask for information, which it has
// then written to stdout.
func parse(p *program, args, environ []string, stdout io.Writer) (*kong.Context, error) {
	printed := false // kong prints what was asked for, calls Exit and goes on
	settings := newSources(environ)
	parser, err := kong.New(p,
		kong.Name("parley"),
		kong.Description("A real-time backend that browsers use through Socket.IO."),
		kong.Vars{"version": "parley " + version(), "benchmodes": strings.Join(load.Modes, ",")},
		kong.Writers(stdout, stdout),
		kong.Exit(func(int) { printed = true }),
		kong.Resolvers(settings),
		kong.Bind(settings),
		kong.PostBuild(mentionEnvironment),
	)
	if err != nil {
		return nil, err
	}
	command, err := parser.Parse(args)
	switch {
	case printed:
		return nil, nil
	case err != nil:
		return nil, usageError{settings.explain(err)}
	}
	return command, nil
}

// output is where a command writes: what was asked for, and the log.
type output struct{ stdout, stderr io.Writer }

// usageError is a mistake in how the program was started.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.As(err, new(usageError)):
		return 2
	}
	return 1
}

// oneLine keeps a message with line breaks, such as YAML's, on one line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
