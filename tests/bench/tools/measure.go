package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// measure runs a command several times as a whole process and prints one line:
// the median wall time in ms, the highest peak memory in kB, the size of stdout.
func measure(args []string) error {
	flags := flag.NewFlagSet("measure", flag.ContinueOnError)
	runs := flags.Int("n", 1, "how many runs")
	fresh := flags.Bool("fresh", false, "an empty HOME for each run")
	warm := flags.Bool("warm", false, "one run before that is not counted")
	if err := flags.Parse(args); err != nil {
		return err
	}
	command := flags.Args()
	if len(command) == 0 || *runs < 1 {
		return fmt.Errorf("measure: nothing to run")
	}
	home, err := os.MkdirTemp("", "bench-home.")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(home) }()

	var times []time.Duration
	var peak, size int64
	total := *runs
	if *warm {
		total++
	}
	for run := range total {
		here := home
		if *fresh {
			here = fmt.Sprintf("%s/%d", home, run)
			if err := os.Mkdir(here, 0o700); err != nil {
				return err
			}
		}
		took, memory, written, err := once(command, here)
		if err != nil {
			return err
		}
		if *warm && run == 0 {
			continue
		}
		times = append(times, took)
		peak, size = max(peak, memory), written
	}
	slices.Sort(times)
	// Of an even number the lower of the two in the middle would flatter.
	median := times[len(times)/2]
	fmt.Printf("%.1f %d %d\n", float64(median.Microseconds())/1000, peak, size)
	return nil
}

// once runs the command with HOME at home, its output read as a pipe would.
func once(command []string, home string) (time.Duration, int64, int64, error) {
	cmd := exec.Command(command[0], command[1:]...)
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); name != "HOME" && !strings.HasPrefix(name, "XDG_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+home)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, 0, err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, 0, err
	}
	written, _ := io.Copy(io.Discard, out)
	err = cmd.Wait()
	took := time.Since(begun)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, complaints.String())
	}
	memory := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	return took, kilobytes(memory), written, nil
}
