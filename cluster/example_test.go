package cluster_test

import (
	"context"
	"fmt"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// Two nodes of one process are a cluster. A server does this by itself, with what its Options.Adapter says.
func ExampleEngine() {
	bus := cluster.NewMemoryBus(false)
	ctx := context.Background()
	delivered := make(chan string)
	var nodes []*cluster.Adapter
	for _, name := range []string{"berlin", "paris"} {
		node, err := cluster.New(cluster.Config{Bus: bus.Node(), NodeID: name})
		if err == nil {
			err = node.Start(ctx)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		defer node.Close(ctx)
		chat, err := node.Namespace("/chat", deliver(
			func(p *parser.Packet, members []cluster.Member, _ *cluster.Target) error {
				text := fmt.Sprintf("%s to %s in %s", p.Data, members[0].ID(), name)
				go func() { delivered <- text }()
				return nil
			}))
		if err != nil {
			fmt.Println(err)
			return
		}
		nodes = append(nodes, chat)
	}
	nodes[0].Add(member("ann"))
	nodes[1].Add(member("bob"))
	_ = nodes[1].Join("bob", "garden")

	hello := &parser.Packet{Type: parser.Event, Data: []byte(`["hello"]`)}
	_ = nodes[0].Broadcast(hello, &cluster.Target{Rooms: []string{"garden"}})
	fmt.Println(<-delivered)
	// Output:
	// ["hello"] to bob in paris
}

// A client that has lost its connection comes back and gets what it has missed.
func ExampleAdapter_Restore() {
	ctx := context.Background()
	node, err := cluster.New(cluster.Config{Log: cluster.PrivateLog(cluster.MemoryLogLimits{MaxPackets: 1000})})
	if err == nil {
		err = node.Start(ctx)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close(ctx)
	chat, err := node.Namespace("/chat", deliver(func(p *parser.Packet, members []cluster.Member, _ *cluster.Target) error {
		fmt.Printf("sent to %d member\n", len(members))
		return nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}

	ann := &follower{id: "ann", progress: cluster.Progress{PID: "a secret"}}
	chat.Add(ann)
	hello := &parser.Packet{Type: parser.Event, Data: []byte(`["hello"]`)}
	_ = chat.Broadcast(hello, &cluster.Target{Everyone: true})

	chat.Suspend(ann, nil)
	_ = chat.Broadcast(hello, &cluster.Target{Everyone: true}) // nobody is there

	session, err := chat.Restore(ctx, "a secret", "", 0)
	if err == nil {
		err = session.CatchUp(ctx)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	again := &follower{id: session.ID(), progress: cluster.Progress{PID: "a secret"}}
	_ = session.Enter(again, session.Rooms(), func(missed []*parser.Packet) error {
		fmt.Printf("%d packets were missed\n", len(missed)) // it has shown no offset: both
		return nil
	})
	// Output:
	// sent to 1 member
	// 2 packets were missed
}

// The events of rooms come in order.
func ExampleAdapter_ObserveRooms() {
	node, err := cluster.New(cluster.Config{})
	if err == nil {
		err = node.Start(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close(context.Background())
	rooms, err := node.Namespace("/", deliver(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan struct{})
	stop := rooms.ObserveRooms(func(e cluster.RoomEvent) {
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
