package diskmodel

// StepKind says what operation was carried out.
type StepKind uint8

// The kinds of Step: one for each operation of env.Disk and env.File.
const (
	StepRead     = StepKind(opRead)
	StepWrite    = StepKind(opWrite)
	StepTruncate = StepKind(opTruncate)
	StepSize     = StepKind(opSize)
	StepSync     = StepKind(opSync)
	StepOpen     = StepKind(opOpen)
	StepRename   = StepKind(opRename)
	StepRemove   = StepKind(opRemove)
	StepMkdir    = StepKind(opMkdir)
	StepList     = StepKind(opList)
	StepSyncDir  = StepKind(opSyncDir)
)

// String names the kind.
func (k StepKind) String() string { return opKind(k).String() }

// Step is one operation that was carried out.
type Step struct {
	Kind  StepKind
	Name  string // the file's, or that of the directory operation; of a rename the old one
	To    string // of a rename: the new name
	Off   int64  // of a truncation: the new size
	Bytes int    // read, asked to be written, or made durable by a sync
	Made  bool   // an open that made the file
	Err   error  // what the process is about to be told; nil: success
}

// Observe lets f be called after each operation was carried out, and before its
// process hears of it: the place to end a process at a chosen operation. f may
// call Crash, PowerLoss, Lose, Replace or Mount: the process that asked is then
// gone and never hears. It is not called for operations that a crash carries out
// itself, nor for calls of a closed file. nil ends it.
func (d *Disk) Observe(f func(Step)) { d.observer = f }

func (op *operation) step() Step {
	s := Step{Kind: StepKind(op.kind), Name: op.name, To: op.to, Off: op.off, Bytes: int(op.n), Made: op.made, Err: op.err}
	if op.node != nil {
		s.Name = op.node.name
	}
	switch op.kind {
	case opWrite:
		s.Bytes = len(op.p)
	case opSize:
		s.Bytes = 0
	default: // n counts bytes
	}
	return s
}
