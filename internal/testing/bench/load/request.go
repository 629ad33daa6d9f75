package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// browserHeaders are what a browser sends with every request: servers that keep them pay for them.
var browserHeaders = strings.Join([]string{
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
	"Accept-Language: en-GB,en;q=0.9,de;q=0.8",
	"Cache-Control: no-cache",
	"Pragma: no-cache",
	"Sec-Fetch-Dest: empty",
	"Sec-Fetch-Mode: cors",
	"Sec-Fetch-Site: same-origin",
	`Sec-CH-UA: "Chromium";v="143", "Not A(Brand";v="24"`,
	"Sec-CH-UA-Mobile: ?0",
	`Sec-CH-UA-Platform: "Linux"`,
	"Cookie: session=5f1d7a84c2b3e9f06a7b8c9d; theme=dark; consent=1",
}, "\r\n") + "\r\n"

// acceptEncoding is one more, but not of polls: their answers are read here, and are not to be compressed.
const acceptEncoding = "Accept-Encoding: gzip, deflate, br, zstd\r\n"

func (t target) origin() string {
	if t.secure {
		return "https://" + t.host
	}
	return "http://" + t.host
}

// upgradeRequest opens a websocket. The key is always the same: nobody checks the answer to it.
func (t target) upgradeRequest() []byte {
	return []byte("GET " + t.path + "?EIO=4&transport=websocket HTTP/1.1\r\nHost: " + t.host + "\r\n" +
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: cGFybGV5LWxvYWQtMDAwMQ==\r\nOrigin: " + t.origin() + "\r\n" + acceptEncoding + browserHeaders + "\r\n")
}

func (t target) getRequest(sid string) []byte {
	return []byte("GET " + t.pollingURL(sid) + " HTTP/1.1\r\nHost: " + t.host + "\r\nAccept: */*\r\n" + browserHeaders + "\r\n")
}

func (t target) postRequest(sid, body string) []byte {
	return []byte("POST " + t.pollingURL(sid) + " HTTP/1.1\r\nHost: " + t.host + "\r\nAccept: */*\r\nOrigin: " + t.origin() +
		"\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n" + browserHeaders +
		"\r\n" + body)
}

func (t target) pollingURL(sid string) string {
	url := t.path + "?EIO=4&transport=polling"
	if sid != "" {
		url += "&sid=" + sid
	}
	return url
}

var errHTTP = errors.New("load: an answer that is not HTTP/1.1")

// parseResponse takes an HTTP response from the front of b. It returns its size, or 0 when b does not hold all of it.
func parseResponse(b []byte) (status int, body []byte, size int, err error) {
	head := bytes.Index(b, []byte("\r\n\r\n"))
	if head < 0 {
		return 0, nil, 0, nil
	}
	if len(b) < 12 || !bytes.HasPrefix(b, []byte("HTTP/1.1 ")) {
		return 0, nil, 0, errHTTP
	}
	if status, err = strconv.Atoi(string(b[9:12])); err != nil {
		return 0, nil, 0, errHTTP
	}
	size = head + 4
	if status == 101 {
		return status, nil, size, nil
	}
	length, err := contentLength(b[:head])
	if err != nil {
		return status, nil, 0, err
	}
	if len(b) < size+length {
		return 0, nil, 0, nil
	}
	return status, b[size : size+length], size + length, nil
}

// contentLength finds the length of the body. Servers of Socket.IO know it: they do not send in chunks.
func contentLength(head []byte) (int, error) {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, found := bytes.Cut(line, []byte(":"))
		if found && bytes.EqualFold(name, []byte("Content-Length")) {
			return strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	return 0, fmt.Errorf("%w with a Content-Length", errHTTP)
}
