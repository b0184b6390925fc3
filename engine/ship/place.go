package ship

import (
	"strings"

	"github.com/lockstep-log/lockstep/engine/wire"
)

// Prefix begins the names of all staged files. A machine leaves them alone.
const Prefix = "stage."

const (
	manifestName  = Prefix + "manifest"
	temporaryName = Prefix + "manifest.tmp"
	progressName  = Prefix + "progress"
	repairPrefix  = Prefix + "repair."
	wholePrefix   = "file."
	partPrefix    = "part."
)

// place is where one transfer puts its files.
type place struct {
	dir      string
	prefix   string // of its parts and whole files
	progress string
	only     string // the one file of a repair; empty for a snapshot
	all      bool   // repairs of the directory are meant too
}

func stagePlace(dir string) place {
	return place{dir: dir, prefix: Prefix, progress: progressName}
}

func repairPlace(dir, file string) place {
	return place{dir: dir, prefix: repairPrefix, progress: repairPrefix + "progress." + file, only: file}
}

func (p place) path(name string) string  { return p.dir + "/" + name }
func (p place) part(file string) string  { return p.path(p.prefix + partPrefix + file) }
func (p place) whole(file string) string { return p.path(p.prefix + wholePrefix + file) }

// owns tells whether a name in the directory is this transfer's.
func (p place) owns(name string) bool {
	if p.only != "" {
		return name == p.progress || name == p.prefix+partPrefix+p.only || name == p.prefix+wholePrefix+p.only
	}
	return strings.HasPrefix(name, Prefix) && (p.all || !strings.HasPrefix(name, repairPrefix))
}

// same tells whether transfers of the two places must not run at once.
func (p place) same(o place) bool { return p.dir == o.dir && p.only == o.only }

// fit tells whether a file name can be part of a staged file's name: it may
// come from another node, so nothing that leads out of the directory.
func fit(name string) bool {
	if name == "" || len(name) > wire.MaxFileBytes {
		return false
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
