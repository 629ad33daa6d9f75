package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

const (
	envPrefix  = "PARLEY_"
	configFlag = "config"
)

// envName is the environment variable of a flag: listen is PARLEY_LISTEN, log-level is PARLEY_LOG_LEVEL.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// sources answers kong's question for the value of a flag that is not on the command line. kong itself would let the
// file win over the environment, and reads the process's environment where tests pass their own.
type sources struct {
	env  map[string]string
	file map[string]any // nil without --config

	origin map[string]string // flag name -> where its value came from, for messages
}

func newSources(environ []string) *sources {
	s := &sources{env: map[string]string{}, origin: map[string]string{}}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, envPrefix) {
			s.env[name] = value
		}
	}
	return s
}

// loadConfig reads the YAML file that the command's --config names, if it does. Its keys are checked against the
// command's flags, so that a misspelt one is not ignored.
func (s *sources) loadConfig(ctx *kong.Context, command *kong.Node) error {
	if err := s.checkEnv(command); err != nil {
		return err
	}
	path := s.env[envName(configFlag)]
	for _, flag := range command.Flags {
		if given, _ := ctx.FlagValue(flag).(string); flag.Name == configFlag && given != "" {
			path = given
		}
	}
	if path == "" {
		return nil
	}
	if err := s.load(path, command); err != nil {
		return fmt.Errorf("--%s: %w", configFlag, err)
	}
	return nil
}

// checkEnv refuses variables that no flag of the command reads, so that a misspelt one is not ignored.
func (s *sources) checkEnv(command *kong.Node) error {
	known := map[string]bool{envName("help"): true, envName("version"): true} // often in images; see isSetting
	for _, flag := range command.Flags {
		known[envName(flag.Name)] = true
	}
	var unknown []string
	for name, value := range s.env {
		if !known[name] && !isServiceLink(name, value) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("unknown environment variable %s: parley serve --help lists those that there are", strings.Join(unknown, ", "))
	}
	return nil
}

// isServiceLink recognises the variables that Kubernetes and Docker links put into every container beside a service that is
// called parley.
func isServiceLink(name, value string) bool {
	return strings.HasPrefix(name, envPrefix+"SERVICE_") || strings.HasPrefix(name, envPrefix+"PORT_") ||
		name == envPrefix+"PORT" && strings.Contains(value, "://")
}

func (s *sources) load(path string, command *kong.Node) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document any
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: only one YAML document is allowed", path)
	}
	keys, ok := document.(map[string]any)
	if document != nil && !ok {
		return fmt.Errorf("%s: must consist of lines with a setting, a colon and its value", path)
	}
	var unknown []string
	for key, value := range keys {
		i := slices.IndexFunc(command.Flags, func(f *kong.Flag) bool { return f.Name == key })
		switch {
		case i < 0 || key == configFlag:
			unknown = append(unknown, strconv.Quote(key))
		case !isScalar(value) && !(command.Flags[i].IsSlice() && isList(value)):
			return fmt.Errorf("%s: setting %q has no single value", path, key)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("%s: unknown setting %s", path, strings.Join(unknown, ", "))
	}
	s.file = keys
	return nil
}

func isScalar(value any) bool {
	switch value.(type) {
	case string, int, int64, uint64, float64, bool:
		return true
	}
	return false
}

// isList tells a list of texts, the only kind that there is.
func isList(value any) bool {
	list, ok := value.([]any)
	return ok && !slices.ContainsFunc(list, func(v any) bool { _, text := v.(string); return !text })
}

// Validate implements kong.Resolver.
func (s *sources) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (s *sources) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name := envName(flag.Name)
	if value, ok := s.env[name]; ok && isSetting(flag) {
		s.origin[flag.Name] = name
		return value, nil
	}
	value, ok := s.file[flag.Name]
	if !ok {
		return nil, nil
	}
	s.origin[flag.Name] = "the configuration file"
	return asWritten(value), nil
}

// isSetting tells a setting from a request for information, which is made on the command line alone.
func isSetting(flag *kong.Flag) bool { return flag.Name != "help" && flag.Name != "version" }

// asWritten gives numbers and booleans back as text, so that kong reads them as strictly as on the command line: it
// would round a fraction and take a bare number for nanoseconds.
func asWritten(value any) any {
	switch value.(type) {
	case int, int64, uint64, float64, bool:
		return fmt.Sprint(value)
	}
	return value
}

// explain adds to an error about a flag that is not on the command line where its value stands.
func (s *sources) explain(err error) error {
	text := strings.TrimPrefix(err.Error(), "serve: ")
	for flag, origin := range s.origin {
		if rest, ok := strings.CutPrefix(text, "--"+flag); ok && rest != "" && strings.ContainsRune(":= ", rune(rest[0])) {
			return fmt.Errorf("%s (from %s)", text, origin)
		}
	}
	return errors.New(text)
}

// mentionEnvironment adds the name of its environment variable to the help of each setting.
func mentionEnvironment(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && isSetting(flag) {
			flag.Help += " ($" + envName(flag.Name) + ")"
		}
		return next(nil)
	})
}
