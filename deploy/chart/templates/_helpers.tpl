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

{{- define "stowage.agentSelector" -}}
app: kubefledged
kubefledged: stowage-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "stowage.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{/* glog's words for levels, as kube-fledged's chart takes them. */}}
{{- define "stowage.logLevel" -}}
{{- $levels := dict "DEBUG" "debug" "INFO" "info" "WARNING" "warn" "WARN" "warn" "ERROR" "error" "FATAL" "error" -}}
{{- $level := upper .Values.args.controllerLogLevel -}}
{{- required (printf "args.controllerLogLevel: %q is none of DEBUG, INFO, WARNING, ERROR, FATAL" .Values.args.controllerLogLevel) (get $levels $level) -}}
{{- end -}}

{{- define "stowage.socket" -}}
{{- $sockets := dict "containerd" "/run/containerd/containerd.sock" "k3s" "/run/k3s/containerd/containerd.sock" "rke2" "/run/k3s/containerd/containerd.sock" -}}
{{- coalesce .Values.agent.socket .Values.args.controllerCRISocketPath (get $sockets .Values.agent.distribution) | default "" -}}
{{- end -}}

{{- define "stowage.containerdRoot" -}}
{{- $roots := dict "containerd" "/var/lib/containerd" "k3s" "/var/lib/rancher/k3s/agent/containerd" "rke2" "/var/lib/rancher/rke2/agent/containerd" -}}
{{- coalesce .Values.agent.containerdRoot (get $roots .Values.agent.distribution) | default "" -}}
{{- end -}}
