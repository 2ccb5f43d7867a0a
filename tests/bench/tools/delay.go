package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// delay listens on one address, passes every connection on to another, and
// holds back what clients send for a while, as a longer line would: each
// request waits, many in flight wait side by side, and bandwidth stays. TLS
// passes through unread. It prints the address that it listens on.
func delay(args []string) error {
	if len(args) != 3 {
		return errors.New("delay: want LISTEN TARGET DURATION")
	}
	latency, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go pass(client, args[1], latency)
	}
}

func pass(client net.Conn, target string, latency time.Duration) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()

	go func() {
		_, _ = io.Copy(client, server)
		// The server is done: nothing more to wait for.
		_ = client.Close()
	}()

	type chunk struct {
		due  time.Time
		data []byte
	}
	line := make(chan chunk, 4096)
	go func() {
		defer close(line)
		for {
			data := make([]byte, 32<<10)
			n, err := client.Read(data)
			if n > 0 {
				line <- chunk{time.Now().Add(latency), data[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for next := range line {
		time.Sleep(time.Until(next.due))
		if _, err := server.Write(next.data); err != nil {
			break
		}
	}
	// Whatever is still on its way has nowhere to go.
	_ = client.Close()
	for range line {
	}
}
