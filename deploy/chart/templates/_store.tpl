{{/* What controllers are told of where everything is kept. */}}
{{- define "stowage.storeArgs" -}}
{{- if include "stowage.isMirrorSeparate" . -}}
{{- if .Values.tls.secret }}
- --mirror=https://{{ include "stowage.mirror" . }}.{{ .Release.Namespace }}.svc:5080
{{- else }}
- --mirror=http://{{ include "stowage.mirror" . }}:5080
{{- end }}
- --mirror-token-file=/var/run/secrets/stowage/mirror/token
{{- else -}}
{{- include "stowage.dataArgs" . -}}
{{- end -}}
{{- end -}}

{{/* What who keeps everything is told of where. What one controller kept when it had it for itself, a mirror finds there again. */}}
{{- define "stowage.dataArgs" -}}
{{- with .Values.store.s3 -}}
{{- if .location -}}
- --data={{ .location }}
{{- with .endpoint }}
- --s3-endpoint={{ . }}
{{- end }}
{{- with .region }}
- --s3-region={{ . }}
{{- end }}
{{- with .addressing }}
- --s3-addressing={{ . }}
{{- end }}
{{- else -}}
# Not the volume itself, which may have a lost+found.
- --data=/var/lib/stowage/centre
{{- end -}}
{{- end -}}
{{- include "stowage.upkeepArgs" . -}}
{{- end -}}

{{/* How who keeps everything looks after it. What is written as `off` in a file of values comes as false. */}}
{{- define "stowage.upkeepArgs" -}}
{{- $gc := .Values.store.gc -}}
{{- $scrub := .Values.store.scrub -}}
{{- range $flag, $value := dict "gc-every" $gc.every "gc-grace" $gc.grace "gc-untagged" $gc.untagged "scrub-rate" $scrub.rate "scrub-every" $scrub.every }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- --{{ $flag }}={{ ternary "off" (include "stowage.number" $value) (eq (toString $value) "false") }}
{{- end }}
{{- end }}
{{- if .Values.store.operatorTokenSecret }}
- --operator-token-file=/var/run/secrets/stowage/operator/token
{{- end }}
{{- end -}}

{{- define "stowage.dataEnvFrom" -}}
{{- with .Values.store.s3 -}}
{{- if and .location .credentialsSecret -}}
envFrom:
  - secretRef: { name: {{ .credentialsSecret }} }
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "stowage.dataMounts" -}}
{{- if not .Values.store.s3.location }}
- name: store
  mountPath: /var/lib/stowage
{{- end }}
{{- if .Values.store.operatorTokenSecret }}
- name: operator-token
  mountPath: /var/run/secrets/stowage/operator
  readOnly: true
{{- end }}
{{- end -}}

{{- define "stowage.mirrorReplicas" -}}
{{- $wanted := toString .Values.mirror.replicaCount -}}
{{- $replicas := int (default (ternary "2" "1" (ne .Values.store.s3.location "")) $wanted) -}}
{{- if lt $replicas 1 -}}
{{- fail (printf "mirror.replicaCount: %v is no number of mirrors" $wanted) -}}
{{- end -}}
{{- if and (gt $replicas 1) (not .Values.store.s3.location) -}}
{{- fail "mirror.replicaCount: several mirrors can share a bucket (store.s3.location), but no volume" -}}
{{- end -}}
{{- $replicas -}}
{{- end -}}

{{- define "stowage.dataVolumes" -}}
{{- if not .Values.store.s3.location }}
- name: store
  {{- if .Values.store.hostPath }}
  hostPath: { path: {{ .Values.store.hostPath | quote }}, type: Directory }
  {{- else }}
  persistentVolumeClaim: { claimName: {{ default (printf "%s-store" (include "stowage.controller" .)) .Values.store.existingClaim }} }
  {{- end }}
{{- end }}
{{- with .Values.store.operatorTokenSecret }}
- name: operator-token
  secret: { secretName: {{ . }}, items: [{ key: token, path: token }], defaultMode: 0440 }
{{- end }}
{{- end -}}

{{- define "stowage.controllerMounts" -}}
{{- if include "stowage.isMirrorSeparate" . }}
{{ include "stowage.mirrorTokenMount" . }}
{{- else }}
{{ include "stowage.dataMounts" . | trim }}
{{- end }}
{{ include "stowage.listenerMounts" . | trim }}
{{ include "stowage.caMount" . }}
{{- if .Values.imageCredentialProviders.config }}
- name: credential-providers
  mountPath: /etc/stowage/credential-providers
  readOnly: true
- name: credential-provider-binaries
  mountPath: /opt/credential-providers
  readOnly: true
{{- end }}
{{- end -}}

{{- define "stowage.controllerVolumes" -}}
{{- if include "stowage.isMirrorSeparate" . }}
{{ include "stowage.mirrorTokenVolume" . }}
{{- else }}
{{ include "stowage.dataVolumes" . | trim }}
{{- end }}
{{ include "stowage.listenerVolumes" . | trim }}
{{ include "stowage.caVolume" . }}
{{- with .Values.imageCredentialProviders }}
{{- if .config }}
- name: credential-providers
  configMap: { name: {{ include "stowage.controller" $ }}-credential-providers }
- name: credential-provider-binaries
  {{- toYaml .binaries | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
