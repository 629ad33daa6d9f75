package socketio_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

// What is compressed already is sent as it is.
func ExampleBroadcast_Compress() {
	io, err := socketio.New(&socketio.Options{PerMessageDeflate: &engineio.Deflate{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ann, _, stop := visitors(io, io)
	defer stop()
	ann.connect("")
	photo := []byte{0xff, 0xd8, 0xff, 0xe0}
	fmt.Println(io.To("gallery").Compress(false).Emit("photo", photo))
	// Output: <nil>
}

// A middleware around the HTTP requests of all clients.
func ExampleServer_Engine() {
	io, err := socketio.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.Engine().Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	w := httptest.NewRecorder()
	io.ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 401 who are you?
}
