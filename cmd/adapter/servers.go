package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/engine/client"
)

// defaultServers are the nodes of a default development cluster.
var defaultServers = []string{"127.0.0.1:9101", "127.0.0.1:9102", "127.0.0.1:9103"}

func serverFlag(cmd *cobra.Command, servers *[]string) {
	cmd.Flags().StringSliceVarP(servers, "server", "s", defaultServers, "`host:port` of a node, may be repeated; the others are learned from it")
}

// clientConfig suits a person in front of a terminal: it goes on trying as long
// as the operation's time allows.
func clientConfig(attempt time.Duration) client.Config {
	cfg := client.DefaultConfig()
	cfg.AttemptTimeout = attempt
	return cfg
}
