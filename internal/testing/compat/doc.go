// Package compat holds docs/COMPATIBILITY.md and docs/SECURITY.md to what is there: its tests read the tables and fail when
// they name a test or an identifier that does not exist, when a row says neither which test shows a feature or answers an
// attack nor why there is none, and when an attack is tested and not listed.
package compat
