#!/usr/bin/env bash
# Generates adapter/rpc/raftpb and adapter/rpc/clientpb from proto/. The output
# is committed: only who changes a .proto file runs this.
#
# Needs Go and a protoc: the one in PATH (Debian: protobuf-compiler), or the one
# of Python's grpcio-tools (pip install grpcio-tools; PYTHON names the
# interpreter). The Go plugins are pinned here and installed aside.
set -euo pipefail
cd "$(dirname "$0")/.."

plugins=$(mktemp -d)
trap 'rm -rf "$plugins"' EXIT
GOBIN=$plugins go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GOBIN=$plugins go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2

if command -v protoc >/dev/null; then
  protoc=(protoc)
elif "${PYTHON:-python3}" -c 'import grpc_tools' 2>/dev/null; then
  protoc=("${PYTHON:-python3}" -m grpc_tools.protoc)
else
  echo "generate.sh: no protoc: install protobuf-compiler, or pip install grpcio-tools" >&2
  exit 2
fi

# The path is the repository's root, so that our files register as proto/...:
# go.etcd.io/raft has already taken the name raft.proto in the same process.
PATH=$plugins:$PATH "${protoc[@]}" --proto_path=. \
  --go_out=. --go_opt=module=github.com/lockstep-log/lockstep \
  --go-grpc_out=. --go-grpc_opt=module=github.com/lockstep-log/lockstep \
  proto/*.proto
