//go:build nobundles

package web

import "embed"

// dist is empty, as on a clone that has Go alone: so tests can be run where the bundles have been built.
var dist embed.FS
