#!/usr/bin/env bash
# Builds Grapevine's container image; needs Go, and neither a container runtime nor privileges.
#
#   deploy/image.sh --archive grapevine.tar                                 then: docker load -i, ctr images import, kind load image-archive
#   deploy/image.sh --archive grapevine.tar --platform linux/arm64 --ref localhost/grapevine:dev
#   deploy/image.sh --ref registry.example.com/team/grapevine:v1 --push     for amd64 and arm64
#
# Prints REF@DIGEST. Two builds of the same commit with the same Go have the same digest. --help shows all flags.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
version="$(git -C "$here" describe --tags --always --dirty 2>/dev/null || echo devel)"

# The program runs in its own module's folder, so a path that the caller gave is made absolute here.
args=()
while [[ $# -gt 0 ]]; do
	case $1 in
	--archive | -archive) args+=("$1" "$(realpath -m "${2:?--archive: want a file, such as --archive grapevine.tar}")") && shift 2 ;;
	--archive=* | -archive=*) args+=("${1%%=*}=$(realpath -m "${1#*=}")") && shift ;;
	*) args+=("$1") && shift ;;
	esac
done
exec go run -C "$here/tools" ./image --version "$version" "${args[@]}"
