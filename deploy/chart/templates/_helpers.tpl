{{/* As kube-fledged's chart names things: RELEASE, or RELEASE-NAME where the release is not called like it. */}}
{{- define "stowage.fullname" -}}
{{- $name := default "kube-fledged" .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "stowage.controller" -}}{{ include "stowage.fullname" . }}-controller{{- end -}}
{{- define "stowage.agent" -}}{{ include "stowage.fullname" . }}-agent{{- end -}}

{{- define "stowage.mirror" -}}{{ include "stowage.fullname" . }}-mirror{{- end -}}

{{- define "stowage.webhook" -}}{{ include "stowage.fullname" . }}-webhook-server{{- end -}}

{{- define "stowage.webhookServiceAccount" -}}
{{- if .Values.serviceAccount.create -}}{{ include "stowage.webhook" . }}{{- else -}}{{ include "stowage.serviceAccount" . }}{{- end -}}
{{- end -}}

{{- define "stowage.webhookSelector" -}}
app: kubefledged
kubefledged: kubefledged-webhook-server
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Webhook configurations that kube-fledged leaves: of its manifests, of its chart, and of a later chart. */}}
{{- define "stowage.webhookLeftovers" -}}
{{- $names := list "kubefledged-webhook-server" "kube-fledged-webhook-server" (printf "%s-webhook-configuration" (include "stowage.fullname" .)) -}}
{{- without $names (include "stowage.webhook" .) | join "," -}}
{{- end -}}

{{- define "stowage.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "stowage.controller" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "stowage.labels" -}}
app: kubefledged
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/name: {{ default "kube-fledged" .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "stowage.controllerSelector" -}}
app: kubefledged
kubefledged: kubefledged-controller
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "stowage.mirrorSelector" -}}
app: kubefledged
kubefledged: stowage-mirror
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Whether the mirror has a pod of its own: several controllers can share no volume. Empty if not. */}}
{{- define "stowage.isMirrorSeparate" -}}
{{- if or .Values.mirror.separate (gt (int .Values.controllerReplicaCount) 1) }}true{{ end -}}
{{- end -}}

{{/* The Secret with the token that mirror and controllers share. */}}
{{- define "stowage.mirrorTokenSecret" -}}
{{- default (printf "%s-token" (include "stowage.mirror" .)) .Values.mirror.existingTokenSecret -}}
{{- end -}}

{{- define "stowage.mirrorTokenVolume" -}}
- name: mirror-token
  secret:
    secretName: {{ include "stowage.mirrorTokenSecret" . }}
    defaultMode: 0440
{{- end -}}

{{- define "stowage.mirrorTokenMount" -}}
- name: mirror-token
  mountPath: /var/run/secrets/stowage/mirror
  readOnly: true
{{- end -}}

{{- define "stowage.metricsArgs" -}}
{{- if .Values.metrics.enabled -}}
- --metrics-listen=:{{ .Values.metrics.port }}
{{- end -}}
{{- end -}}

{{- define "stowage.metricsPort" -}}
{{- if .Values.metrics.enabled -}}
- name: metrics
  containerPort: {{ .Values.metrics.port }}
{{- end -}}
{{- end -}}

{{/* An empty `from` would let everybody in. */}}
{{- define "stowage.metricsIngress" -}}
{{- if and .Values.metrics.enabled .Values.metrics.allowedFrom -}}
- from:
    {{- toYaml .Values.metrics.allowedFrom | nindent 4 }}
  ports:
    - port: metrics
{{- end -}}
{{- end -}}

{{- define "stowage.agentSelector" -}}
app: kubefledged
kubefledged: stowage-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "stowage.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{/* glog's words for levels, as kube-fledged's chart takes them. */}}
{{- define "stowage.levelOf" -}}
{{- $levels := dict "DEBUG" "debug" "INFO" "info" "WARNING" "warn" "WARN" "warn" "ERROR" "error" "FATAL" "error" -}}
{{- required (printf "args.%s: %q is none of DEBUG, INFO, WARNING, ERROR, FATAL" .key .level) (get $levels (upper .level)) -}}
{{- end -}}

{{- define "stowage.logLevel" -}}
{{- include "stowage.levelOf" (dict "key" "controllerLogLevel" "level" .Values.args.controllerLogLevel) -}}
{{- end -}}

{{- define "stowage.webhookLogLevel" -}}
{{- include "stowage.levelOf" (dict "key" "webhookServerLogLevel" "level" .Values.args.webhookServerLogLevel) -}}
{{- end -}}

{{- define "stowage.socket" -}}
{{- $sockets := dict "containerd" "/run/containerd/containerd.sock" "k3s" "/run/k3s/containerd/containerd.sock" "rke2" "/run/k3s/containerd/containerd.sock" -}}
{{- coalesce .Values.agent.socket .Values.args.controllerCRISocketPath (get $sockets .Values.agent.distribution) | default "" -}}
{{- end -}}

{{- define "stowage.containerdRoot" -}}
{{- $roots := dict "containerd" "/var/lib/containerd" "k3s" "/var/lib/rancher/k3s/agent/containerd" "rke2" "/var/lib/rancher/rke2/agent/containerd" -}}
{{- coalesce .Values.agent.containerdRoot (get $roots .Values.agent.distribution) | default "" -}}
{{- end -}}
