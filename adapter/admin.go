package adapter

import (
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// serveAdmin answers /healthz, /metrics and /status until the node ends.
func (n *Node) serveAdmin(l net.Listener) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newMetrics(n), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", n.health)
	mux.HandleFunc("GET /status", n.statusPage)
	n.admin = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	n.serves.Go(func() { _ = n.admin.Serve(l) }) // ends with Close
}

func (n *Node) health(w http.ResponseWriter, _ *http.Request) {
	ready := false
	if !n.loop.Call(func() { ready = n.engine.Ready() }) || !ready {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n")) // the client is gone, if anything
}

func (n *Node) statusPage(w http.ResponseWriter, r *http.Request) {
	s, ok := n.clusterStatus(r.Context())
	if !ok {
		http.Error(w, "the node has stopped", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(s) // the client is gone, if anything
}
