package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// ExecInContainer runs a command on this machine, in the pod's folder. A stub
// of that name in the pod's bin/ or in DIR/exec/ is run before a real program.
func (p *pods) ExecInContainer(ctx context.Context, name, _, container string, command []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	namespace, podName, _ := strings.Cut(name, "/")
	pod, err := p.find(namespace, podName, container)
	if err != nil {
		return err
	}
	if pod.Status.Phase != corev1.PodRunning {
		return fmt.Errorf("cannot exec in a container of a pod that is %s", pod.Status.Phase)
	}
	if len(command) == 0 {
		return errors.New("you must specify at least 1 command for the container")
	}
	home := p.dir.pod(namespace, podName)
	record(filepath.Join(home, "exec.jsonl"), container, command)

	path := strings.Join([]string{filepath.Join(home, "bin"), p.dir.path("exec"), os.Getenv("PATH")}, string(os.PathListSeparator))
	program, err := lookPath(command[0], path)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, command[1:]...)
	cmd.Args[0] = command[0]
	cmd.Dir = home
	cmd.Env = []string{
		"PATH=" + path,
		"HOME=" + home,
		"HOSTNAME=" + pod.Name,
		"POD_NAME=" + pod.Name,
		"POD_NAMESPACE=" + pod.Namespace,
		"CONTAINER_NAME=" + container,
	}
	cmd.WaitDelay = 2 * time.Second
	if tty {
		err = runTerminal(cmd, in, out, resize)
	} else {
		err = runPlain(cmd, in, out, errOut)
	}
	var status *exec.ExitError
	if errors.As(err, &status) {
		code := status.ExitCode()
		if signal, ok := status.Sys().(syscall.WaitStatus); ok && signal.Signaled() {
			code = 128 + int(signal.Signal())
		}
		return utilexec.CodeExitError{Err: err, Code: code}
	}
	return err
}

func runPlain(cmd *exec.Cmd, in io.Reader, out, errOut io.Writer) error {
	// A group of its own, so that what a shell started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Stdout, cmd.Stderr = out, errOut
	if in == nil {
		return cmd.Run()
	}
	// Not cmd.Stdin: Wait would wait for the caller's input to end.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(stdin, in)
		_ = stdin.Close()
	}()
	return cmd.Wait()
}

func runTerminal(cmd *exec.Cmd, in io.Reader, out io.Writer, resize <-chan remotecommand.TerminalSize) error {
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// Starts a session, and so a group, of its own.
	terminal, err := pty.Start(cmd)
	if err != nil {
		return err
	}
	defer func() { _ = terminal.Close() }()
	go func() {
		for size := range resize {
			_ = pty.Setsize(terminal, &pty.Winsize{Rows: size.Height, Cols: size.Width})
		}
	}()
	if in != nil {
		go func() { _, _ = io.Copy(terminal, in) }()
	}
	drained := make(chan struct{})
	go func() {
		// Ends with an error when the last program has closed the terminal.
		_, _ = io.Copy(out, terminal)
		close(drained)
	}()
	err = cmd.Wait()
	select {
	case <-drained:
	case <-time.After(cmd.WaitDelay):
	}
	return err
}

// lookPath is exec.LookPath for a path that is not this process's own.
func lookPath(name, path string) (string, error) {
	if strings.ContainsRune(name, os.PathSeparator) {
		return name, nil
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("exec: %q: executable file not found in $PATH", name)
}

// record notes what was asked for, so that tests can look it up.
func record(path, container string, command []string) {
	line, err := json.Marshal(map[string]any{"container": container, "command": command})
	if err != nil {
		return
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	_, _ = file.Write(append(line, '\n'))
}
