// Package compat holds docs/COMPATIBILITY.md to what is there: its test reads the tables and fails when they name a test
// or an identifier that does not exist, or when a row says neither which test shows a feature nor why it is missing.
package compat
