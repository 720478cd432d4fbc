#!/usr/bin/env bash
# Checks the mesh in the clusters that create.sh made. Takes the flags of deploy/check.sh, such as --failover.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=settings.sh
source "$here/settings.sh"

exec "$here/../check.sh" --contexts "$(contexts)" "$@"
