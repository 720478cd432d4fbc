#!/usr/bin/env bash
# Installs Grapevine and the samples into the clusters that create.sh made. Takes the flags of deploy/up.sh.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=settings.sh
source "$here/settings.sh"

exec "$here/../up.sh" --contexts "$(contexts)" --push "$repository/grapevine" --expose LoadBalancer --state "$state" "$@"
