package explore

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// Origin is where a report comes from: what somebody needs who wants to make it
// again.
type Origin struct {
	Began    time.Time `json:"began"`              // UTC, to the second; of merged ones the earliest
	Commit   string    `json:"commit,omitempty"`   // of git, as go build -buildvcs=true has put it into the binary
	Modified bool      `json:"modified,omitempty"` // the tree was not that commit's
	Go       string    `json:"go"`                 // "go1.26.8"
	Platform string    `json:"platform"`           // "linux/amd64"
	Cores    int       `json:"cores"`              // of the machine
	// Commands made it: one, or those of all shards and resumptions.
	Commands []string `json:"commands"`
}

// originOf is that of a report which this process begins with a command line.
func originOf(command string) Origin {
	o := Origin{
		Began: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(),
	}
	if command != "" {
		o.Commands = []string{command}
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return o
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			o.Commit = s.Value
		case "vcs.modified":
			o.Modified = s.Value == "true"
		}
	}
	return o
}

// and is the origin of two reports of one build.
func (o Origin) and(p Origin) Origin {
	if o.Began.IsZero() {
		return p
	}
	if !p.Began.IsZero() && p.Began.Before(o.Began) {
		o.Began = p.Began
	}
	o.Cores = max(o.Cores, p.Cores)
	for _, command := range p.Commands {
		if !slices.Contains(o.Commands, command) {
			o.Commands = append(slices.Clone(o.Commands), command)
		}
	}
	return o
}

// version is the commit, as a person reads it.
func (o Origin) version() string {
	switch {
	case o.Commit == "":
		return "unknown: it was built without -buildvcs=true"
	case o.Modified:
		return fmt.Sprintf("%s, with changes", o.Commit)
	default:
		return o.Commit
	}
}
