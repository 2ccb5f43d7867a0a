// Command tools is what the benchmark needs beyond a shell: it measures whole
// processes, and it adds latency to a connection.
//
//	tools measure [-n RUNS] [-fresh] [-warm] -- COMMAND...
//	tools delay LISTEN TARGET DURATION
package main

import (
	"fmt"
	"os"
)

func main() {
	err := fmt.Errorf("usage: tools measure [-n RUNS] [-fresh] [-warm] -- COMMAND...\n       tools delay LISTEN TARGET DURATION")
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "measure":
			err = measure(os.Args[2:])
		case "delay":
			err = delay(os.Args[2:])
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}
