#!/usr/bin/env bash
# Kills a cluster, many times over, and prints what its clients noticed.
#
#   chaos/kill-a-cluster.sh --kill west --fault kill --runs 20
#   chaos/kill-a-cluster.sh --kill west --fault stop --runs 5 -o json --report report.html
#   chaos/kill-a-cluster.sh --contexts east,west,north --driver chaos/drivers/kind.sh --kill west --fault cut --runs 20
#
# FAULT: kill | stop | gateway | graceful | none; with --contexts also gateways | own-gateway | cut | cut-in | cut-out | loss30 |
# roll | apiserver. Without --contexts the clusters are processes on this machine; with it they are contexts of kubectl in which
# deploy/up.sh has installed a mesh, and faults of machines and networks need a driver (drivers/README.md). Everything that
# `grapevine chaos` takes is taken here; --help shows it.
# It builds grapevine out of this source tree, and leaves nothing behind. Exit code: 0 every run was within the limits,
# 1 one was not (or the same without a fault wasn't clean), 2 wrong use.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
work="$(mktemp -d)"
experiment=""

# A background child, because bash runs no trap while it waits for one in the foreground; and a signal ends one wait only.
# shellcheck disable=SC2317 # the trap calls it
stop() { if [[ -n "$experiment" ]]; then kill -TERM "$experiment" 2>/dev/null || true; fi; }
trap 'rm -rf "$work"' EXIT
trap stop INT TERM HUP

(cd "$here" && go build -o "$work/grapevine" ./cmd/grapevine)
"$work/grapevine" chaos "$@" &
experiment=$!
code=0
wait "$experiment" || code=$?
while kill -0 "$experiment" 2>/dev/null; do
	code=0
	wait "$experiment" || code=$?
done
exit "$code"
