# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # up.sh sets what is used here, and uses what is set
# The sample services, and what their Pods see. Sourced by up.sh.

install_samples() {
	make_namespace "$1" shop
	h "$1" upgrade --install samples "$here/samples" --namespace shop \
		--set cluster="$1" --set-string image="$image" --set pullPolicy="$pull" --set flat="$flat" --set mcs="$mcs"
}

remove_samples() {
	if h "$1" status samples --namespace shop >/dev/null 2>&1; then
		h "$1" uninstall samples --namespace shop --wait --timeout "${timeout}s"
	fi
	remove_namespace "$1" shop
}

await_samples() {
	local kind
	for kind in deployments statefulsets; do
		k "$1" -n shop rollout status "$kind" -l app.kubernetes.io/part-of=grapevine-samples --timeout="${timeout}s"
	done
}

# in_client runs a command in a Pod of the cluster, where the applications' own DNS is asked.
in_client() { k "$1" -n shop exec deploy/client -- /grapevine demo "${@:2}"; }

await_frontend() {
	until_true "$1 resolves frontend.shop.federated" in_client "$1" lookup frontend.shop.federated
	until_true "$1 reaches frontend.shop.federated" in_client "$1" get http://frontend.shop.federated
}

# await_others shows that traffic passes between clusters: frontend is answered by the cluster's own Pods.
await_others() {
	local other
	for other in "${clusters[@]}"; do
		until_true "$1 reaches analytics of $other" answered_by "$other" "$1" get "http://$other.analytics.shop.federated"
	done
}

answered_by() {
	local said
	said=$(in_client "${@:2}") || return
	[[ $said = "$1 "* ]] || {
		say "$said"
		return 1
	}
}

tell_next() {
	local first=${clusters[0]} last=${clusters[-1]} list="" cluster
	for cluster in "${clusters[@]}"; do list+=",${context[$cluster]}"; done
	printf '%-44s %8s\n\n' 'all of it' "$(since "$started")"
	say "What to try now:"
	say "  kubectl --context ${context[$first]} -n $namespace exec grapevine-0 -- /grapevine members"
	if [[ $samples = true ]]; then
		say "  kubectl --context ${context[$first]} -n shop exec deploy/client -- /grapevine demo get http://frontend.shop.federated"
		say "  kubectl --context ${context[$first]} -n shop exec deploy/client -- /grapevine demo get http://$last.analytics.shop.federated"
		say "  kubectl --context ${context[$first]} -n shop scale deployment frontend --replicas=0     # and ask frontend again"
		say "  chaos/kill-a-cluster.sh --contexts ${list#,} --kill ${context[$last]} --fault graceful"
	fi
	say "  deploy/up.sh --contexts ... --down"
	say "The certificate authority and the values are in $state"
}
