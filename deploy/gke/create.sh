#!/usr/bin/env bash
# Makes three GKE clusters in three regions that have nothing in common but the Internet: a network each, no peering, and the same
# ranges of addresses for nodes, Pods and Services. README.md beside this file has the costs. Again: makes what is missing.
#
#   PROJECT=my-project deploy/gke/create.sh
#   deploy/gke/up.sh && deploy/gke/check.sh && deploy/gke/chaos.sh --kill west --fault kill --runs 3
#   deploy/gke/teardown.sh
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=settings.sh
source "$here/settings.sh"

check_project() {
	local billed
	[[ -n $(gcloud auth list --filter=status:ACTIVE --format='value(account)') ]] || fail "nobody is logged in: gcloud auth login"
	has g projects describe "$project" || fail "no access to project $project: gcloud config set project my-project"
	billed=$(g billing projects describe "$project" --format='value(billingEnabled)' 2>/dev/null || echo unknown)
	[[ $billed != False ]] || fail "billing is off in project $project; clusters need it"
	command -v gke-gcloud-auth-plugin >/dev/null || fail "kubectl needs the plugin: gcloud components install gke-gcloud-auth-plugin"
	g services enable container.googleapis.com compute.googleapis.com artifactregistry.googleapis.com
}

# make_registry makes a repository for the image, which the nodes' account may read.
make_registry() {
	local number
	if ! has g artifacts repositories describe "$prefix" --location "$registry_region"; then
		g artifacts repositories create "$prefix" --location "$registry_region" --repository-format docker
	fi
	number=$(g projects describe "$project" --format='value(projectNumber)')
	g artifacts repositories add-iam-policy-binding "$prefix" --location "$registry_region" \
		--member "serviceAccount:$number-compute@developer.gserviceaccount.com" --role roles/artifactregistry.reader >/dev/null
	gcloud auth configure-docker "${repository%%/*}" --quiet
}

# create makes one cluster with its network. Load balancers of type passthrough get their firewall rules from GKE: UDP 7946 from
# anywhere, because peers are known by their certificates. What is opened here is SSH through Google's proxy, for faults.
create() {
	local name=$prefix-$1 zone=$2
	local region=${zone%-*}
	if ! has g compute networks describe "$name"; then g compute networks create "$name" --subnet-mode custom; fi
	if ! has g compute networks subnets describe "$name" --region "$region"; then
		g compute networks subnets create "$name" --network "$name" --region "$region" --range 10.0.0.0/20 \
			--secondary-range pods=10.4.0.0/16,services=10.8.0.0/20
	fi
	if ! has g compute firewall-rules describe "$name-ssh"; then
		g compute firewall-rules create "$name-ssh" --network "$name" --direction INGRESS --allow tcp:22 --source-ranges 35.235.240.0/20
	fi
	if ! has g container clusters describe "$name" --zone "$zone"; then
		g container clusters create "$name" --zone "$zone" --network "$name" --subnetwork "$name" \
			--enable-ip-alias --cluster-secondary-range-name pods --services-secondary-range-name services \
			--num-nodes "$nodes" --machine-type "$machine" --disk-type pd-standard --disk-size 30 \
			--release-channel regular --logging SYSTEM --monitoring SYSTEM --labels "mesh=$prefix"
	fi
}

# credentials gives each cluster a short context. One after the other, because all write one file.
credentials() {
	local i
	mkdir -p "$state"
	for i in "${!names[@]}"; do
		g container clusters get-credentials "$prefix-${names[i]}" --zone "${zones[i]}"
		kubectl config delete-context "${names[i]}" >/dev/null 2>&1 || true
		kubectl config rename-context "gke_${project}_${zones[i]}_$prefix-${names[i]}" "${names[i]}"
	done
}

check_project
make_registry
for_each create
credentials
say "The contexts $(contexts) are in $KUBECONFIG. Next: deploy/gke/up.sh"
