#!/usr/bin/env bash
# Makes faults in the clusters of create.sh, for `grapevine chaos --driver`. chaos/drivers/README.md says what a driver has to do.
#
#   deploy/gke/driver.sh strike cut west east north
#   deploy/gke/driver.sh heal cut west east north
#
# Faults are made on the nodes, over SSH through Google's proxy: a firewall of the project takes seconds to change, and lets go on
# what goes on. All connections are made first and wait; then one line lets all nodes act in the same instant.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=settings.sh
source "$here/settings.sh"
# shellcheck source=../../chaos/drivers/common.sh
source "$here/../../chaos/drivers/common.sh"

kubectl=${KUBECTL:-kubectl}
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

zone_of() {
	local i
	for i in "${!names[@]}"; do
		if [[ ${names[i]} = "$1" ]]; then say "${zones[i]}" && return; fi
	done
	fail "no cluster $1: there are ${names[*]}"
}

# machines prints the nodes of a cluster, with what follows as their state and address.
machines() {
	g compute instances list --filter "labels.goog-k8s-cluster-name=$prefix-$1" --format "csv[no-heading](name,status,networkInterfaces[0].accessConfigs[0].natIP)" | tr , ' '
}

running() { machines "$1" | awk '$2 == "RUNNING" { print $1 }'; }

# addresses prints where packets of a cluster come from: its nodes, and its load balancers, which answer under their own.
addresses() {
	machines "$1" | awk '{ print $3 }'
	"$kubectl" --context "$1" get services --all-namespaces -o 'jsonpath={range .items[*].status.loadBalancer.ingress[*]}{.ip}{"\n"}{end}' 2>/dev/null | grep . || true
}

# prepare CLUSTER SCRIPT connects to each of the cluster's nodes, where root runs the script once it is told to.
prepare() {
	local cluster=$1 script=$2 node zone pipe
	zone=$(zone_of "$cluster")
	for node in $(running "$cluster"); do
		pipe=$work/$node
		mkfifo "$pipe"
		# Opened for reading too, so that nobody waits here for the other end.
		exec {line}<>"$pipe"
		lines+=("$line")
		g compute ssh "$node" --zone "$zone" --tunnel-through-iap --command "sudo bash -c 'echo ready; read -r _; $script'" <"$pipe" >"$pipe.out" 2>"$pipe.err" &
		sessions+=("$!")
		waiting+=("$pipe")
	done
}

