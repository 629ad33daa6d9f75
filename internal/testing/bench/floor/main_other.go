//go:build !linux || 386 || s390x

// Command floor needs epoll and raw system calls on sockets: see main_linux.go.
package main

import "log"

func main() { log.Fatal("floor: it needs epoll, on Linux and a supported processor") }
