package cluster_test

import (
	"context"
	"fmt"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// A namespace gives its members to the adapter and gets back, for each broadcast, those who receive it.
func ExampleInMemory() {
	namespace := deliver(func(p *parser.Packet, members []cluster.Member, _ *cluster.Target) error {
		for _, m := range members {
			fmt.Printf("%s to %s\n", p.Data, m.ID())
		}
		return nil
	})
	rooms, err := cluster.InMemory()("/chat", namespace)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rooms.Close()

	for _, id := range []string{"ann", "bob", "cid"} {
		rooms.Add(member(id))
	}
	_ = rooms.Join("ann", "garden")
	_ = rooms.Join("bob", "garden")

	hello := &parser.Packet{Type: parser.Event, Data: []byte(`["hello"]`)}
	_ = rooms.Broadcast(hello, &cluster.Target{Rooms: []string{"garden"}, Except: []string{"ann"}})
	_ = rooms.Broadcast(hello, &cluster.Target{Rooms: []string{"cid"}})
	// Output:
	// ["hello"] to bob
	// ["hello"] to cid
}

// A client that has lost its connection comes back and gets what it has missed.
func ExampleRecoverable() {
	namespace := deliver(func(p *parser.Packet, members []cluster.Member, _ *cluster.Target) error {
		fmt.Printf("sent to %d member\n", len(members))
		return nil
	})
	adapter, err := cluster.Recoverable(cluster.RecoveryLimits{MaxPackets: 1000})("/", namespace)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer adapter.Close()
	rooms := adapter.(cluster.Recoverer)

	began := rooms.Enter(member("ann"))
	hello := &parser.Packet{Type: parser.Event, Data: []byte(`["hello"]`)}
	_ = rooms.Broadcast(hello, &cluster.Target{Everyone: true})

	rooms.Suspend(&cluster.Leftover{ID: "ann", PID: "a secret", Joined: began})
	_ = rooms.Broadcast(hello, &cluster.Target{Everyone: true}) // nobody is there

	session, err := rooms.Take(context.Background(), "a secret", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = rooms.Resume(member("ann"), session, func(missed []*parser.Packet) {
		fmt.Printf("%d packet was missed\n", len(missed))
	})
	// Output:
	// sent to 1 member
	// 1 packet was missed
}

// The events of rooms come in order.
func ExampleRoomEvents() {
	rooms, err := cluster.InMemory()("/", deliver(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rooms.Close()
	done := make(chan struct{})
	stop := rooms.(cluster.RoomEvents).ObserveRooms(func(e cluster.RoomEvent) {
		fmt.Println(e.Kind, e.Room)
		if e.Kind == cluster.RoomDeleted {
			close(done)
		}
	})
	defer stop()

	rooms.Add(member("ann"))
	_ = rooms.Join("ann", "garden")
	rooms.Remove("ann")
	<-done
	// Output:
	// create-room garden
	// join-room garden
	// leave-room garden
	// delete-room garden
}
