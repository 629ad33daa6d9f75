// Package event holds what servers and clients have in common for events: typed names, the incoming [Message], the handler
// [Mux], and the [Error] that is sent as an acknowledgement.
//
// # Usage
//
// Declare an event as a typed constant. A payload of another type then does not compile:
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
// The payload of an event without arguments is [None]; that of an event with several arguments is [Args2] or [Args3]. To
// work with the arguments directly, register a [Handler]: it receives a *Message and calls [Message.Scan],
// [Message.Raws] and [Message.Ack] itself.
//
// A payload that does not decode into the event's type is refused with code [Invalid], and so is one whose type has a
// Validate method that returns an error; see [Validator] and [Message.Scan].
//
// # Concurrency
//
// Everything in this package is safe for concurrent use.
//
// # Delivery
//
// The events of one socket are handled one after another, in the order sent; [Concurrent] opts a handler out of that.
// An event that was sent with an acknowledgement is answered once: with the handler's result, without arguments when the
// event has no result, or with {"error":{"code","message","data"}} when the handler returned an error. For an error that
// is not an *[Error], the peer receives only the code and the message "internal".
package event
