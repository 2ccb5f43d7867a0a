package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// folder is the DIR of one control plane; it knows where everything lies.
type folder string

func (d folder) path(elem ...string) string {
	return filepath.Join(append([]string{string(d)}, elem...)...)
}

func (d folder) kubeconfig() string { return d.path("kubeconfig") }

// pod is the folder of one pod: its logs, its stubs and its ports.
func (d folder) pod(namespace, name string) string { return d.path("pods", namespace, name) }

// marker says that a folder is ours, so that an earlier run may be wiped. A
// folder with other things in it is refused.
const marker = ".controlplane"

// owned is what a start wipes. `exec` and `ports` are left: tests write them.
var owned = []string{"etcd", "flex", "pki", "pids", "pods", "volumes", "kwok.yaml", "kubeconfig"}

// claim makes the folder ours and locks it until the returned function is
// called.
func (d folder) claim() (release func(), err error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(d.path(marker)); errors.Is(err, os.ErrNotExist) {
		entries, err := os.ReadDir(string(d))
		if err != nil {
			return nil, err
		}
		if len(entries) > 0 {
			return nil, fmt.Errorf("%s is not empty and no control plane was started in it", d)
		}
	}
	return d.lock(20 * time.Second)
}

// lock keeps a start, a stop and the watchdog from working on one folder at
// the same time.
func (d folder) lock(patience time.Duration) (release func(), err error) {
	file, err := os.OpenFile(d.path(marker), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(patience)
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if time.Now().After(deadline) {
			_ = file.Close()
			return nil, fmt.Errorf("%s is in use by another start or stop: %w", d, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// wipe removes what an earlier run left.
func (d folder) wipe() error {
	for _, name := range owned {
		if err := os.RemoveAll(d.path(name)); err != nil {
			return err
		}
	}
	logs, _ := filepath.Glob(d.path("*.log"))
	for _, log := range logs {
		if err := os.Remove(log); err != nil {
			return err
		}
	}
	for _, name := range []string{"etcd", "pki", "pids", "pods", "volumes", "exec", "ports"} {
		if err := os.MkdirAll(d.path(name), 0o700); err != nil {
			return err
		}
	}
	return nil
}
