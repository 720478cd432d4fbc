#!/usr/bin/env bash
# Makes three clusters of kind with the same ranges of addresses for Pods and Services, so that nothing but the nodes' addresses
# leads from one to another. Again: makes what is missing. --delete removes them.
#
#   deploy/kind/create.sh && deploy/kind/up.sh && deploy/check.sh --contexts east=kind-east,west=kind-west,north=kind-north
set -euo pipefail

read -ra names <<<"${CLUSTERS:-east west north}"
there=$(kind get clusters 2>/dev/null)

for name in "${names[@]}"; do
	if grep -qx "$name" <<<"$there"; then
		if [[ ${1:-} = --delete ]]; then kind delete cluster --name "$name"; fi
		continue
	fi
	if [[ ${1:-} = --delete ]]; then continue; fi
	kind create cluster --name "$name" --wait 2m --config - <<-END
		kind: Cluster
		apiVersion: kind.x-k8s.io/v1alpha4
		networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/16}
		nodes:
		  - {role: control-plane, labels: {topology.kubernetes.io/region: $name}}
		  - {role: worker, labels: {topology.kubernetes.io/region: $name}}
	END
done
