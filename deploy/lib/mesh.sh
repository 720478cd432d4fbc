# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # up.sh sets what is used here, and uses what is set
# Certificates, addresses, the chart, and DNS. Sourced by up.sh.

chart=$here/chart/grapevine
crds=(serviceexports serviceimports)

# make_certificates makes the mesh's authority once, and Secrets for each cluster's gateways, anew after two of the three months
# that they are valid. The authority's key never leaves this machine.
make_certificates() {
	local cluster i gateways
	if [[ ! -e $state/ca/ca.key ]]; then "$grapevine" ca init --mesh "$mesh" --out "$state/ca" >/dev/null; fi
	for cluster in "${clusters[@]}"; do
		find "$state" -maxdepth 1 -name "$cluster-*.secrets.yaml" -mtime +60 -delete
		if [[ -e $(secrets "$cluster") ]]; then continue; fi
		gateways=()
		for ((i = 0; i < replicas; i++)); do gateways+=(--gateway "$cluster/grapevine-$i"); done
		"$grapevine" ca issue --ca "$state/ca" --namespace "$namespace" "${gateways[@]}" -o secret --out "$(secrets "$cluster")"
	done
}

secrets() { printf '%s/%s-%s-%s.secrets.yaml' "$state" "$1" "$namespace" "$replicas"; }

# make_namespace makes a namespace whose Pods have to be restricted ones. It is ours to remove only if it wasn't there.
make_namespace() {
	local level=restricted
	if [[ $2 = "$namespace" && $(expose_of "$1") = HostNetwork ]]; then level=privileged; fi
	if ! k "$1" get namespace "$2" >/dev/null 2>&1; then
		k "$1" create namespace "$2"
		k "$1" label namespace "$2" grapevine.dev/made-by=up.sh
	fi
	k "$1" label --overwrite namespace "$2" "pod-security.kubernetes.io/enforce=$level"
}

remove_namespace() {
	if [[ $(k "$1" get namespace "$2" --ignore-not-found -o 'jsonpath={.metadata.labels.grapevine\.dev/made-by}') = up.sh ]]; then
		k "$1" delete namespace "$2" --timeout="${timeout}s"
	fi
}

prepare() {
	make_namespace "$1" "$namespace"
	k "$1" apply --server-side --force-conflicts -f "$(secrets "$1")"
	if [[ $mcs = true ]]; then install_crds "$1"; fi
}

install_crds() {
	local module crd
	module=$(cd "$root" && go mod download sigs.k8s.io/mcs-api && go list -m -f '{{.Dir}}' sigs.k8s.io/mcs-api)
	for crd in "${crds[@]}"; do
		if k "$1" get crd "$crd.multicluster.x-k8s.io" >/dev/null 2>&1; then continue; fi
		k "$1" apply --server-side -f "$module/config/crd/multicluster.x-k8s.io_$crd.yaml"
	done
	for crd in "${crds[@]}"; do
		k "$1" wait --for=condition=Established --timeout="${timeout}s" "crd/$crd.multicluster.x-k8s.io"
	done
}

# expose_of prints how a cluster's gateways are reached: by load balancers where a cloud provider would make them.
expose_of() {
	if [[ -n $expose ]]; then
		say "$expose"
	elif grep -Eq ' (gce|aws|azure|digitalocean|linode|openstack|oci|ibm|vultr|hcloud)://' "$work/$1.nodes"; then
		say LoadBalancer
	else
		say NodePort
	fi
}

# make_seeds gives each cluster the addresses of all others. Load balancers have theirs only once they exist, so there
# everything but the gateways is installed first.
make_seeds() {
	local cluster other
	choose_node_ports
	each learn_addresses
	for cluster in "${clusters[@]}"; do
		: >"$work/$cluster.seeds"
		for other in "${clusters[@]}"; do
			if [[ $other != "$cluster" ]]; then cat "$work/$other.addresses" >>"$work/$cluster.seeds"; fi
		done
		values_of "$cluster" >"$state/$cluster.values.yaml"
	done
}

# choose_node_ports gives each cluster twenty ports of its own, the same at every run. With the same ones everywhere, kube-proxy would
# take a gateway's packets to another cluster's port for its own cluster's, and make their sender's address change under the
# tunnels whenever an endpoint of its own does (kubernetes/kubernetes, pkg/proxy/conntrack).
declare -A node_port
choose_node_ports() {
	local cluster sum port
	for cluster in "${clusters[@]}"; do
		sum=$(printf '%s' "$cluster" | cksum)
		port=$((30000 + 20 * (${sum%% *} % 138)))
		while [[ " ${node_port[*]} " = *" $port "* ]]; do port=$((30000 + (port - 30000 + 20) % 2760)); done
		node_port[$cluster]=$port
	done
}

