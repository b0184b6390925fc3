package adapter

import (
	"context"
	"io"
	"log/slog"
	"time"
)

// stopTime is what a clean stop may take before it becomes a kill.
const stopTime = 30 * time.Second

// Serve runs the configured node until ctx ends, then stops it cleanly, or until
// the node stops itself; that is its error then.
func Serve(ctx context.Context, c Config, logTo io.Writer) error {
	log, err := c.logger(logTo)
	if err != nil {
		return err
	}
	n, err := Start(c, log)
	if err != nil {
		return err
	}
	if err := n.watch(ctx); err != nil {
		n.Kill()
		return err
	}
	log.Info("node stops")
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return n.Stop(limited)
}

// recoveryTime is what a start may take without a word.
const recoveryTime = 2 * time.Second

// watch logs what becomes of a node until ctx ends. Nothing is logged of a node
// that fails at once: its error says it all.
func (n *Node) watch(ctx context.Context) error {
	about := n.log.With("node", n.cfg.Node, "listen", n.cfg.Listen, "admin", n.cfg.Admin, "data", n.cfg.Data)
	patience := time.NewTimer(recoveryTime)
	defer patience.Stop()
	for ready := n.ready; ; {
		select {
		case <-ready:
			about.Info("node serves")
			ready = nil
			patience.Stop()
		case <-patience.C:
			about.Info("node recovers from its directory")
		case err := <-n.Failed():
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// logger writes lines of key=value.
func (c *Config) logger(to io.Writer) (*slog.Logger, error) {
	level, err := c.logLevel()
	if err != nil {
		return nil, err
	}
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: level})), nil
}
