package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const nodeCount = 3

// provisioner is what the storage classes name; volumes.go does its work.
const provisioner = "chain.test/none"

// furnish makes the nodes and storage classes, and waits for what a test may
// rely on from the first moment.
func furnish(s *starting, client kubernetes.Interface) error {
	for _, class := range storageClasses() {
		if err := s.until("storage classes can be made", func() error {
			_, err := client.StorageV1().StorageClasses().Create(s, &class, metav1.CreateOptions{})
			return ignoreExists(err)
		}); err != nil {
			return err
		}
	}
	for i := 1; i <= nodeCount; i++ {
		node := node(fmt.Sprintf("node-%d", i))
		if err := s.until("nodes can be made", func() error {
			_, err := client.CoreV1().Nodes().Create(s, &node, metav1.CreateOptions{})
			return ignoreExists(err)
		}); err != nil {
			return err
		}
	}

	if err := s.until("the namespace default has its ServiceAccount", func() error {
		_, err := client.CoreV1().ServiceAccounts("default").Get(s, "default", metav1.GetOptions{})
		return err
	}); err != nil {
		return err
	}
	if err := s.until("the namespace default has the cluster's root certificate", func() error {
		_, err := client.CoreV1().ConfigMaps("default").Get(s, "kube-root-ca.crt", metav1.GetOptions{})
		return err
	}); err != nil {
		return err
	}
	return s.until("the nodes are ready", func() error { return nodesReady(s, client) })
}

func nodesReady(ctx context.Context, client kubernetes.Interface) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	ready := 0
	for _, node := range nodes.Items {
		for _, condition := range node.Status.Conditions {
			// The taint goes a moment after the condition; only then do pods
			// come to the node.
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0 {
				ready++
			}
		}
	}
	if ready < nodeCount {
		return fmt.Errorf("%d of %d nodes are ready", ready, nodeCount)
	}
	return nil
}

func node(name string) corev1.Node {
	return corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: name,
		Labels: map[string]string{
			corev1.LabelHostname:   name,
			corev1.LabelOSStable:   "linux",
			corev1.LabelArchStable: "amd64",
			// One zone a node, for spread constraints.
			corev1.LabelTopologyZone: "zone-" + name,
		},
	}}
}

func storageClasses() []storagev1.StorageClass {
	reclaim := corev1.PersistentVolumeReclaimDelete
	class := func(name string, mode storagev1.VolumeBindingMode, grows bool) storagev1.StorageClass {
		return storagev1.StorageClass{
			ObjectMeta:           metav1.ObjectMeta{Name: name},
			Provisioner:          provisioner,
			ReclaimPolicy:        &reclaim,
			VolumeBindingMode:    &mode,
			AllowVolumeExpansion: &grows,
		}
	}
	standard := class("standard", storagev1.VolumeBindingWaitForFirstConsumer, true)
	standard.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	return []storagev1.StorageClass{
		standard,
		class("immediate", storagev1.VolumeBindingImmediate, false),
	}
}

func ignoreExists(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
