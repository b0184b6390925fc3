# Names for plain go commands; everything works without just.

golangci := "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0"

# List the recipes.
default:
    @just --list

# All tests, the seed corpora of the fuzz tests included.
test *ARGS='./...':
    go test {{ARGS}}

# Linters and formatters, as CI runs them.
lint *ARGS:
    go run {{golangci}} run {{ARGS}}

# Format all files as the linters want them.
format:
    go run {{golangci}} fmt

# Tests under the race detector.
race *ARGS='./...':
    go test -race -short {{ARGS}}

# Fuzz one target: just fuzz ./engine/wire FuzzDecode 1m
fuzz PACKAGE TARGET TIME='30s':
    go test -run '^$' -fuzz '^{{TARGET}}$' -fuzztime {{TIME}} {{PACKAGE}}

# A live cluster whose leader is killed in the middle of a long text.
end-to-end:
    LOCKSTEP_E2E=1 go test -count=1 -v -run EndToEnd ./cmd/adapter

# The simulator: just sim run --seed 42
sim *ARGS:
    go run ./cmd/sim {{ARGS}}

# Run a range of seeds.
sweep SEEDS='1..2000' *ARGS:
    go run ./cmd/sim sweep --seeds {{SEEDS}} {{ARGS}}

# Make a failing seed or schedule small: just shrink --seed 42 -o small.json
shrink *ARGS:
    go run ./cmd/sim shrink {{ARGS}}

# Plant known bugs and see that the simulator finds them.
mutants *ARGS:
    go run ./cmd/sim mutants {{ARGS}}

# The same seeds on arm64, under qemu's user emulation: the same hashes.
arm64 *SEEDS:
    scripts/arm64.sh {{SEEDS}}

# Benchmarks of the packages, then of the simulator.
bench *ARGS='./...':
    go test -run '^$' -bench . -benchmem {{ARGS}}
    go run ./cmd/sim bench

# Everything, as CI does: just ci, or just ci lint race
ci *STEPS:
    .ci/run {{STEPS}}
