package main

import (
	"math"

	"github.com/parleyio/parley/middleware"
)

// rateLimits makes the limiter that the settings ask for; nil if they ask for none. There is none for users: until they
// are authenticated, a client could use up the limit of any other by its name.
func (s *Settings) rateLimits() (*middleware.RateLimiter, error) {
	var limits []middleware.Limit
	for _, limit := range []middleware.Limit{
		{Per: middleware.PerConnection, Rate: s.RateLimit},
		{Per: middleware.PerIP, Rate: s.RateLimitPerIP},
	} {
		if limit.Rate > 0 {
			limit.Burst = int(math.Ceil(2 * limit.Rate))
			limits = append(limits, limit)
		}
	}
	if limits == nil {
		return nil, nil
	}
	return middleware.RateLimit(&middleware.RateLimitOptions{Limits: limits, DisconnectAfter: s.RateLimitDisconnect})
}
