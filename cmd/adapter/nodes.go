package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/adapter"
)

func formatCommand() *cobra.Command {
	var file string
	var replace bool
	cmd := &cobra.Command{
		Use:   "format --config FILE [--replace]",
		Short: "Make an empty data directory into a node's",
		Long: `Make an empty data directory into a node's.

This is the only command that does; serve refuses a directory that was not
formatted, because an empty one may be a disk that was lost.

For a node whose disk was lost use --replace: its replicas come back under fresh
ids, once their groups agree. Without it a node that lost what it had promised
could promise the opposite; so format refuses when another node knows of the
cluster already.`,
		Args: withUse(cobra.NoArgs),
		RunE: working(func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			if err := adapter.Format(cmd.Context(), c, replace); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "formatted %s for node %d of cluster %d\n", c.Data, c.Node, c.Cluster)
			return nil
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&replace, "replace", false, "the disk takes the place of one that this node lost")
	return cmd
}

func serveCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run a node",
		Long: `Run a node until an interrupt, which stops it cleanly; a second one kills it.

With "admin" in the configuration it answers /healthz, /metrics and /status
over HTTP. The log goes to standard error.`,
		Args: withUse(cobra.NoArgs),
		RunE: working(func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			return adapter.Serve(cmd.Context(), c, cmd.ErrOrStderr())
		}),
	}
	configFlag(cmd, &file)
	return cmd
}

func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "config", "c", "", "the node's configuration `file` (YAML)")
}

// loadConfig tells a new user where a configuration comes from.
func loadConfig(file string) (adapter.Config, error) {
	if file == "" {
		return adapter.Config{}, usage{errors.New(`name the node's configuration with --config FILE; "adapter dev --dir D" writes some to begin with`)}
	}
	c, err := adapter.LoadConfig(file)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf(`%w; write one, or begin with those that "adapter dev --dir D" writes`, err)
	}
	return c, err
}

func devCommand() *cobra.Command {
	var d adapter.DevConfig
	var topics []string
	cmd := &cobra.Command{
		Use:   "dev --dir D",
		Short: "Run a whole cluster in this process, on loopback",
		Long: `Run a whole cluster in this process, on loopback.

A new directory gets a new cluster; on one that holds a cluster it goes on with
what is there. An interrupt stops all nodes cleanly; a second one kills them.
Each node's configuration is written to the directory, fit for serve.`,
		Args: withUse(cobra.NoArgs),
		RunE: working(func(cmd *cobra.Command, _ []string) error {
			if err := checkDev(cmd, &d); err != nil {
				return err
			}
			for _, t := range topics {
				topic, err := parseTopic(t)
				if err != nil {
					return err
				}
				d.Topics = append(d.Topics, topic)
			}
			out := cmd.OutOrStdout()
			return adapter.Dev(cmd.Context(), d, cmd.ErrOrStderr(), func(nodes []adapter.Config) { greet(out, &d, nodes) })
		}),
	}
	f := cmd.Flags()
	f.StringVar(&d.Dir, "dir", "", "the cluster's `directory`; it is made if need be")
	f.IntVar(&d.Nodes, "nodes", 0, "nodes of a new cluster (default 3)")
	f.StringArrayVar(&topics, "topic", nil, "`NAME:PARTITIONS` of a new cluster, may be repeated (default demo:1)")
	f.IntVar(&d.Port, "port", 0, "the first node's port in a new cluster; the others follow (default 9101)")
	return cmd
}

// checkDev refuses what DevConfig would take for "not said".
func checkDev(cmd *cobra.Command, d *adapter.DevConfig) error {
	switch {
	case d.Dir == "":
		return usage{errors.New("dev: name the cluster's directory with --dir DIR; it is made if need be")}
	case d.Nodes == 0 && cmd.Flags().Changed("nodes"):
		return usage{fmt.Errorf("dev: 0 nodes; use 1 to %d", adapter.MaxDevNodes)}
	case d.Port == 0 && cmd.Flags().Changed("port"):
		return usage{errors.New("dev: port 0; name the first node's port, or leave --port out")}
	}
	return nil
}

// usage is an ErrInput about an argument.
type usage struct{ error }

// Is makes it one.
func (usage) Is(target error) bool { return target == adapter.ErrInput }

// parseTopic reads NAME or NAME:PARTITIONS.
func parseTopic(text string) (adapter.TopicConfig, error) {
	name, count, given := strings.Cut(text, ":")
	t := adapter.TopicConfig{Name: name, Partitions: 1}
	if given {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return t, usage{fmt.Errorf("--topic %s: write NAME:PARTITIONS, as in orders:4", text)}
		}
		t.Partitions = n
	}
	return t, nil
}

// greet tells a new user what to do next.
func greet(out io.Writer, d *adapter.DevConfig, nodes []adapter.Config) {
	servers := ""
	if nodes[0].Listen != defaultServers[0] {
		servers = " --server " + nodes[0].Listen
	}
	fmt.Fprintf(out, "%d nodes serve, data in %s\n\n", len(nodes), d.Dir)
	for i := range nodes {
		c := &nodes[i]
		fmt.Fprintf(out, "  node %d  %s  http://%s/status\n", c.Node, c.Listen, c.Admin)
	}
	fmt.Fprintf(out, "\nIn another shell:\n\n")
	for _, t := range nodes[0].Topics {
		fmt.Fprintf(out, "  adapter produce %s%s\n", t.Name, servers)
		fmt.Fprintf(out, "  adapter consume %s --from-beginning%s\n", t.Name, servers)
	}
	fmt.Fprintf(out, "  adapter status%s\n\nCtrl-C stops the cluster.\n", servers)
}
