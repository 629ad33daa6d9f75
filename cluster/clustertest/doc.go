// Package clustertest checks what package cluster promises in the name of its implementations.
//
// # Usage
//
// The author of an adapter calls [TestAdapter] from a test:
//
//	func TestAdapter(t *testing.T) {
//		clustertest.TestAdapter(t, func(t *testing.T) cluster.Factory {
//			return myadapter.New(startBroker(t))
//		})
//	}
//
// An adapter that is a cluster.Recoverer passes [TestRecoverer] besides. Cases about abilities that an adapter does not
// have are skipped.
//
// The suite makes one adapter per case and is the only node of its cluster. It works with adapters that deliver later:
// before it looks at what a member has received it sends a packet to everyone and waits until that has arrived.
//
// # Concurrency
//
// The cases run one after another; run them with the race detector, for some are about races.
package clustertest
