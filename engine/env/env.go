package env

// Env is the world one node process is given. All fields are required.
type Env struct {
	Clock   Clock
	Network Network
	Disk    Disk
	Tracer  Tracer
	Entropy Entropy
}

// Entropy is a source of random numbers. In the simulator it is keyed by the
// seed and the node; in production it is the operating system's.
type Entropy interface {
	// Uint64 returns 64 uniformly distributed bits.
	Uint64() uint64
}
