package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// pollingClient is a client on long-polling, as browsers do it: one connection holds the poll, another posts.
type pollingClient struct {
	run  *runner
	poll *pollingLink
	post *pollingLink
	sid  string
	at   time.Time

	posting bool // a POST is not answered yet, and the two below wait for it: browsers send one at a time
	waiting bool // the next message
	owed    bool // the pong

	get, message, pong []byte // requests
}

// pollingLink is one of its two connections.
type pollingLink struct {
	client *pollingClient
	link   link
	answer func(body []byte)
	opened bool
}

func (l *pollingLink) connected() {
	l.opened = true
	c := l.client
	if l == c.poll {
		l.link.send(c.run.target.getRequest(""))
	} else {
		c.join()
	}
}

func (l *pollingLink) received(b []byte) int {
	l.client.run.now = time.Now()
	status, body, size, err := parseResponse(b)
	switch {
	case err != nil:
		l.client.run.err = fmt.Errorf("load: polling: %w", err)
	case size > 0 && status != 200:
		l.client.run.err = fmt.Errorf("load: polling got status %d: %.100s", status, body)
	case size > 0:
		l.answer(body)
	}
	return size
}

func (l *pollingLink) closed(err error) {
	l.client.run.err = fmt.Errorf("load: a polling client was lost: %w", err)
}

// opened takes the answer to the handshake.
func (c *pollingClient) opened(body []byte) {
	var open struct {
		SID string `json:"sid"`
	}
	if len(body) == 0 || json.Unmarshal(body[1:], &open) != nil || open.SID == "" {
		c.run.err = fmt.Errorf("load: no handshake: %.100s", body)
		return
	}
	t := c.run.target
	c.sid = open.SID
	c.get = t.getRequest(c.sid)
	c.message = t.postRequest(c.sid, `42["echo","`+filler(c.run.config.Size)+`"]`)
	c.pong = t.postRequest(c.sid, "3")
	c.poll.answer = c.polled
	if c.post.opened {
		c.join()
	}
}

// join asks for the namespace, once both connections are open and there is a session.
func (c *pollingClient) join() {
	if c.sid != "" {
		c.send(c.run.target.postRequest(c.sid, "40"))
		c.poll.link.send(c.get)
	}
}

// polled takes what a poll has brought, and sends the next one.
func (c *pollingClient) polled(body []byte) {
	c.poll.link.send(c.get)
	for p := range bytes.SplitSeq(body, []byte{0x1e}) {
		switch {
		case bytes.HasPrefix(p, []byte("40")):
			c.run.joined++
			c.run.dialing--
		case bytes.HasPrefix(p, echoed) && !c.at.IsZero():
			if c.run.measuring {
				c.run.count++
				c.run.latencies.add(c.run.now.Sub(c.at))
			}
			c.echo()
		case bytes.Equal(p, []byte("2")):
			if c.owed = c.posting; !c.owed {
				c.send(c.pong)
			}
		}
	}
}

// echo posts the next message, once the last POST is answered.
func (c *pollingClient) echo() {
	if c.waiting = c.posting; c.waiting {
		return
	}
	c.at = time.Now()
	c.send(c.message)
}

func (c *pollingClient) send(request []byte) {
	c.posting = true
	c.post.link.send(request)
}

// posted takes the answer to a POST.
func (c *pollingClient) posted([]byte) {
	c.posting = false
	switch {
	case c.owed:
		c.owed = false
		c.send(c.pong)
	case c.waiting:
		c.echo()
	}
}

// polling measures round trips of an event: a POST that brings it and a GET that takes it back.
func (r *runner) polling() error {
	r.result.Window, r.result.Size = 1, r.config.Size
	clients := make([]*pollingClient, r.config.Clients)
	next := 0
	dial := func() (err error) {
		for ; next < len(clients) && r.dialing < r.config.Dialing && err == nil; next++ {
			c := &pollingClient{run: r}
			clients[next] = c
			c.poll = &pollingLink{client: c, answer: c.opened}
			c.post = &pollingLink{client: c, answer: c.posted}
			r.dialing++
			if c.poll.link, err = r.net.dial(c.poll); err == nil {
				c.post.link, err = r.net.dial(c.post)
			}
		}
		return err
	}
	var failed error
	err := r.until("connecting", r.config.Timeout, func() bool {
		failed = dial()
		return failed != nil || r.joined == len(clients)
	})
	if err != nil || failed != nil {
		return errors.Join(failed, err)
	}
	for _, c := range clients {
		c.echo()
	}
	return r.measure("round trips", r.config.Warmup, nil)
}
