package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

const idle = time.Hour

// serveKubelets answers for all nodes at once what an API server asks of a
// kubelet. Only the API server's own certificate is let in: exec runs commands
// on this machine.
func serveKubelets(ctx context.Context, dir folder, pods *pods, listener net.Listener) error {
	roots := x509.NewCertPool()
	authority, err := os.ReadFile(dir.pki("inner-ca.crt"))
	if err != nil {
		return err
	}
	if !roots.AppendCertsFromPEM(authority) {
		return errors.New("inner-ca.crt holds no certificate")
	}
	cert, err := tls.LoadX509KeyPair(dir.pki("inner.crt"), dir.pki("inner.key"))
	if err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", pods.serveLogs)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		stream(w, r, func(name string, options *remotecommand.Options) {
			remotecommand.ServeExec(w, r, pods, name, "", r.PathValue("container"), r.URL.Query()["command"], options,
				idle, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
		})
	})
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		stream(w, r, func(name string, options *remotecommand.Options) {
			remotecommand.ServeAttach(w, r, pods, name, "", r.PathValue("container"), options,
				idle, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
		})
	})
	mux.HandleFunc("/portForward/{namespace}/{pod}", func(w http.ResponseWriter, r *http.Request) {
		options, err := portforward.NewV4Options(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		portforward.ServePortForward(w, r, pods, podName(r), "", options,
			idle, remotecommand.DefaultStreamCreationTimeout, portforward.SupportedProtocols)
	})

	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{cert},
			ClientCAs:    roots,
			ClientAuth:   tls.RequireAndVerifyClientCert,
			MinVersion:   tls.VersionTLS12,
		},
		// Streams take over the connection, which HTTP/2 does not allow.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	return server.ServeTLS(listener, "", "")
}

// podName is how the streaming functions hand a pod through.
func podName(r *http.Request) string { return r.PathValue("namespace") + "/" + r.PathValue("pod") }

func stream(w http.ResponseWriter, r *http.Request, serve func(string, *remotecommand.Options)) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	serve(podName(r), options)
}
