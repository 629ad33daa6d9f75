package main

import (
	"os/exec"
	"strings"
	"testing"
)

// lastOf returns what a target runs at last.
func lastOf(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not there")
	}
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory", "-n"}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(strings.Fields(lines[len(lines)-1]), " ")
}

func TestMake_build(t *testing.T) {
	commit, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		t.Skip("this is no checkout")
	}
	if got, want := lastOf(t, "build"), "-X main.commit="+strings.TrimSpace(string(commit)); !strings.Contains(got, want) {
		t.Errorf("make build runs %q, want %q in it", got, want)
	}
}

// `make run` takes a port, and leaves PARLEY_LISTEN its word where there is none.
func TestMake_run(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "bin/parley serve --database parley.db"},
		{[]string{"PORT=3001"}, "bin/parley serve --listen localhost:3001 --database parley.db"},
	} {
		if got := lastOf(t, append([]string{"run"}, c.args...)...); got != c.want {
			t.Errorf("make run %q runs %q, want %q", c.args, got, c.want)
		}
	}
}
