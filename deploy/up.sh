#!/usr/bin/env bash
# Makes one mesh out of Kubernetes clusters: installs Grapevine and sample services, wires DNS, and waits until Pods of every
# cluster reach frontend.shop.federated. Again: changes what has to be changed.
#
#   deploy/up.sh --contexts east,west,north --image-loader 'kubelab image load'
#   deploy/up.sh --contexts east=kind-east,west=kind-west --image-loader 'kind load image-archive {archive} --name {cluster}'
#   deploy/up.sh --contexts east,west,north --push europe-docker.pkg.dev/my-project/mesh/grapevine
#   deploy/up.sh --contexts east,west,north --down
#
#   --contexts LIST      kubectl's contexts, each with NAME= before it where the cluster is called otherwise (required)
#   --kubeconfig FILES   as in $KUBECONFIG
#   --image-loader CMD   builds the image and runs CMD once for each cluster. {archive}, {context} and {cluster} stand for what they
#                        say; the archive comes last where {archive} doesn't occur. $CONTEXT and $CLUSTER are set too
#   --push REPOSITORY    builds the image and pushes it there, where the clusters can pull it
#   --image REF          takes this image, which the clusters can pull or have
#   --expose KIND        LoadBalancer, NodePort or HostNetwork (default: LoadBalancer with a cloud provider, else NodePort)
#   --replicas N         gateways in each cluster (default 2)
#   --mcs                the Multi-Cluster Services API too; installs its CRDs where they are missing
#   --flat               the sample service api too, which needs routes between the clusters' Pods
#   --values FILE        further values for the chart
#   --mesh NAME          the mesh's name (default mesh.internal)
#   --namespace NAME     Grapevine's (default grapevine)
#   --state DIR          where the certificate authority and the values are kept (default ~/.local/state/grapevine)
#   --timeout SECONDS    how long each wait may take (default 300)
#   --no-samples         Grapevine alone
#   --down               removes all of it, but for the authority in the state directory and the CRDs
#
# Needs kubectl and Go; helm is built where it isn't installed. Exit code: 0 all is up, 1 something isn't, 2 wrong use.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
# shellcheck source=lib/run.sh
source "$here/lib/run.sh"
# shellcheck source=lib/image.sh
source "$here/lib/image.sh"
# shellcheck source=lib/mesh.sh
source "$here/lib/mesh.sh"
# shellcheck source=lib/samples.sh
source "$here/lib/samples.sh"

contexts="" loader="" push="" image="" expose="" replicas=2 mcs=false flat=false values="" mesh=mesh.internal namespace=grapevine
state="${XDG_STATE_HOME:-$HOME/.local/state}/grapevine" timeout=300 samples=true down=false

while [[ $# -gt 0 ]]; do
	case $1 in
	--mcs) mcs=true && shift && continue ;;
	--flat) flat=true && shift && continue ;;
	--no-samples) samples=false && shift && continue ;;
	--down) down=true && shift && continue ;;
	-h | --help) sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" && exit ;;
	--*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
	esac
	[[ $# -ge 2 ]] || wrong "$1: unknown, or without its value; --help shows all flags"
	case $1 in
	--contexts) contexts=$2 ;;
	--kubeconfig) export KUBECONFIG=$2 ;;
	--image-loader) loader=$2 ;;
	--push) push=$2 ;;
	--image) image=$2 ;;
	--expose) expose=$2 ;;
	--replicas) replicas=$2 ;;
	--values) values=$2 ;;
	--mesh) mesh=$2 ;;
	--namespace) namespace=$2 ;;
	--state) state=$2 ;;
	--timeout) timeout=$2 ;;
	*) wrong "$1: unknown; --help shows all flags" ;;
	esac
	shift 2
done

read_contexts "$contexts"
[[ $replicas =~ ^[1-9][0-9]?$ ]] || wrong "--replicas $replicas: want a number, such as --replicas 2"
[[ $timeout =~ ^[1-9][0-9]*$ ]] || wrong "--timeout $timeout: want seconds, such as --timeout 300"
[[ $expose =~ ^(|LoadBalancer|NodePort|HostNetwork)$ ]] || wrong "--expose $expose: want LoadBalancer, NodePort or HostNetwork"
[[ -z $values || -r $values ]] || wrong "--values $values: can't be read"
for tool in kubectl go; do command -v "$tool" >/dev/null || wrong "$tool isn't installed"; done
if [[ $down = false ]]; then
	given=0
	for way in "$loader" "$push" "$image"; do if [[ -n $way ]]; then given=$((given + 1)); fi; done
	[[ $given = 1 ]] || wrong "want one of --image-loader, --push and --image, such as --image-loader 'kind load image-archive {archive} --name {cluster}'"
fi

umask 077
state="$(realpath -m "$state")/$mesh"
mkdir -p "$state"
work="$(mktemp -d)"
trap finish EXIT
trap 'exit 130' INT TERM

step 'tools' build_tools
step 'clusters answer' each look_at
if [[ $down = true ]]; then
	step 'samples removed' each remove_samples
	step 'DNS as it was' each unwire
	step 'Grapevine removed' each remove_mesh
	say "The mesh's certificate authority is kept in $state"
	exit
fi
step 'image' make_image
step 'certificates' make_certificates
step 'namespaces, certificates, CRDs' each prepare
step 'addresses' make_seeds
step 'Grapevine installed' each install_mesh
if [[ $samples = true ]]; then step 'samples installed' each install_samples; fi
step 'gateways ready' each await_gateways
if [[ $samples = true ]]; then step 'samples ready' each await_samples; fi
step 'DNS wired' each wire
if [[ $samples = true ]]; then
	step 'Pods reach frontend.shop.federated' each await_frontend
	step 'Pods reach the other clusters' each await_others
fi
tell_next
