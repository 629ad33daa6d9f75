//go:build !linux

// Command floor needs epoll: see main_linux.go.
package main

import "log"

func main() { log.Fatal("floor: it is made of epoll, which is Linux's") }
