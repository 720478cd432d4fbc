# shellcheck shell=bash
# shellcheck disable=SC2034 # those who source it use them
# What the scripts of this folder agree on. Sourced; each value can be given in the environment.

project=${PROJECT:-$(gcloud config get-value project 2>/dev/null)}
prefix=${PREFIX:-grapevine}                         # before every name in the project
read -ra names <<<"${CLUSTERS:-east west north}"    # of the clusters in the mesh, and of kubectl's contexts
read -ra zones <<<"${ZONES:-us-east1-b us-west1-b northamerica-northeast1-a}"
machine=${MACHINE:-e2-standard-2}
nodes=${NODES:-2}                                   # in each cluster
state=${STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/grapevine/gke-$prefix}
registry_region=${REGISTRY_REGION:-${zones[0]%-*}}
repository=$registry_region-docker.pkg.dev/$project/$prefix

export KUBECONFIG=$state/kubeconfig
export CLOUDSDK_CORE_DISABLE_PROMPTS=1

say() { printf '%s\n' "$*"; }
fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

[[ -n $project && $project != '(unset)' ]] || fail "no project: set PROJECT, or run gcloud config set project my-project"
[[ ${#names[@]} -eq ${#zones[@]} ]] || fail "CLUSTERS has ${#names[@]} names and ZONES ${#zones[@]} zones: want one zone for each, such as CLUSTERS='east west' ZONES='us-east1-b us-west1-b'"

g() { gcloud --project "$project" --quiet "$@"; }
has() { "$@" >/dev/null 2>&1; }
contexts() { (IFS=, && say "${names[*]}"); }

# for_each runs a function with the name and zone of every cluster, all at once, and shows what went wrong.
for_each() {
	local i code=0 running=()
	mkdir -p "$state/log"
	for i in "${!names[@]}"; do
		"$1" "${names[i]}" "${zones[i]}" >"$state/log/$1-${names[i]}" 2>&1 &
		running+=("$!")
	done
	for i in "${!names[@]}"; do
		if wait "${running[i]}"; then
			say "$1 ${names[i]}: done"
		else
			code=1
			say "$1 ${names[i]} failed:" >&2
			sed 's/^/    /' "$state/log/$1-${names[i]}" >&2
		fi
	done
	return "$code"
}
