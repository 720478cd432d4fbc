#!/usr/bin/env bash
# Makes faults in clusters of kind, which are containers of Docker. README.md beside this file says what a driver has to do.
#
#   grapevine chaos --contexts kind-east,kind-west,kind-north --driver chaos/drivers/kind.sh --kill west --fault cut
#
# The context of a cluster is kind-NAME, as kind calls it. Cuts and losses are rules of iptables on the nodes, in the table "raw",
# where what is forwarded to Pods passes too.
set -euo pipefail

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

docker=${DOCKER:-docker}

# nodes prints the containers of a cluster, stopped ones too.
nodes() {
	local found
	found=$("$docker" ps -a --filter "label=io.x-k8s.kind.cluster=${1#kind-}" --format '{{.Names}}')
	[[ -n $found ]] || fail "no container of the cluster ${1#kind-}: is $1 a context of kind?"
	say "$found"
}

addresses() {
	local node
	for node in $(nodes "$1"); do
		"$docker" inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}} {{end}}' "$node"
	done
}

# each runs a command with the names of all nodes of the cluster at its end, in one go.
each() { nodes "$cluster" | xargs -r "$@" >/dev/null; }

# filter prints commands that add (-I) or remove (-D) rules against packets from some addresses.
filter() {
	local how=$1 address tool
	shift
	local match=(-m comment --comment grapevine-chaos)
	if [[ $fault = loss30 ]]; then match+=(-m statistic --mode random --probability 0.3); fi
	for address; do
		tool=iptables
		if [[ $address = *:* ]]; then tool=ip6tables; fi
		say "$tool -w -t raw $how PREROUTING -s $address ${match[*]} -j DROP"
	done
}

# on_nodes runs a script on each node of a cluster.
on_nodes() {
	local node
	for node in $(nodes "$1"); do "$docker" exec -i "$node" bash <<<"$2" >/dev/null; done
}

# network adds or removes what keeps packets from CLUSTER or from the OTHERs.
network() {
	local how=$1 other strict="set -e" own theirs=() sent=()
	if [[ $how = -D ]]; then strict="exec 2>/dev/null; set +e"; fi # removing what isn't there is fine
	read -ra own <<<"$(addresses "$cluster" | tr '\n' ' ')"
	for other in "${others[@]}"; do
		read -ra sent <<<"$(addresses "$other" | tr '\n' ' ')"
		theirs+=("${sent[@]}")
	done
	[[ ${#own[@]} -gt 0 && ${#theirs[@]} -gt 0 ]] || fail "no address of $cluster, or of ${others[*]}"
	local inward outward
	inward=$(filter "$how" "${theirs[@]}") outward=$(filter "$how" "${own[@]}")
	if [[ $how = -I ]]; then say striking; fi
	if [[ $fault != cut-out ]]; then on_nodes "$cluster" "$strict"$'\n'"$inward"$'\ntrue'; fi
	if [[ $fault != cut-in ]]; then
		for other in "${others[@]}"; do on_nodes "$other" "$strict"$'\n'"$outward"$'\ntrue'; done
	fi
}

as_root() {
	local node file=$1
	shift
	for node in $(nodes "$cluster"); do "$docker" exec -i "$node" bash -s -- "$@" <"$file"; done
}

manifest=/etc/kubernetes/manifests/kube-apiserver.yaml
control_plane() { say "${cluster#kind-}-control-plane"; }

faults() { say kill stop gateway gateways cut cut-in cut-out loss30 apiserver; }

strike() {
	case $fault in
	kill)
		nodes "$cluster" >/dev/null
		say striking
		each "$docker" kill
		say "the nodes of $cluster killed"
		;;
	stop)
		nodes "$cluster" >/dev/null
		say striking
		each "$docker" pause
		say "the nodes of $cluster frozen"
		;;
	cut | cut-in | cut-out | loss30)
		network -I
		say "$cluster: $fault, against ${others[*]}"
		;;
	apiserver) # the kubelet would start it again where its manifest is
		say striking
		"$docker" exec "$(control_plane)" bash -c "mv $manifest /etc/kubernetes/ && pkill -9 kube-apiserver"
		say "the API server of $cluster killed"
		;;
	gateway | gateways) kill_pods ;;
	*) fail "no fault $fault" ;;
	esac
}

heal() {
	case $fault in
	kill)
		each "$docker" start
		say "the nodes of $cluster started"
		;;
	stop)
		each "$docker" unpause
		say "the nodes of $cluster go on"
		;;
	cut | cut-in | cut-out | loss30)
		network -D
		say "the network of $cluster is whole"
		;;
	apiserver)
		"$docker" exec "$(control_plane)" bash -c "mv /etc/kubernetes/kube-apiserver.yaml $manifest 2>/dev/null || test -e $manifest"
		say "the API server of $cluster is started"
		;;
	gateway | gateways) say "Kubernetes starts again what was killed" ;;
	*) fail "no fault $fault" ;;
	esac
}

drive "$@"
