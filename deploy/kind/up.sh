#!/usr/bin/env bash
# Installs Grapevine and the samples into the clusters that create.sh made. Takes the flags of deploy/up.sh.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
read -ra names <<<"${CLUSTERS:-east west north}"
contexts=$(for name in "${names[@]}"; do echo "$name=kind-$name"; done | paste -sd,)
exec "$here/../up.sh" --contexts "$contexts" --image-loader 'kind load image-archive {archive} --name {cluster}' "$@"
