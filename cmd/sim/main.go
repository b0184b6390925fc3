package main

import (
	"os"

	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/explore"
)

func main() { os.Exit(cli.Main(explore.Standard())) }
