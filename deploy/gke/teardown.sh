#!/usr/bin/env bash
# Removes everything that create.sh made, and what Kubernetes made in the project for it. Again: removes what is left.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=settings.sh
source "$here/settings.sh"

# release deletes a cluster's load balancers while it can still do so itself: without it they stay, and cost.
release() {
	if ! has kubectl --context "$1" get namespaces; then
		say "$1 doesn't answer; what its load balancers leave behind is removed below"
		return
	fi
	kubectl --context "$1" delete services --all-namespaces --field-selector spec.type=LoadBalancer --timeout 5m
}

remove() {
	local name=$prefix-$1 zone=$2 rule
	local region=${zone%-*}
	if has g container clusters describe "$name" --zone "$zone"; then g container clusters delete "$name" --zone "$zone"; fi
	for rule in $(g compute forwarding-rules list --filter "region:($region) AND description~kubernetes.io/service-name" --format 'value(name)'); do
		say "left behind, and perhaps not ours: forwarding rule $rule in $region"
	done
	for rule in $(g compute firewall-rules list --filter "network~/$name\$" --format 'value(name)'); do
		g compute firewall-rules delete "$rule"
	done
	if has g compute networks subnets describe "$name" --region "$region"; then g compute networks subnets delete "$name" --region "$region"; fi
	if has g compute networks describe "$name"; then g compute networks delete "$name"; fi
}

for_each release
for_each remove
if has g artifacts repositories describe "$prefix" --location "$registry_region"; then
	g artifacts repositories delete "$prefix" --location "$registry_region"
fi
rm -f "$KUBECONFIG"
say "All of it is gone. The mesh's certificate authority is kept in $state"
