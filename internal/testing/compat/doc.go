// Package compat holds docs/COMPATIBILITY.md and docs/SECURITY.md to what is there. Its tests read the tables and fail when
// they name a test or an identifier that does not exist, when a row gives neither a test that shows a feature or answers an
// attack nor a reason, and when an attack is tested and not listed. Command mend corrects the pages after tests were renamed.
package compat
