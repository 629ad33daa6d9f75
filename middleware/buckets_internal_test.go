package middleware

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestOwners_guard calls the guard alone, because no input makes age panic.
func TestOwners_guard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOwners[string](1, 0, 0)
		s.aging = true
		func() {
			defer s.guard()
			panic("this is a test")
		}()
		s.find("ann")
		time.Sleep(3 * minPeriod)
		synctest.Wait()
		if n := s.len(); n != 0 {
			t.Errorf("%d owners are kept after a fault, want none", n)
		}
	})
}
