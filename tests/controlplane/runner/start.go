package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"text/template"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

//go:embed stages.yaml
var stages string

// settings come from the environment.
type settings struct {
	// name is what the kubeconfig calls context, cluster and user.
	name string
	// parent, when its id is set, is the process whose end stops everything.
	parent process
	// logEvery is how often each container writes a log line; 0 is never.
	logEvery time.Duration
	patience time.Duration
}

func readSettings() (settings, error) {
	s := settings{name: "chain-test", patience: 60 * time.Second}
	if name := os.Getenv("CHAIN_CONTROLPLANE_NAME"); name != "" {
		s.name = name
	}
	for variable, into := range map[string]*time.Duration{
		"CHAIN_CONTROLPLANE_TIMEOUT":   &s.patience,
		"CHAIN_CONTROLPLANE_LOG_EVERY": &s.logEvery,
	} {
		if text := os.Getenv(variable); text != "" {
			value, err := time.ParseDuration(text)
			if err != nil || value <= 0 {
				return s, fmt.Errorf("%s: want a duration such as 60s, got %q", variable, text)
			}
			*into = value
		}
	}
	if text := os.Getenv("CHAIN_CONTROLPLANE_PARENT"); text != "" {
		pid, err := strconv.Atoi(text)
		if err != nil || pid <= 1 {
			return s, fmt.Errorf("CHAIN_CONTROLPLANE_PARENT: want a process id, got %q", text)
		}
		s.parent = process{name: "parent", pid: pid, started: startTime(pid)}
		if !s.parent.alive() {
			return s, fmt.Errorf("CHAIN_CONTROLPLANE_PARENT: there is no process %d", pid)
		}
	}
	return s, nil
}

func start(ctx context.Context, dir folder) error {
	set, err := readSettings()
	if err != nil {
		return err
	}
	release, err := dir.claim()
	if err != nil {
		return err
	}
	defer release()
	if alive := dir.alive(); len(alive) > 0 {
		// All of them are a control plane in use; some are a wreck.
		if len(alive) == len(stopOrder[0])+len(stopOrder[1])+len(stopOrder[2]) {
			return fmt.Errorf("a control plane already runs in %s\nhint: run stop %s", dir, dir)
		}
		if err := dir.kill(); err != nil {
			return err
		}
	}

	ctx, cancel := context.WithTimeoutCause(ctx, set.patience,
		fmt.Errorf("not ready within %s", set.patience))
	defer cancel()
	begun := time.Now()
	// A free port can be taken by somebody else before the server has it.
	for attempt := 1; ; attempt++ {
		err = startOnce(ctx, dir, set)
		if err == nil {
			fmt.Fprintf(os.Stderr, "controlplane: ready in %.1f s\n", time.Since(begun).Seconds())
			return nil
		}
		if killed := dir.kill(); killed != nil {
			return errors.Join(err, killed)
		}
		if attempt == 3 || !strings.Contains(err.Error(), "address already in use") {
			return err
		}
	}
}

func stop(dir folder) error {
	if _, err := os.Stat(dir.path(marker)); err != nil {
		return fmt.Errorf("no control plane was started in %s", dir)
	}
	release, err := dir.lock(70 * time.Second)
	if err != nil {
		return err
	}
	defer release()
	// Gone first, so that nobody takes it for that of a running one.
	_ = os.Remove(dir.kubeconfig())
	return dir.kill()
}

// starting is one attempt to start; its context ends with the first process
// that dies.
type starting struct {
	context.Context
	died context.CancelCauseFunc
	dir  folder
}

