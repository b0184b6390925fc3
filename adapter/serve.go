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
	log.Info("node starts", "node", c.Node, "listen", c.Listen, "admin", c.Admin, "data", c.Data)
	select {
	case err := <-n.Failed():
		n.Kill()
		return err
	case <-ctx.Done():
	}
	log.Info("node stops")
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return n.Stop(limited)
}

// logger writes lines of key=value.
func (c *Config) logger(to io.Writer) (*slog.Logger, error) {
	level, err := c.logLevel()
	if err != nil {
		return nil, err
	}
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: level})), nil
}
