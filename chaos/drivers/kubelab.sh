#!/usr/bin/env bash
# Makes faults in clusters of kubelab, whose script $KUBELAB names. README.md beside this file says what a driver has to do.
#
#   KUBELAB=…/kubelab grapevine chaos --contexts east,west,north --driver chaos/drivers/kubelab.sh --kill west --fault cut
#
# loss30 needs kubelab's switch (`kubelab wan on RULES`), whose rules get lines for the time of the fault. It has to be on before, for
# turning it on holds all traffic up.
set -euo pipefail

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

kubelab=${KUBELAB:?set it to the path of the script kubelab}
mark='# grapevine chaos'

lab() { "$kubelab" "$@" >/dev/null; }

# rules prints the path of the switch's rules; nothing where the switch isn't on, or has none.
rules() { "$kubelab" status | sed -n 's/^wan: on, rules \(..*\)$/\1/p'; }

lose() {
	local file other
	file=$(rules)
	[[ -n $file ]] || fail "the switch isn't on; try: kubelab wan on RULES, with a file that may be empty"
	forgive
	for other in "${others[@]}"; do
		printf '%s\n%s %s loss=30\n' "$mark" "$cluster" "$other" "$mark" "$other" "$cluster" >>"$file"
	done
	say striking
	lab wan reload
}

# forgive takes the driver's own lines, each below its mark, out of the rules.
forgive() {
	local file
	file=$(rules)
	if [[ -n $file ]]; then sed -i "/^$mark\$/,+1d" "$file"; fi
}

cut() {
	local other
	say striking
	for other in "${others[@]}"; do
		case $fault in
		cut) lab cut "$cluster" "$other" ;;
		cut-in) lab cut "$other" "$cluster" --one-way ;;
		cut-out) lab cut "$cluster" "$other" --one-way ;;
		esac
	done
}

as_root() { "$kubelab" sh "$cluster" bash -s -- "${@:2}" <"$1"; }

faults() {
	say kill stop gateway gateways cut cut-in cut-out apiserver
	if [[ -n $(rules) ]]; then say loss30; fi
}

strike() {
	case $fault in
	kill)
		say striking
		lab crash "$cluster"
		say "power of $cluster-node cut"
		;;
	stop)
		say striking
		lab pause "$cluster"
		say "$cluster-node frozen"
		;;
	apiserver)
		say striking
		lab apiserver stop "$cluster"
		say "the API server of $cluster killed"
		;;
	cut | cut-in | cut-out)
		cut
		say "$cluster: $fault from ${others[*]}"
		;;
	loss30)
		lose
		say "$cluster: 30 % loss to and from ${others[*]}"
		;;
	gateway | gateways) kill_pods ;;
	*) fail "no fault $fault" ;;
	esac
}

heal() {
	local other
	case $fault in
	kill)
		lab start "$cluster"
		say "$cluster-node booted"
		;;
	stop)
		lab resume "$cluster"
		say "$cluster-node goes on"
		;;
	apiserver)
		lab apiserver start "$cluster"
		say "the API server of $cluster is back"
		;;
	cut | cut-in | cut-out)
		for other in "${others[@]}"; do lab heal "$cluster" "$other"; done
		say "the network of $cluster is whole"
		;;
	loss30)
		forgive
		if [[ -n $(rules) ]]; then lab wan reload; fi
		say "the network of $cluster is whole"
		;;
	gateway | gateways) say "Kubernetes starts again what was killed" ;;
	*) fail "no fault $fault" ;;
	esac
}

drive "$@"
