// Package event is what servers and clients share about events: typed names, the incoming [Message], the handler
// [Mux] and the [Error] that travels as an acknowledgement.
//
// # Usage
//
// An event is a typed constant, and so the wrong payload does not compile:
//
//	const (
//		MessageSent = event.Name[ChatMessage]("chat message")
//		UserFetch   = event.WithAck[UserID, User]("user:fetch")
//	)
//
//	event.On(io, MessageSent, chat.onMessage)  // func(ctx, *Socket, ChatMessage) error
//	event.OnWithAck(io, UserFetch, chat.user)  // func(ctx, *Socket, UserID) (User, error)
//	err := event.Emit(io.To("room"), MessageSent, message)
//	user, err := event.EmitWithAck(ctx, socket, UserFetch, id)
//
// An event without a payload has the type [None], one with several arguments [Args2] or [Args3]. A handler that wants
// the arguments as they came takes a *Message and calls [Message.Scan], [Message.Raws] and [Message.Ack] itself.
//
// # Concurrency
//
// Everything in this package is safe for concurrent use.
//
// # Delivery
//
// The events of one socket are handled one after another, in the order sent; [Concurrent] opts a handler out of that.
// An event that was sent with an acknowledgement is answered once: with the handler's result, with nothing when its
// type has no result, or with {"error":{"code","message","data"}} when the handler returned an error. Of an error that
// is no *[Error] the peer learns only that it was internal.
package event
