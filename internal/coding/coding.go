// Package coding chooses the content coding of an HTTP answer.
package coding

import (
	"net/http"
	"strconv"
	"strings"
)

// Accepted returns the content coding that a request prefers among those given, or "" when the answer must not be encoded.
// It uses the weights of Accept-Encoding (RFC 9110, section 12.5.3). Of codings with equal weights it returns the first
// one. It returns "" for a request without that header.
func Accepted(r *http.Request, codings ...string) string {
	accepted := r.Header["Accept-Encoding"]
	if len(accepted) == 0 {
		return ""
	}
	best, weight := "", 0.0
	for _, coding := range codings {
		q, named := weightOf(accepted, coding)
		if !named {
			q, _ = weightOf(accepted, "*")
		}
		if q > weight {
			best, weight = coding, q
		}
	}
	if q, _ := weightOf(accepted, "identity"); q > weight {
		return ""
	}
	return best
}

// weightOf returns the weight of a coding, and whether the header names it. A weight that does not parse is zero.
func weightOf(accepted []string, coding string) (weight float64, named bool) {
	for _, line := range accepted {
		for part := range strings.SplitSeq(line, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(name), coding) {
				continue
			}
			weight = 1
			for parameter := range strings.SplitSeq(parameters, ";") {
				key, value, _ := strings.Cut(parameter, "=")
				if !strings.EqualFold(strings.TrimSpace(key), "q") {
					continue
				}
				q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
				if weight = 0; err == nil && q >= 0 && q <= 1 {
					weight = q
				}
			}
			return weight, true
		}
	}
	return 0, false
}