func startOnce(parent context.Context, dir folder, set settings) error {
	if err := dir.wipe(); err != nil {
		return err
	}
	ids, err := dir.makeIdentities()
	if err != nil {
		return err
	}
	kubelet, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = kubelet.Close() }()
	p, err := freePorts()
	if err != nil {
		return err
	}
	p.kubelet = kubelet.Addr().(*net.TCPAddr).Port
	for _, who := range []string{controllerManager, scheduler, kwok, helperName} {
		if err := ids.writeKubeconfig(dir.pki(who+".kubeconfig"), who, who, p.apiserver); err != nil {
			return err
		}
	}

	ctx, died := context.WithCancelCause(parent)
	defer died(nil)
	s := &starting{ctx, died, dir}

	// The helper comes first: it watches over the caller from the beginning.
	socket, err := kubelet.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer func() { _ = socket.Close() }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	err = s.run(helperName, self, []string{"helper", string(dir),
		strconv.Itoa(set.parent.pid), set.parent.started, set.logEvery.String()}, socket)
	if err != nil {
		return err
	}

	if err := s.runTool(etcd, dir.etcdFlags(p)); err != nil {
		return err
	}
	if err := s.until("etcd answers", func() error { return dial(p.etcd) }); err != nil {
		return err
	}
	if err := s.runTool(apiserver, dir.apiserverFlags(p)); err != nil {
		return err
	}
	client, err := dir.client(helperName)
	if err != nil {
		return err
	}
	version := ""
	if err := s.until("the API server is ready", func() error {
		if err := client.RESTClient().Get().AbsPath("/readyz").Do(s).Error(); err != nil {
			return err
		}
		info, err := client.ServerVersion()
		if err == nil {
			version = info.GitVersion
		}
		return err
	}); err != nil {
		return err
	}

	if err := writeStages(dir, p, version); err != nil {
		return err
	}
	for _, tool := range []struct {
		name  string
		flags []string
	}{
		{controllerManager, dir.controllerManagerFlags(p)},
		{scheduler, dir.schedulerFlags(p)},
		{kwok, dir.kwokFlags(p)},
	} {
		if err := s.runTool(tool.name, tool.flags); err != nil {
			return err
		}
	}
	if err := furnish(s, client); err != nil {
		return err
	}
	return ids.writeKubeconfig(dir.kubeconfig(), "admin", set.name, p.apiserver)
}

func (s *starting) runTool(name string, flags []string) error {
	path, err := program(name)
	if err != nil {
		return err
	}
	return s.run(name, path, flags)
}

func (s *starting) run(name, path string, args []string, files ...*os.File) error {
	if err := context.Cause(s); err != nil {
		return err
	}
	_, exited, err := s.dir.spawn(name, path, args, files...)
	if err != nil {
		return err
	}
	go func() {
		select {
		case status := <-exited:
			s.died(fmt.Errorf("%s ended while starting (%v); the end of its log:\n%s",
				name, status, tail(s.dir.path(name+".log"))))
		case <-s.Done():
		}
	}()
	return nil
}

// until asks again and again, until it holds or the attempt is over.
func (s *starting) until(what string, holds func() error) error {
	for {
		err := holds()
		if err == nil {
			return nil
		}
		select {
		case <-s.Done():
			return fmt.Errorf("waiting until %s (last: %w): %w", what, err, context.Cause(s))
		case <-time.After(40 * time.Millisecond):
		}
	}
}

// freePorts finds free ports. All are held until the last is found, so that
// they differ.
func freePorts() (p ports, err error) {
	for _, into := range []*int{&p.etcd, &p.etcdPeer, &p.apiserver} {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		defer func() { _ = listener.Close() }()
		*into = listener.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}

func dial(port int) error {
	conn, err := net.DialTimeout("tcp4", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// client speaks as one of the identities; callers bound each request by a
// context.
func (d folder) client(who string) (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", d.pki(who+".kubeconfig"))
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 500, 1000
	return kubernetes.NewForConfig(config)
}

func writeStages(dir folder, p ports, version string) error {
	form, err := template.New("stages").Delims("[[", "]]").Parse(stages)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := form.Execute(&text, map[string]any{"Port": p.kubelet, "Version": version}); err != nil {
		return err
	}
	return os.WriteFile(dir.path("kwok.yaml"), text.Bytes(), 0o600)
}

// tail is the last of a log, for a message.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) > 20 {
		lines = lines[len(lines)-20:]
	}
	return strings.Join(lines, "\n")
}
