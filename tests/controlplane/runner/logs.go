package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	criapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	crilogs "k8s.io/cri-client/pkg/logs"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// serveLogs answers GET /containerLogs with the reader that the real kubelet
// uses, over files that tests write.
func (p *pods) serveLogs(w http.ResponseWriter, r *http.Request) {
	namespace, name, container := r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
	pod, err := p.find(namespace, name, container)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	query := r.URL.Query()
	file, err := p.logFile(pod, container, query.Get("previous") == "true")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	options, err := logOptions(query)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}

	out := flushing{w, http.NewResponseController(w)}
	var stdout, stderr io.Writer = out, out
	switch query.Get("stream") {
	case corev1.LogStreamStdout:
		stderr = io.Discard
	case corev1.LogStreamStderr:
		stdout = io.Discard
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusOK)
	_ = out.flush.Flush()
	_ = crilogs.ReadLogs(r.Context(), file, string(pod.UID), options, state{pods: p, pod: pod}, stdout, stderr)
}

// logFile is where the log lies, or why there is none, in a kubelet's words.
func (p *pods) logFile(pod *corev1.Pod, container string, previous bool) (string, error) {
	path := p.log(pod.Namespace, pod.Name, container)
	if previous {
		path = strings.TrimSuffix(path, ".log") + ".previous.log"
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("previous terminated container %q in pod %q not found", container, pod.Name)
		}
		return path, nil
	}
	if pod.Status.Phase == corev1.PodPending {
		reason := "ContainerCreating"
		for _, status := range pod.Status.ContainerStatuses {
			if status.Name == container && status.State.Waiting != nil {
				reason = status.State.Waiting.Reason
			}
		}
		return "", fmt.Errorf("container %q in pod %q is waiting to start: %s", container, pod.Name, reason)
	}
	// The folder follows the pod's status by a moment.
	for range 50 {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "", fmt.Errorf("failed to try resolving symlinks in path %q: no such file or directory", path)
}

func logOptions(query url.Values) (*crilogs.LogOptions, error) {
	options := &crilogs.LogOptions{
		Follow:    query.Get("follow") == "true",
		Timestamp: query.Get("timestamps") == "true",
	}
	number := func(key string) (*int64, error) {
		if !query.Has(key) {
			return nil, nil
		}
		value, err := strconv.ParseInt(query.Get(key), 10, 64)
		return &value, err
	}
	var errs [3]error
	options.TailLines, errs[0] = number("tailLines")
	options.LimitBytes, errs[1] = number("limitBytes")
	seconds, err := number("sinceSeconds")
	errs[2] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if seconds != nil {
		options.Since = time.Now().Add(-time.Duration(*seconds) * time.Second)
	}
	if text := query.Get("sinceTime"); text != "" {
		since, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, err
		}
		options.Since = since
	}
	return options, nil
}

// AttachContainer shows what the container writes from now on; what is typed
// goes nowhere.
func (p *pods) AttachContainer(ctx context.Context, name, _, container string, _ io.Reader, out, errOut io.WriteCloser, tty bool, _ <-chan remotecommand.TerminalSize) error {
	namespace, podName, _ := strings.Cut(name, "/")
	pod, err := p.find(namespace, podName, container)
	if err != nil {
		return err
	}
	file, err := p.logFile(pod, container, false)
	if err != nil {
		return err
	}
	var stderr io.Writer = errOut
	if tty || errOut == nil {
		stderr = out
	}
	var none int64
	options := &crilogs.LogOptions{Follow: true, TailLines: &none}
	return crilogs.ReadLogs(ctx, file, string(pod.UID), options, state{pods: p, pod: pod}, out, stderr)
}

// flushing sends each line at once.
type flushing struct {
	io.Writer
	flush *http.ResponseController
}

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	if err == nil {
		err = f.flush.Flush()
	}
	return n, err
}

// state tells the log reader whether a container still runs: a follow ends
// with its pod.
type state struct {
	criapi.RuntimeService
	pods *pods
	pod  *corev1.Pod
}

func (s state) ContainerStatus(context.Context, string, bool) (*runtimeapi.ContainerStatusResponse, error) {
	running := runtimeapi.ContainerState_CONTAINER_RUNNING
	now, err := s.pods.find(s.pod.Namespace, s.pod.Name, "")
	if err != nil || now.UID != s.pod.UID || now.Status.Phase == corev1.PodSucceeded || now.Status.Phase == corev1.PodFailed {
		running = runtimeapi.ContainerState_CONTAINER_EXITED
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{State: running}}, nil
}
