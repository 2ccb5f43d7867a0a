package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"text/template"
	"time"
)

// authority signs the certificates of one control plane.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// pair is a certificate and its key, in PEM.
type pair struct{ cert, key []byte }

// identities are the certificates and keys of a control plane; the files lie
// in pki/ under the names that components.go gives to the flags.
type identities struct {
	cluster authority
	clients map[string]pair
}

// makeIdentities writes everything that proves who is who. etcd and the
// kubelets trust an authority of their own, so that a certificate that the
// cluster signs for a test opens neither.
func (d folder) makeIdentities() (*identities, error) {
	cluster, err := newAuthority("cluster")
	if err != nil {
		return nil, err
	}
	inner, err := newAuthority("inner")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"cluster-ca.crt": cluster.pem, "inner-ca.crt": inner.pem}
	if files["cluster-ca.key"], err = keyPEM(cluster.key); err != nil {
		return nil, err
	}

	for name, by := range map[string]authority{apiserver: cluster, "inner": inner} {
		p, err := by.issue(pkix.Name{CommonName: name})
		if err != nil {
			return nil, err
		}
		files[name+".crt"], files[name+".key"] = p.cert, p.key
	}
	tokens, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if files["service-accounts.key"], err = keyPEM(tokens); err != nil {
		return nil, err
	}

	who := map[string]pkix.Name{
		"admin":           {CommonName: "admin", Organization: []string{"system:masters"}},
		controllerManager: {CommonName: "system:" + controllerManager},
		scheduler:         {CommonName: "system:" + scheduler},
		kwok:              {CommonName: kwok, Organization: []string{"system:masters"}},
		helperName:        {CommonName: helperName, Organization: []string{"system:masters"}},
	}
	ids := &identities{cluster: cluster, clients: map[string]pair{}}
	for name, subject := range who {
		if ids.clients[name], err = cluster.issue(subject); err != nil {
			return nil, err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(d.path("pki", name), content, 0o600); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func newAuthority(name string) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	now := time.Now()
	form := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(30 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		return authority{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return authority{}, err
	}
	return authority{cert, key, certPEM(der)}, nil
}

// issue makes a certificate that serves on loopback and may also be a client.
func (a authority) issue(subject pkix.Name) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return pair{}, err
	}
	form := &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    a.cert.NotBefore,
		NotAfter:     a.cert.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
		DNSNames:     []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, key.Public(), a.key)
	if err != nil {
		return pair{}, err
	}
	private, err := keyPEM(key)
	return pair{certPEM(der), private}, err
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

var kubeconfigForm = template.Must(template.New("kubeconfig").Parse(`apiVersion: v1
kind: Config
current-context: {{.Name}}
contexts:
- name: {{.Name}}
  context: {cluster: {{.Name}}, user: {{.Name}}}
clusters:
- name: {{.Name}}
  cluster:
    server: https://127.0.0.1:{{.Port}}
    certificate-authority-data: {{.CA}}
users:
- name: {{.Name}}
  user:
    client-certificate-data: {{.Cert}}
    client-key-data: {{.Key}}
`))

// writeKubeconfig writes one whole file at once, so that nobody reads half.
func (ids *identities) writeKubeconfig(path, who, name string, port int) error {
	encode := base64.StdEncoding.EncodeToString
	var text bytes.Buffer
	err := kubeconfigForm.Execute(&text, map[string]any{
		"Name": fmt.Sprintf("%q", name), "Port": port, "CA": encode(ids.cluster.pem),
		"Cert": encode(ids.clients[who].cert), "Key": encode(ids.clients[who].key),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