learn_addresses() {
	local i nodes
	mapfile -t nodes < <(awk '{ print $2 }' "$work/$1.nodes")
	for ((i = 0; i < replicas; i++)); do
		local node=${nodes[i % ${#nodes[@]}]}
		if [[ $node = *:* ]]; then node="[$node]"; fi
		case $(expose_of "$1") in
		NodePort) say "$node:$((node_port[$1] + i))" ;;
		HostNetwork) say "$node:7946" ;;
		LoadBalancer) balanced "$1" "$i" ;;
		esac
	done >"$work/$1.addresses"
}

# balanced prints the address of one gateway's load balancer.
balanced() {
	local address
	if ! k "$1" -n "$namespace" get service "grapevine-$2" >/dev/null 2>&1; then make_services "$1" >&2; fi
	until_true "an address for grapevine-$2" has_address "$1" "$2" >&2
	address=$(address_of "$1" "$2")
	if [[ $address = *:* ]]; then address="[$address]"; fi
	say "$address:7946"
}

# make_services makes the gateways' Services. Gateways that run already go on as they are.
make_services() {
	if h "$1" status grapevine --namespace "$namespace" >/dev/null 2>&1; then
		h "$1" upgrade grapevine "$chart" --namespace "$namespace" --reuse-values --set replicas="$replicas"
		return
	fi
	: >"$work/$1.seeds"
	values_of "$1" >"$work/$1.values.yaml"
	install "$1" "$work/$1.values.yaml" --set paused=true
}

address_of() {
	k "$1" -n "$namespace" get service "grapevine-$2" -o 'jsonpath={.status.loadBalancer.ingress[0].ip}{.status.loadBalancer.ingress[0].hostname}'
}
has_address() { [[ -n $(address_of "$1" "$2") ]]; }

# values_of prints a cluster's values of the chart.
values_of() {
	say "cluster: $1"
	say "replicas: $replicas"
	say "mcs: {enabled: $mcs}"
	cat "$work/image.yaml"
	say "mesh:"
	say "  name: $mesh"
	say "  expose: $(expose_of "$1")"
	if [[ $(expose_of "$1") = NodePort ]]; then say "  nodePort: ${node_port[$1]}"; fi
	say "  seeds:"
	sed 's/.*/    - "&"/' "$work/$1.seeds"
	if [[ ! -s $work/$1.seeds ]]; then say "    []"; fi
}

# install CLUSTER VALUES FLAGS… installs or upgrades the chart.
install() {
	local more=()
	if [[ -n $values ]]; then more=(--values "$values"); fi
	h "$1" upgrade --install grapevine "$chart" --namespace "$namespace" --values "$2" "${more[@]}" "${@:3}"
}

install_mesh() { install "$1" "$state/$1.values.yaml" --set paused=false; }

await_gateways() {
	k "$1" -n "$namespace" rollout status statefulset/grapevine --timeout="${timeout}s" && return
	k "$1" -n "$namespace" get pods -o wide
	k "$1" -n "$namespace" logs statefulset/grapevine --tail=20
	fail "the gateways aren't ready within $timeout s"
}

wire() { "$grapevine" stubzone --context "${context[$1]}" --namespace "$namespace" --apply --restart; }
unwire() { "$grapevine" stubzone --context "${context[$1]}" --namespace "$namespace" --remove --apply --restart; }

remove_mesh() {
	if h "$1" status grapevine --namespace "$namespace" >/dev/null 2>&1; then
		h "$1" uninstall grapevine --namespace "$namespace" --wait --timeout "${timeout}s"
	fi
	k "$1" -n "$namespace" delete --ignore-not-found -f "$(secrets "$1")" 2>/dev/null || true
	# What the gateways made is theirs until they are gone, and nobody's then.
	local kinds=services,endpointslices
	if k "$1" get crd serviceimports.multicluster.x-k8s.io >/dev/null 2>&1; then kinds+=,serviceimports.multicluster.x-k8s.io; fi
	k "$1" delete "$kinds" --all-namespaces -l app.kubernetes.io/managed-by=grapevine
	remove_namespace "$1" "$namespace"
}
