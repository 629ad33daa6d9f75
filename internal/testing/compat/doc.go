// Package compat checks docs/COMPATIBILITY.md and docs/SECURITY.md against the code. Its tests read the tables of these pages.
// They fail if a page names a test or an identifier that does not exist, if a row has neither a test nor a reason, and if a
// test of an attack has no row. Command mend corrects the pages after tests were renamed.
package compat
