package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// PortForward connects a port of a pod to the loopback port that a test named
// for it, in ports/PORT of the pod's folder or of the control plane's. A port
// that nobody named is closed: there is no container that could listen.
func (p *pods) PortForward(ctx context.Context, name, _ string, port int32, stream io.ReadWriteCloser) error {
	defer func() { _ = stream.Close() }()
	namespace, podName, _ := strings.Cut(name, "/")
	if _, err := p.find(namespace, podName, ""); err != nil {
		return err
	}
	target, err := p.target(namespace, podName, port)
	if err != nil {
		return err
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(target)))
	if err != nil {
		return fmt.Errorf("failed to connect to localhost:%d inside pod %q: %w", port, podName, err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	go func() {
		_, _ = io.Copy(conn, stream)
		// The other side may still answer.
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	// Over when the server has said all.
	_, err = io.Copy(stream, conn)
	return err
}

func (p *pods) target(namespace, pod string, port int32) (int, error) {
	file := strconv.Itoa(int(port))
	for _, path := range []string{
		filepath.Join(p.dir.pod(namespace, pod), "ports", file),
		p.dir.path("ports", file),
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		target, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%s: want a port of 127.0.0.1: %w", path, err)
		}
		return int(target), nil
	}
	return 0, fmt.Errorf("failed to connect to localhost:%d inside pod %q: connection refused", port, pod)
}
