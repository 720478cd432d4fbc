{{- /* The release's full name, which the gateways are named after: grapevine-0, grapevine-1. */ -}}
{{- define "grapevine.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "grapevine.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "grapevine.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "grapevine.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: gateway
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "grapevine.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "grapevine.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "grapevine.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- /*
gateway.yaml. The first seed is this cluster's own headless Service: its gateways find one another there without any
address from outside. What differs between gateways is a flag of the container. 0.0.0.0 is every address of both families.
*/ -}}
{{- define "grapevine.config" -}}
{{- $own := printf "%s.%s.svc:7946" (include "grapevine.fullname" .) .Release.Namespace -}}
{{- $config := dict
  "cluster" .Values.cluster
  "mesh" (dict "name" .Values.mesh.name "listen" "0.0.0.0:7946" "seeds" (prepend .Values.mesh.seeds $own))
  "dns" (dict "listen" "0.0.0.0:8053" "zone" .Values.dns.zone "ttl" .Values.dns.ttl "clusterset" .Values.dns.clusterset)
  "admin" "127.0.0.1:7980"
  "metrics" "0.0.0.0:7981"
  "data" "/var/lib/grapevine"
  "kubernetes" (dict "enabled" true "namespace" .Release.Namespace "mcs" .Values.mcs.enabled)
-}}
{{- mergeOverwrite $config (deepCopy .Values.config) | toYaml -}}
{{- end -}}

{{- /* What the schema can't say. Included once. */ -}}
{{- define "grapevine.check" -}}
{{- if not .Values.cluster -}}
{{- fail "cluster: missing, want this cluster's name in the mesh, such as --set cluster=east" -}}
{{- end -}}
{{- if and (eq .Values.mesh.expose "NodePort") (not .Values.mesh.nodePort) -}}
{{- fail "mesh.nodePort: missing, want a port of the nodes that no other cluster of the mesh uses, such as --set mesh.nodePort=30946" -}}
{{- end -}}
{{- if and (eq .Values.mesh.expose "NodePort") (gt (add .Values.mesh.nodePort .Values.replicas) 32768) -}}
{{- fail (printf "mesh.nodePort: %v leaves no room below 32768 for %v gateways; want such as --set mesh.nodePort=30946" .Values.mesh.nodePort .Values.replicas) -}}
{{- end -}}
{{- range $list, $values := dict "dns.clusterIPs" .Values.dns.clusterIPs "mesh.loadBalancer.ips" .Values.mesh.loadBalancer.ips "mesh.loadBalancer.perGateway" .Values.mesh.loadBalancer.perGateway -}}
{{- if gt (len $values) (int $.Values.replicas) -}}
{{- fail (printf "%s: has %d entries for %v gateways; want one for each, in their order" $list (len $values) $.Values.replicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}
