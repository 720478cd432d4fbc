# shellcheck shell=bash
# shellcheck disable=SC2034 # the drivers use what is set here
# What the drivers have in common. Sourced by a driver that has these functions and calls `drive "$@"` at its end:
#
#   faults                prints the faults that it can make
#   strike, heal          make and undo $fault in $cluster, against "${others[@]}"; $verb says which of the two
#   as_root FILE ARG...   runs a file of bash as root on each node of $cluster

say() { printf '%s\n' "$*"; }
fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

drivers="$(dirname "${BASH_SOURCE[0]}")"

# kill_pods kills every process of the Pods that were named to the driver.
kill_pods() {
	local pods line said=0
	read -ra pods <<<"${GRAPEVINE_PODS:-}"
	[[ ${#pods[@]} -gt 0 ]] || fail "GRAPEVINE_PODS names no Pod"
	while IFS= read -r line; do
		said=1
		say "$line"
	done < <(as_root "$drivers/kill-pods" "${GRAPEVINE_NAMESPACE:-grapevine}" "${pods[@]}")
	[[ $said = 1 ]] || fail "no process of ${pods[*]} runs in $cluster"
}

drive() {
	verb=${1:-}
	if [[ $verb = faults ]]; then
		faults
		exit
	fi
	[[ $# -ge 3 && ($verb = strike || $verb = heal) ]] || {
		say "want: ${0##*/} faults, or ${0##*/} strike|heal FAULT CLUSTER [OTHER...]" >&2
		exit 2
	}
	fault=$2 cluster=$3
	others=("${@:4}")
	"$verb"
}
