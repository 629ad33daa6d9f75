package middleware_test

import (
	"testing"

	"github.com/parleyio/parley/internal/testing/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
