// Command sim runs the engine in the deterministic simulator. See package
// sim/cli for its commands and exit codes.
package main

import (
	"os"

	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/explore"
)

func main() { os.Exit(cli.Main(explore.Standard())) }
