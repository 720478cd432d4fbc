{{- define "samples.labels" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/part-of: grapevine-samples
{{- end -}}

{{- /* A Pod that answers with its cluster, its name and its address: over HTTP at 8080, over UDP at 9000. */ -}}
{{- define "samples.pod" -}}
{{- $root := index . 0 -}}
metadata:
  labels: {{- include "samples.labels" . | nindent 4 }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 15
  topologySpreadConstraints:
    - topologyKey: kubernetes.io/hostname
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "samples.labels" . | nindent 10 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: sample
      image: {{ $root.Values.image }}
      imagePullPolicy: {{ $root.Values.pullPolicy }}
      args:
        - demo
        - service
        - --listen=0.0.0.0:8080
        - --echo=0.0.0.0:9000
        - --answer={{ $root.Values.cluster }} $(POD_NAME) $(POD_IP)
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: POD_IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
      ports:
        - {name: http, containerPort: 8080, protocol: TCP}
        - {name: echo, containerPort: 9000, protocol: UDP}
      readinessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 1
      # It serves on while the cluster's proxies learn that it goes, as every service should; without this they send to a
      # Pod that is gone for about a second.
      lifecycle:
        preStop: {sleep: {seconds: 3}}
      resources:
        requests: {cpu: 10m, memory: 16Mi}
        limits: {memory: 64Mi}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
{{- end -}}

{{- define "samples.deployment" -}}
{{- $root := index . 0 -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "samples.labels" . | nindent 4 }}
spec:
  replicas: {{ index . 2 }}
  selector:
    matchLabels: {{- include "samples.labels" . | nindent 6 }}
  template: {{- include "samples.pod" . | nindent 4 }}
{{- end -}}
