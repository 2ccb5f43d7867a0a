package main

import (
	"context"
	"log"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
)

// What external provisioners and the scheduler tell each other on objects.
const (
	selectedNode  = "volume.kubernetes.io/selected-node"
	provisionedBy = "pv.kubernetes.io/provisioned-by"
)

// volumes does for the classes of this cluster what a storage driver does:
// makes a volume for each claim, lets it grow, deletes what was released. The
// binding itself is that of the real controller and scheduler.
type volumes struct {
	dir     folder
	client  kubernetes.Interface
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
	classes storagelisters.StorageClassLister
	wake    chan struct{}
}

func newVolumes(dir folder, client kubernetes.Interface, factory informers.SharedInformerFactory) *volumes {
	claims := factory.Core().V1().PersistentVolumeClaims()
	pvs := factory.Core().V1().PersistentVolumes()
	classes := factory.Storage().V1().StorageClasses()
	v := &volumes{dir, client, claims.Lister(), pvs.Lister(), classes.Lister(), make(chan struct{}, 1)}
	wake := func(any) {
		select {
		case v.wake <- struct{}{}:
		default:
		}
	}
	for _, informer := range []cache.SharedIndexInformer{claims.Informer(), pvs.Informer(), classes.Informer()} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    wake,
			UpdateFunc: func(_, now any) { wake(now) },
			DeleteFunc: wake,
		}); err != nil {
			log.Fatal(err)
		}
	}
	return v
}

// work goes through everything at each change, and once in a while for what
// failed. What it has not seen yet of its own writes it asks for again, and
// the server refuses it.
func (v *volumes) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.wake:
		case <-time.After(2 * time.Second):
		}
		pass, cancel := context.WithTimeout(ctx, time.Minute)
		claims, _ := v.claims.List(labels.Everything())
		for _, claim := range claims {
			report("claim "+claim.Namespace+"/"+claim.Name, v.claim(pass, claim))
		}
		pvs, _ := v.volumes.List(labels.Everything())
		for _, pv := range pvs {
			report("volume "+pv.Name, v.release(pass, pv))
		}
		cancel()
	}
}

func report(what string, err error) {
	if err != nil && !apierrors.IsAlreadyExists(err) && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		log.Printf("%s: %v", what, err)
	}
}

func (v *volumes) claim(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if claim.DeletionTimestamp != nil || claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := v.classes.Get(*claim.Spec.StorageClassName)
	if err != nil || class.Provisioner != provisioner {
		return nil
	}
	if claim.Status.Phase == corev1.ClaimBound {
		return v.grow(ctx, claim)
	}
	waits := class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
	if claim.Spec.VolumeName != "" || waits && claim.Annotations[selectedNode] == "" {
		return nil
	}
	if _, err := v.volumes.Get(volumeName(claim)); err == nil {
		return nil
	}
	return v.provision(ctx, claim, class)
}

func volumeName(claim *corev1.PersistentVolumeClaim) string { return "pvc-" + string(claim.UID) }

func (v *volumes) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) error {
	path := v.dir.path("volumes", volumeName(claim))
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	reclaim := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        volumeName(claim),
			Annotations: map[string]string{provisionedBy: provisioner},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: corev1.ResourceList{
				corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage],
			},
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			StorageClassName:              class.Name,
			PersistentVolumeReclaimPolicy: reclaim,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: path},
			},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1",
				Kind:       "PersistentVolumeClaim",
				Namespace:  claim.Namespace,
				Name:       claim.Name,
				UID:        claim.UID,
			},
		},
	}
	_, err := v.client.CoreV1().PersistentVolumes().Create(ctx, pv, metav1.CreateOptions{})
	return err
}

// grow follows a claim that asks for more than it has.
func (v *volumes) grow(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	wanted := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if wanted.Cmp(claim.Status.Capacity[corev1.ResourceStorage]) <= 0 {
		return nil
	}
	pv, err := v.volumes.Get(claim.Spec.VolumeName)
	if err != nil {
		return err
	}
	if wanted.Cmp(pv.Spec.Capacity[corev1.ResourceStorage]) > 0 {
		pv = pv.DeepCopy()
		pv.Spec.Capacity[corev1.ResourceStorage] = wanted
		if _, err := v.client.CoreV1().PersistentVolumes().Update(ctx, pv, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	claim = claim.DeepCopy()
	claim.Status.Capacity[corev1.ResourceStorage] = wanted
	claim.Status.Conditions = nil
	_, err = v.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, claim, metav1.UpdateOptions{})
	return err
}

func (v *volumes) release(ctx context.Context, pv *corev1.PersistentVolume) error {
	if pv.Annotations[provisionedBy] != provisioner || pv.DeletionTimestamp != nil ||
		pv.Status.Phase != corev1.VolumeReleased ||
		pv.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	if err := v.client.CoreV1().PersistentVolumes().Delete(ctx, pv.Name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	return os.RemoveAll(v.dir.path("volumes", pv.Name))
}
