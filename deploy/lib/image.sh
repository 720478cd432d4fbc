# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # up.sh sets what is used here, and uses what is set
# The image: built and handed to the clusters, or taken as it is. Sourced by up.sh.

# make_image sets $image and $pull.
make_image() {
	local archive=$work/grapevine.tar platforms
	pull=IfNotPresent
	platforms=$(cat "$work"/*.nodes | awk '{ print "linux/" $1 }' | sort -u | paste -sd,)
	if [[ -n $push ]]; then
		image=$("$here/image.sh" --ref "$push:dev-" --platform "$platforms" --push)
	elif [[ -n $loader ]]; then
		# Another content gets another tag, so nodes never run what an old image of the same name held.
		image=$("$here/image.sh" --ref localhost/grapevine:dev- --platform "$platforms" --archive "$archive")
		image=${image%@*}
		pull=Never
		load_image "$archive"
	fi
	image_values >"$work/image.yaml"
}

# load_image runs the loader once for each cluster, one after the other: not every loader can be run twice at once.
load_image() {
	local cluster command
	for cluster in "${clusters[@]}"; do
		command=$loader
		[[ $command = *'{archive}'* ]] || command+=' {archive}'
		command=${command//'{archive}'/$(printf %q "$1")}
		command=${command//'{context}'/$(printf %q "${context[$cluster]}")}
		command=${command//'{cluster}'/$(printf %q "$cluster")}
		CONTEXT=${context[$cluster]} CLUSTER=$cluster bash -c "$command" >"$work/load.log" 2>&1 || {
			cat "$work/load.log" >&2
			fail "--image-loader failed for $cluster: $command"
		}
	done
}

# image_values prints $image as values of the chart: REPOSITORY[:TAG][@DIGEST].
image_values() {
	local name=${image%@*} digest="" tag=""
	if [[ $image = *@* ]]; then digest=${image#*@}; fi
	if [[ ${name##*/} = *:* ]]; then tag=${name##*:} name=${name%:*}; fi
	printf 'image: {repository: "%s", tag: "%s", digest: "%s", pullPolicy: %s}\n' "$name" "$tag" "$digest" "$pull"
}
