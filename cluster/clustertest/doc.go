// Package clustertest checks what package cluster promises in the name of its buses and logs.
//
// # Usage
//
// The author of a bus or a log calls the suites from tests, with a function that makes a fresh cluster of so many nodes:
//
//	func TestAdapter(t *testing.T) {
//		clustertest.TestAdapter(t, func(t *testing.T, nodes int) []cluster.Config {
//			broker := startBroker(t)
//			configs := make([]cluster.Config, nodes)
//			for i := range configs {
//				configs[i].Bus = mybroker.New(broker)
//			}
//			return configs
//		})
//	}
//
// [TestAdapter] looks at the whole of it, as a namespace sees it: rooms, broadcasts, queries and acknowledgements, with one,
// two and three nodes. [TestRecovery] does the same for connection state recovery. [TestBus] and [TestLog] look at a bus or a
// log alone, without an engine, and at what engines rely on: order, positions, claims.
//
// # Concurrency
//
// The cases run one after another; run them with the race detector, for some are about races. Deliveries are waited for, at
// most for 20 seconds each.
package clustertest
