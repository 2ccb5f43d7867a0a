package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The names of the processes, which are also those of their logs and pid
// files.
const (
	etcd              = "etcd"
	apiserver         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kwok              = "kwok"
	helperName        = "helper"
)

// stopOrder lists the waves in which processes go: whoever asks before whoever
// answers, so that none hangs waiting for a peer that is gone.
var stopOrder = [][]string{
	{kwok, scheduler, controllerManager, helperName},
	{apiserver},
	{etcd},
}

// process is one process of ours. The start time tells it from a later one
// that was given the same id.
type process struct {
	name    string
	pid     int
	started string
}

func (p process) alive() bool {
	return p.started != "" && startTime(p.pid) == p.started
}

// startTime is an opaque mark of when a process began, "" when there is none
// or it has ended and only waits to be reaped.
func startTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err == nil {
		// The name in parentheses may hold anything; fields count after it.
		_, rest, found := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		fields := strings.Fields(string(rest))
		if !found || len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
			return ""
		}
		return fields[19]
	}
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		return ""
	}
	// Where there is no /proc.
	out, err := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid)).Output()
	state, began, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || strings.HasPrefix(state, "Z") {
		return ""
	}
	return strings.Join(strings.Fields(began), "-")
}

// spawn starts a program in a session of its own, so that it outlives this one
// and holds none of its streams, and records it under pids/.
func (d folder) spawn(name, program string, args []string, files ...*os.File) (process, <-chan error, error) {
	log, err := os.OpenFile(d.path(name+".log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return process{}, nil, err
	}
	defer func() { _ = log.Close() }()

	cmd := exec.Command(program, args...)
	cmd.Dir = string(d)
	// No proxy, kubeconfig or other setting of the caller reaches them; HOME
	// also keeps kwok from reading the caller's own settings.
	cmd.Env = []string{"HOME=" + string(d), "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return process{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	p := process{name: name, pid: cmd.Process.Pid, started: startTime(cmd.Process.Pid)}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()

	record := fmt.Sprintf("%d %s\n", p.pid, p.started)
	if err := os.WriteFile(d.path("pids", name), []byte(record), 0o600); err != nil {
		_ = cmd.Process.Kill()
		return process{}, nil, err
	}
	return p, exited, nil
}

// recorded reads the process of that name; one that never was is not alive.
func (d folder) recorded(name string) process {
	text, err := os.ReadFile(d.path("pids", name))
	if err != nil {
		return process{name: name}
	}
	fields := strings.Fields(string(text))
	if len(fields) != 2 {
		return process{name: name}
	}
	pid, err := strconv.Atoi(fields[0])
	if err != nil || pid <= 1 {
		return process{name: name}
	}
	return process{name: name, pid: pid, started: fields[1]}
}

// alive names the recorded processes that still run.
func (d folder) alive() (names []string) {
	for _, wave := range stopOrder {
		for _, name := range wave {
			if d.recorded(name).alive() {
				names = append(names, name)
			}
		}
	}
	return names
}

// kill ends all recorded processes but this one: TERM, and KILL for whoever is
// still there a little later.
func (d folder) kill() error {
	var failed []error
	for _, wave := range stopOrder {
		var left []process
		for _, name := range wave {
			if p := d.recorded(name); p.pid != os.Getpid() && p.alive() {
				_ = syscall.Kill(p.pid, syscall.SIGTERM)
				left = append(left, p)
			}
		}
		if left = wait(left, 3*time.Second); len(left) > 0 {
			for _, p := range left {
				// Each leads a group of its own, see spawn.
				_ = syscall.Kill(-p.pid, syscall.SIGKILL)
			}
			left = wait(left, 5*time.Second)
		}
		for _, p := range left {
			failed = append(failed, fmt.Errorf("%s (process %d) does not end", p.name, p.pid))
		}
		for _, name := range wave {
			if p := d.recorded(name); !p.alive() {
				_ = os.Remove(d.path("pids", name))
			}
		}
	}
	return errors.Join(failed...)
}

// wait returns those that are still alive after that time.
func wait(processes []process, patience time.Duration) []process {
	deadline := time.Now().Add(patience)
	for {
		var left []process
		for _, p := range processes {
			if p.alive() {
				left = append(left, p)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(20 * time.Millisecond)
	}
}