# await_ready waits until every node that was prepared has root waiting on it.
await_ready() {
	local pipe i
	[[ ${#waiting[@]} -gt 0 ]] || fail "no node of $cluster runs"
	for pipe in "${waiting[@]}"; do
		for ((i = 0; ; i++)); do
			if grep -q ready "$pipe.out"; then break; fi
			[[ $i -lt 300 ]] || fail "${pipe##*/} can't be reached: $(cat "$pipe.err")"
			sleep 0.2
		done
	done
}

# let_go lets all nodes act.
let_go() {
	local line
	await_ready
	if [[ $verb = strike ]]; then say striking; fi
	for line in "${lines[@]}"; do echo now >&"$line"; done
}

# act is let_go for what the nodes live to report.
act() {
	local i
	let_go
	for i in "${!sessions[@]}"; do
		wait "${sessions[i]}" || fail "${waiting[i]##*/}: $(cat "${waiting[i]}.err")"
	done
}

# drop prints a script that drops packets from some addresses, at the first place where the node sees them.
drop() {
	local address match="-m comment --comment grapevine-chaos"
	if [[ $fault = loss30 ]]; then match+=" -m statistic --mode random --probability 0.3"; fi
	printf 'set -e; '
	for address; do printf 'iptables -w -t raw -I PREROUTING -s %s %s -j DROP; ' "$address" "$match"; done
}

# shellcheck disable=SC2016 # the nodes expand it
take_all='iptables-save -t raw | grep grapevine-chaos | sed s/^-A/-D/ | while read -r rule; do iptables -w -t raw $rule; done'

# cut keeps packets from CLUSTER, or from the OTHERs.
cut() {
	local other theirs=() found
	for other in "${others[@]}"; do
		mapfile -t found < <(addresses "$other")
		theirs+=("${found[@]}")
	done
	if [[ $fault != cut-out ]]; then prepare "$cluster" "$(drop "${theirs[@]}")"; fi
	if [[ $fault != cut-in ]]; then
		mapfile -t found < <(addresses "$cluster")
		for other in "${others[@]}"; do prepare "$other" "$(drop "${found[@]}")"; done
	fi
	act
}

# mend takes all such rules away, whichever they were: nobody has to be asked for addresses.
mend() {
	local each
	for each in "$cluster" "${others[@]}"; do prepare "$each" "$take_all"; done
	act
}

# unhear keeps the nodes from hearing their API server, which is Google's to run.
unhear() {
	local found
	mapfile -t found < <("$kubectl" --context "$cluster" get endpointslices -l kubernetes.io/service-name=kubernetes -o 'jsonpath={range .items[*].endpoints[*]}{.addresses[0]}{"\n"}{end}')
	[[ ${#found[@]} -gt 0 ]] || fail "the address of the API server of $cluster can't be found"
	prepare "$cluster" "$(drop "${found[@]}")"
	act
}

as_root() {
	local node zone file=$1
	shift
	zone=$(zone_of "$cluster")
	for node in $(running "$cluster"); do
		g compute ssh "$node" --zone "$zone" --tunnel-through-iap --command "sudo bash -s -- $*" <"$file"
	done
}

# start_again boots the nodes that have no power. Their instance group may have done so already.
start_again() {
	local node state_of zone
	zone=$(zone_of "$cluster")
	while read -r node state_of _; do
		if [[ $state_of = TERMINATED ]]; then g compute instances start "$node" --zone "$zone" >/dev/null; fi
	done < <(machines "$cluster")
	until [[ -z $(machines "$cluster" | awk '$2 != "RUNNING"') ]]; do sleep 2; done
}

faults() { say kill stop gateway gateways cut cut-in cut-out loss30 apiserver; }

# shellcheck disable=SC2016 # the nodes expand what stands in single quotes
strike() {
	case $fault in
	kill) # the link first, so that nothing is told; then the kernel switches the machine off, with nothing stopped or flushed
		prepare "$cluster" 'cd /sys/class/net; for i in e*; do ip link set $i down; done; echo o >/proc/sysrq-trigger'
		let_go
		sleep 0.5 # a round trip to the farthest node
		kill "${sessions[@]}" 2>/dev/null || true
		say "power of the nodes of $cluster cut"
		;;
	stop)
		prepare "$cluster" 'for f in /sys/fs/cgroup/kubepods*/cgroup.freeze; do echo 1 >$f; done'
		act
		say "the Pods of $cluster frozen"
		;;
	cut | cut-in | cut-out | loss30) cut && say "$cluster: $fault, against ${others[*]}" ;;
	apiserver) unhear && say "the API server of $cluster is unheard" ;;
	gateway | gateways) kill_pods ;;
	*) fail "no fault $fault" ;;
	esac
}

# shellcheck disable=SC2016
heal() {
	case $fault in
	kill) start_again && say "the nodes of $cluster run" ;;
	stop)
		prepare "$cluster" 'for f in /sys/fs/cgroup/kubepods*/cgroup.freeze; do echo 0 >$f; done'
		act
		say "the Pods of $cluster go on"
		;;
	cut | cut-in | cut-out | loss30) mend && say "the network of $cluster is whole" ;;
	apiserver) mend && say "the API server of $cluster is heard" ;;
	gateway | gateways) say "Kubernetes starts again what was killed" ;;
	*) fail "no fault $fault" ;;
	esac
}

lines=() sessions=() waiting=() # of the nodes that are prepared
drive "$@"
