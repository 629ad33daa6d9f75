//go:build !nobundles

package web

import "embed"

// dist holds the client bundles, or only .gitkeep when they were not built.
//
//go:embed all:dist
var dist embed.FS
