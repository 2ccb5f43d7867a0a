// Command runner starts and stops a throwaway Kubernetes control plane for the
// cluster tests and the demo.
//
// Everything listens on 127.0.0.1 only, every wait is bounded, and every
// process that is signalled was started here: it is known by its id and its
// start time, never by its name.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const usage = `usage: run start DIR
       run stop DIR`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "controlplane: %v\n", err)
		var misuse usageError
		if errors.As(err, &misuse) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

type usageError struct{}

func (usageError) Error() string { return usage }

func run(args []string) error {
	if len(args) < 2 {
		return usageError{}
	}
	root, err := filepath.Abs(args[1])
	if err != nil {
		return err
	}
	dir := folder(root)

	ctx, cancel := signal.NotifyContext(context.Background(),
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()

	switch verb := args[0]; {
	case verb == "start" && len(args) == 2:
		return start(ctx, dir)
	case verb == "stop" && len(args) == 2:
		return stop(dir)
	// How `start` calls itself for what Kubernetes and kwok leave out.
	case verb == "helper":
		return helper(ctx, dir, args[2:])
	}
	return usageError{}
}
