package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
)

var errOrphaned = errors.New("the process that wanted this control plane is gone")

// helper is the process that does what neither Kubernetes nor kwok does here:
// it answers as the kubelets (logs, exec, attach, port-forward), makes volumes,
// and stops everything when the process that wanted it is gone.
func helper(ctx context.Context, dir folder, args []string) error {
	if len(args) != 3 {
		return usageError{}
	}
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	logEvery, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	work, rest := context.WithCancelCause(ctx)
	defer rest(nil)
	stopped := make(chan struct{})
	if pid != 0 {
		parent := process{name: "parent", pid: pid, started: args[1]}
		go func() {
			for parent.alive() {
				time.Sleep(200 * time.Millisecond)
			}
			log.Printf("the process %d is gone: stopping", pid)
			// Ends the watches, for which the API server would wait.
			rest(errOrphaned)
			stopOrphan(dir)
			close(stopped)
		}()
	}

	err = answer(work, dir, logEvery)
	switch {
	case errors.Is(context.Cause(work), errOrphaned):
		<-stopped
		return nil
	case ctx.Err() != nil:
		return nil
	}
	return err
}

// answer does the work until its context ends.
func answer(ctx context.Context, dir folder, logEvery time.Duration) error {
	// The socket that `start` bound; its port stands in the nodes' status.
	socket := os.NewFile(3, "kubelet")
	listener, err := net.FileListener(socket)
	if err != nil {
		return fmt.Errorf("the kubelets' socket: %w", err)
	}
	_ = socket.Close()

	client, err := dir.client(helperName)
	if err != nil {
		return err
	}
	if err := untilReady(ctx, client); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := newPods(dir, factory, logEvery)
	volumes := newVolumes(dir, client, factory)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	go pods.writeLogs(ctx)
	go volumes.work(ctx)
	return serveKubelets(ctx, dir, pods, listener)
}

// untilReady waits for the API server, which starts after the helper.
func untilReady(ctx context.Context, client *kubernetes.Clientset) error {
	for range 3000 {
		if client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.New("the API server never became ready")
}

// stopOrphan stops the control plane for a parent that was killed and could
// clean up nothing itself.
func stopOrphan(dir folder) {
	_ = os.Remove(dir.kubeconfig())
	if err := dir.kill(); err != nil {
		log.Print(err)
	}
	// A start that was still under way sees its processes die and lets go of
	// the folder; what it may have started meanwhile goes now.
	release, err := dir.lock(20 * time.Second)
	if err == nil {
		_ = os.Remove(dir.kubeconfig())
		err = dir.kill()
		release()
	}
	if err != nil {
		log.Print(err)
	}
	_ = os.Remove(dir.path("pids", helperName))
}
