//go:build !linux || 386 || s390x

// Command floor needs epoll, and sockets with system calls of their own: see main_linux.go.
package main

import "log"

func main() { log.Fatal("floor: it is made of epoll, as Linux has it on most processors") }
