# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # up.sh sets what is used here, and uses what is set
# How up.sh runs things: steps with their times, clusters side by side, and the tools. Sourced.

say() { printf '%s\n' "$*"; }

# wrong ends a command line that can't be meant.
wrong() {
	printf 'up.sh: %s\n' "$*" >&2
	exit 2
}

# fail ends what is being done, for one cluster or for all.
fail() {
	printf '%s\n' "$*" >&2
	exit 1
}

finish() {
	local running
	running=$(jobs -p)
	# shellcheck disable=SC2086 # several ids
	if [[ -n $running ]]; then kill $running 2>/dev/null || true; fi
	rm -rf "$work"
}

started=$EPOCHREALTIME
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", b - a }'; }

# step runs a command under a name, and says how long it took.
step() {
	local name=$1 start=$EPOCHREALTIME
	shift
	"$@"
	printf '%-44s %8s\n' "$name" "$(since "$start")"
}

declare -A context=() # of each cluster
clusters=()

# read_contexts reads "east,west=kind-west".
read_contexts() {
	local entry name entries
	IFS=, read -ra entries <<<"$1"
	[[ ${#entries[@]} -gt 0 ]] || wrong "--contexts: missing, want such as --contexts east,west,north"
	for entry in "${entries[@]}"; do
		name=${entry%%=*}
		[[ $name =~ ^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$ ]] ||
			wrong "--contexts: $name can't be a cluster's name, which is a DNS label; put one before it, such as east=$entry"
		[[ -z ${context[$name]:-} ]] || wrong "--contexts: $name stands there twice"
		context[$name]=${entry#*=}
		clusters+=("$name")
	done
}

# each runs a function for every cluster, all at once. Where it fails for one, that one's output is shown.
each() {
	local cluster i code=0 running=()
	for cluster in "${clusters[@]}"; do
		"$1" "$cluster" >"$work/$cluster.log" 2>&1 &
		running+=("$!")
	done
	for i in "${!clusters[@]}"; do
		if wait "${running[i]}"; then continue; fi
		code=1
		printf '%s: %s failed:\n' "${clusters[i]}" "$1" >&2
		sed 's/^/    /' "$work/${clusters[i]}.log" >&2
	done
	return "$code"
}

# k is kubectl for a cluster.
k() { kubectl --context "${context[$1]}" "${@:2}"; }

# h is helm for a cluster.
h() { "$helm" --kube-context "${context[$1]}" "${@:2}"; }

# until_true runs a command every half second until it succeeds, for as long as --timeout says. What it said last is shown.
until_true() {
	local what=$1 end=$((SECONDS + timeout)) said
	shift
	until said=$("$@" 2>&1); do
		[[ $SECONDS -lt $end ]] || fail "$what: not within $timeout s. The last attempt, $*, said:"$'\n'"$said"
		sleep 0.5
	done
}

# build_tools makes the commands that the other steps need: helm, unless it is there, and grapevine out of this source tree. The
# flags are those of the image, so that each package is compiled once.
build_tools() {
	helm=$(command -v helm) || helm=$(cd "$here/tools" && go tool -n helm)
	grapevine=$state/grapevine
	(cd "$root" && CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0 GOFLAGS='' go build -trimpath -buildvcs=false -o "$grapevine" ./cmd/grapevine)
}

# look_at finds out that a cluster answers, and what its nodes are like.
look_at() {
	local nodes='{range .items[*]}{.status.nodeInfo.architecture} {.status.addresses[?(@.type=="InternalIP")].address} {.spec.providerID}{"\n"}{end}'
	k "$1" get nodes -o jsonpath="$nodes" >"$work/$1.nodes"
	[[ -s $work/$1.nodes ]] || fail "no nodes"
}
