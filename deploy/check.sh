#!/usr/bin/env bash
# Looks from inside every cluster whether the mesh that deploy/up.sh made does what it should, and says what it finds.
#
#   deploy/check.sh --contexts east,west,north
#   deploy/check.sh --contexts east=kind-east,west=kind-west --failover     also scales frontend to zero for a moment, in each
#
# Exit code: 0 all is well, 1 something isn't, 2 wrong use.
set -euo pipefail

contexts="" failover=false namespace=grapevine
while [[ $# -gt 0 ]]; do
	case $1 in
	--failover) failover=true && shift ;;
	--contexts) contexts=${2:-} && shift 2 ;;
	--namespace) namespace=${2:-} && shift 2 ;;
	--kubeconfig) export KUBECONFIG=${2:-} && shift 2 ;;
	*)
		sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
		exit 2
		;;
	esac
done
IFS=, read -ra entries <<<"$contexts"
if [[ ${#entries[@]} -eq 0 ]]; then
	printf 'check.sh: --contexts: missing, want such as --contexts east,west,north\n' >&2
	exit 2
fi
clusters=("${entries[@]%%=*}")
bad=0

# k CONTEXT … is kubectl; ask CONTEXT … is our client in a Pod there.
k() { kubectl --context "$1" "${@:2}"; }
ask() { k "$1" -n shop exec deploy/client -- /grapevine demo "${@:2}" 2>&1; }

# expect TEXT PATTERN COMMAND… runs a command, and holds every line that it prints against a pattern.
expect() {
	local text=$1 pattern=$2 said
	shift 2
	if said=$("$@" 2>&1) && [[ -n $said ]] && ! grep -Evq "$pattern" <<<"$said"; then
		printf 'ok    %s\n' "$text"
		return
	fi
	bad=$((bad + 1))
	printf 'FAIL  %s: want %s, and %s said:\n' "$text" "$pattern" "$*"
	printf '          %s\n' "${said//$'\n'/$'\n'          }"
}

members() { k "$1" -n "$namespace" exec "$2" -- /grapevine members -o json | tr -d ' \n' | grep -o '"state":"[a-z]*"' | grep -v up; }
gateways() { k "$1" -n "$namespace" get pods -l app.kubernetes.io/component=gateway -o 'jsonpath={.items[*].metadata.name}'; }

look() {
	local cluster=$1 at=$2 other pod
	for pod in $(gateways "$at"); do
		expect "$cluster: $pod sees every gateway alive" '^"state":"alive"$' members "$at" "$pod"
	done
	expect "$cluster: frontend is answered by its own Pods" "^$cluster " ask "$at" get --count 10 http://frontend.shop.federated
	expect "$cluster: echo answers over UDP" ' hello$' ask "$at" get --count 5 udp://echo.shop.federated:9000/hello
	for other in "${clusters[@]}"; do
		expect "$cluster: analytics of $other" "^$other analytics-" ask "$at" get --count 5 "http://$other.analytics.shop.federated"
		expect "$cluster: the Pod db-0 of $other" "^$other db-0 " ask "$at" get "http://db-0.$other.db.shop.federated:8080"
	done
}

# fail_over takes a cluster's own frontend away: others answer, and the address stays.
fail_over() {
	local cluster=$1 at=$2 before replicas
	before=$(ask "$at" lookup frontend.shop.federated | sort)
	replicas=$(k "$at" -n shop get deployment frontend -o 'jsonpath={.spec.replicas}')
	k "$at" -n shop scale deployment frontend --replicas=0 >/dev/null
	k "$at" -n shop wait --for=delete pod -l app.kubernetes.io/name=frontend --timeout=60s >/dev/null
	expect "$cluster: without Pods of its own, others answer" "^($(printf '%s|' "${clusters[@]/#$cluster/-}")-) " ask "$at" get --count 10 --interval 200ms http://frontend.shop.federated
	expect "$cluster: and the address stays" "^($(tr '\n' '|' <<<"$before")-)$" ask "$at" lookup frontend.shop.federated
	k "$at" -n shop scale deployment frontend --replicas="$replicas" >/dev/null
	k "$at" -n shop rollout status deployment frontend --timeout=60s >/dev/null
}

for entry in "${entries[@]}"; do look "${entry%%=*}" "${entry#*=}"; done
if [[ $failover = true ]]; then
	for entry in "${entries[@]}"; do fail_over "${entry%%=*}" "${entry#*=}"; done
fi
if [[ $bad -gt 0 ]]; then
	printf '%s of the checks failed\n' "$bad"
	exit 1
fi
echo 'all is well'
