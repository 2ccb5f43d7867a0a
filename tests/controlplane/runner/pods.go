package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// pods knows the cluster's pods and keeps the folder of each: made when the
// pod runs, removed with it.
type pods struct {
	dir    folder
	lister listers.PodLister
	every  time.Duration
}

func newPods(dir folder, factory informers.SharedInformerFactory, every time.Duration) *pods {
	informer := factory.Core().V1().Pods()
	p := &pods{dir: dir, lister: informer.Lister(), every: every}
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { p.appeared(obj.(*corev1.Pod)) },
		UpdateFunc: func(before, after any) {
			was, is := before.(*corev1.Pod), after.(*corev1.Pod)
			if was.UID != is.UID {
				// Deleted and made again under the same name, seen as one.
				p.vanished(was)
			}
			p.appeared(is)
		},
		DeleteFunc: func(obj any) {
			if last, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = last.Obj
			}
			if pod, ok := obj.(*corev1.Pod); ok {
				p.vanished(pod)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return p
}

func (p *pods) appeared(pod *corev1.Pod) {
	if pod.Status.Phase == corev1.PodPending || pod.Status.Phase == "" {
		return
	}
	if err := os.MkdirAll(p.dir.pod(pod.Namespace, pod.Name), 0o700); err != nil {
		log.Print(err)
		return
	}
	for _, container := range pod.Spec.InitContainers {
		p.begin(pod, container.Name, "init container "+container.Name+" is not run here")
	}
	for _, container := range pod.Spec.Containers {
		p.begin(pod, container.Name, fmt.Sprintf("container %s of pod %s/%s started",
			container.Name, pod.Namespace, pod.Name))
	}
}

// begin makes the log of a container, with one line, unless there is one: a
// test may have written it beforehand.
func (p *pods) begin(pod *corev1.Pod, container, line string) {
	file, err := os.OpenFile(p.log(pod.Namespace, pod.Name, container),
		os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	_, _ = file.WriteString(logLine(line))
}

func (p *pods) vanished(pod *corev1.Pod) {
	if err := os.RemoveAll(p.dir.pod(pod.Namespace, pod.Name)); err != nil {
		log.Print(err)
	}
	// Goes only when it was the last.
	_ = os.Remove(filepath.Dir(p.dir.pod(pod.Namespace, pod.Name)))
}

func (p *pods) log(namespace, pod, container string) string {
	return filepath.Join(p.dir.pod(namespace, pod), container+".log")
}

// logLine is a line as container runtimes write them to disk.
func logLine(text string) string {
	return time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z07:00") + " stdout F " + text + "\n"
}

// writeLogs adds a line to each running container's log now and then, for
// demos; off unless asked for.
func (p *pods) writeLogs(ctx context.Context) {
	if p.every <= 0 {
		return
	}
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for count := 1; ; count++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		all, err := p.lister.List(labels.Everything())
		if err != nil {
			continue
		}
		for _, pod := range all {
			if pod.Status.Phase != corev1.PodRunning {
				continue
			}
			for _, container := range pod.Spec.Containers {
				p.add(pod, container.Name, fmt.Sprintf("%s: tick %d", container.Name, count))
			}
		}
	}
}

func (p *pods) add(pod *corev1.Pod, container, line string) {
	file, err := os.OpenFile(p.log(pod.Namespace, pod.Name, container), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	_, _ = file.WriteString(logLine(line))
}

// find returns the pod and checks that it has that container; an empty
// container name is not looked for.
func (p *pods) find(namespace, name, container string) (*corev1.Pod, error) {
	pod, err := p.lister.Pods(namespace).Get(name)
	if err != nil {
		return nil, fmt.Errorf("pod %q does not exist", name)
	}
	if container == "" {
		return pod, nil
	}
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range list {
			if c.Name == container {
				return pod, nil
			}
		}
	}
	for _, c := range pod.Spec.EphemeralContainers {
		if c.Name == container {
			return pod, nil
		}
	}
	return nil, fmt.Errorf("container %q not found in pod %q", container, name)
}
