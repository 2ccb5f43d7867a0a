package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// ports are the loopback ports of one control plane.
type ports struct{ etcd, etcdPeer, apiserver, kubelet int }

// Addresses inside the cluster; no packet ever goes to them.
const (
	serviceRange = "10.96.0.0/16"
	podRange     = "10.244.0.0/16"
)

func (d folder) pki(name string) string { return d.path("pki", name) }

func (d folder) etcdFlags(p ports) []string {
	client := fmt.Sprintf("https://127.0.0.1:%d", p.etcd)
	peer := fmt.Sprintf("https://127.0.0.1:%d", p.etcdPeer)
	return []string{
		"--name=test",
		"--data-dir=" + d.path("etcd"),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=test=" + peer,
		"--client-cert-auth",
		"--cert-file=" + d.pki("inner.crt"),
		"--key-file=" + d.pki("inner.key"),
		"--trusted-ca-file=" + d.pki("inner-ca.crt"),
		"--peer-client-cert-auth",
		"--peer-cert-file=" + d.pki("inner.crt"),
		"--peer-key-file=" + d.pki("inner.key"),
		"--peer-trusted-ca-file=" + d.pki("inner-ca.crt"),
		// The data is thrown away: nothing is lost when the machine dies.
		"--unsafe-no-fsync",
		"--logger=zap",
		"--log-level=warn",
	}
}

func (d folder) apiserverFlags(p ports) []string {
	return []string{
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", p.apiserver),
		// A loopback address is not allowed as an endpoint of the
		// `kubernetes` Service, which therefore has none.
		"--endpoint-reconciler-type=none",
		fmt.Sprintf("--etcd-servers=https://127.0.0.1:%d", p.etcd),
		"--etcd-cafile=" + d.pki("inner-ca.crt"),
		"--etcd-certfile=" + d.pki("inner.crt"),
		"--etcd-keyfile=" + d.pki("inner.key"),
		"--tls-cert-file=" + d.pki("kube-apiserver.crt"),
		"--tls-private-key-file=" + d.pki("kube-apiserver.key"),
		"--client-ca-file=" + d.pki("cluster-ca.crt"),
		"--kubelet-certificate-authority=" + d.pki("inner-ca.crt"),
		"--kubelet-client-certificate=" + d.pki("inner.crt"),
		"--kubelet-client-key=" + d.pki("inner.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + d.pki("service-accounts.key"),
		"--service-account-signing-key-file=" + d.pki("service-accounts.key"),
		"--service-cluster-ip-range=" + serviceRange,
		"--authorization-mode=Node,RBAC",
		"--allow-privileged=true",
		// All of these are on by default. They are named because tests rest
		// on them, so that a release that drops one is refused at start.
		"--enable-admission-plugins=ServiceAccount,PodSecurity,ResourceQuota,LimitRanger,NamespaceLifecycle,DefaultStorageClass,StorageObjectInUseProtection,TaintNodesByCondition",
		"--profiling=false",
	}
}

func (d folder) controllerManagerFlags(ports) []string {
	config := d.pki(controllerManager + ".kubeconfig")
	return []string{
		"--kubeconfig=" + config,
		"--authentication-kubeconfig=" + config,
		"--authorization-kubeconfig=" + config,
		"--bind-address=127.0.0.1",
		"--secure-port=0",
		"--leader-elect=false",
		"--controllers=*",
		"--use-service-account-credentials=true",
		"--root-ca-file=" + d.pki("cluster-ca.crt"),
		"--service-account-private-key-file=" + d.pki("service-accounts.key"),
		"--cluster-signing-cert-file=" + d.pki("cluster-ca.crt"),
		"--cluster-signing-key-file=" + d.pki("cluster-ca.key"),
		"--service-cluster-ip-range=" + serviceRange,
		"--flex-volume-plugin-dir=" + d.path("flex"),
		"--pvclaimbinder-sync-period=1s",
		// Chains of a thousand nodes are made here.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--concurrent-statefulset-syncs=20",
		"--profiling=false",
	}
}

func (d folder) schedulerFlags(ports) []string {
	config := d.pki(scheduler + ".kubeconfig")
	return []string{
		"--kubeconfig=" + config,
		"--authentication-kubeconfig=" + config,
		"--authorization-kubeconfig=" + config,
		"--bind-address=127.0.0.1",
		"--secure-port=0",
		"--leader-elect=false",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--profiling=false",
	}
}

// kwokFlags leave out --node-port: with it and no --server-address kwok would
// listen on every interface. kwok serves nothing here; the port of the nodes
// is the helper's and stands in the stages.
func (d folder) kwokFlags(ports) []string {
	return []string{
		"--kubeconfig=" + d.pki(kwok+".kubeconfig"),
		"--config=" + d.path("kwok.yaml"),
		"--manage-all-nodes=true",
		"--node-ip=127.0.0.1",
		"--cidr=" + podRange,
		"--node-lease-duration-seconds=40",
	}
}

// program finds a program: the two of KUBEBUILDER_ASSETS there when both are,
// all others in the build's bin beside this one.
func program(name string) (string, error) {
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" && (name == etcd || name == apiserver) {
		_, first := os.Stat(filepath.Join(assets, etcd))
		_, second := os.Stat(filepath.Join(assets, apiserver))
		if first == nil && second == nil {
			return filepath.Join(assets, name), nil
		}
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), "bin", name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w; run tests/controlplane/build", err)
	}
	return path, nil
}
