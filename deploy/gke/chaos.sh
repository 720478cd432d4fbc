#!/usr/bin/env bash
# Breaks one of the clusters that create.sh made, and prints what the clients in the others noticed. Takes the flags of
# chaos/kill-a-cluster.sh.
#
#   deploy/gke/chaos.sh --kill west --fault kill --runs 3 --report report.html
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=settings.sh
source "$here/settings.sh"

export PROJECT=$project PREFIX=$prefix CLUSTERS="${names[*]}" ZONES="${zones[*]}"
exec "$here/../../chaos/kill-a-cluster.sh" --contexts "$(contexts)" --driver "$here/driver.sh" "$@"
