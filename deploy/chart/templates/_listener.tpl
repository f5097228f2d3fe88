{{- define "stowage.scheme" -}}
{{- ternary "https" "http" (ne .Values.tls.secret "") -}}
{{- end -}}

{{- define "stowage.hasUsers" -}}
{{- if or .Values.access.htpasswdSecret .Values.access.tokensSecret }}true{{ end -}}
{{- end -}}

{{- define "stowage.tokenKeySecret" -}}
{{- default (printf "%s-token-key" (include "stowage.controller" .)) .Values.access.tokenKeySecret -}}
{{- end -}}

{{/* Numbers of values are floating ones, and large ones of these are written with an exponent. */}}
{{- define "stowage.number" -}}
{{- if kindIs "float64" . }}{{ if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{/* Who may use a listener, and how. */}}
{{- define "stowage.listenerArgs" -}}
{{- $hasUsers := include "stowage.hasUsers" . -}}
{{- if .Values.tls.secret }}
- --tls-cert-file=/etc/stowage/tls/tls.crt
- --tls-key-file=/etc/stowage/tls/tls.key
{{- end }}
{{- with .Values.access }}
{{- if and .rules .anonymousPull }}
{{- fail "access: with rules, let one of them say that anyone may pull, instead of anonymousPull" }}
{{- end }}
{{- if and $hasUsers (not .rules) (not .anonymousPull) }}
{{- fail "access: agents show no credentials yet; set access.anonymousPull, or access.rules by which anyone may pull what they are to get" }}
{{- end }}
{{- if .anonymousPull }}
- --anonymous-pull
{{- end }}
{{- if .htpasswdSecret }}
- --htpasswd-file=/etc/stowage/access/htpasswd
{{- end }}
{{- if .tokensSecret }}
- --token-file=/etc/stowage/access/tokens
{{- end }}
{{- if .rules }}
- --access-file=/etc/stowage/access/access.yaml
{{- end }}
{{- if $hasUsers }}
- --challenge={{ .challenge }}
- --token-key-file=/etc/stowage/access/token-key
{{- end }}
{{- with .rateLimit }}
- --rate-limit={{ include "stowage.number" . }}
{{- end }}
{{- with .maxConnectionsPerAddress }}
- --max-connections-per-address={{ include "stowage.number" . }}
{{- end }}
{{- with .maxBlobSize }}
- --max-blob-size={{ include "stowage.number" . }}
{{- end }}
{{- range .trustedProxies }}
- --trusted-proxy={{ . }}
{{- end }}
{{- range .unlimitedNetworks }}
- --unlimited-network={{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "stowage.hasAccessFiles" -}}
{{- if or (include "stowage.hasUsers" .) .Values.access.rules }}true{{ end -}}
{{- end -}}

{{- define "stowage.listenerMounts" -}}
{{- if .Values.tls.secret }}
- name: tls
  mountPath: /etc/stowage/tls
  readOnly: true
{{- end }}
{{- if include "stowage.hasAccessFiles" . }}
- name: access
  mountPath: /etc/stowage/access
  readOnly: true
{{- end }}
{{- end -}}

{{- define "stowage.listenerVolumes" -}}
{{- with .Values.tls.secret }}
- name: tls
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- if include "stowage.hasAccessFiles" . }}
- name: access
  projected:
    defaultMode: 0440
    sources:
      {{- with .Values.access.htpasswdSecret }}
      - secret: { name: {{ . }}, items: [{ key: htpasswd, path: htpasswd }] }
      {{- end }}
      {{- with .Values.access.tokensSecret }}
      - secret: { name: {{ . }}, items: [{ key: tokens, path: tokens }] }
      {{- end }}
      {{- if include "stowage.hasUsers" . }}
      - secret: { name: {{ include "stowage.tokenKeySecret" . }}, items: [{ key: key, path: token-key }] }
      {{- end }}
      {{- if .Values.access.rules }}
      - configMap: { name: {{ include "stowage.controller" . }}-access, items: [{ key: access.yaml, path: access.yaml }] }
      {{- end }}
{{- end }}
{{- end -}}

{{/* For who speaks to a listener with TLS: its authority, of the Secret that has its key, too. */}}
{{- define "stowage.caEnv" -}}
{{- if and .Values.tls.secret .Values.tls.caKey -}}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/stowage/ca/ca.crt
{{- end -}}
{{- end -}}

{{- define "stowage.caMount" -}}
{{- if and .Values.tls.secret .Values.tls.caKey -}}
- name: ca
  mountPath: /etc/stowage/ca
  readOnly: true
{{- end -}}
{{- end -}}

{{- define "stowage.caVolume" -}}
{{- if and .Values.tls.secret .Values.tls.caKey -}}
- name: ca
  secret: { secretName: {{ .Values.tls.secret }}, items: [{ key: {{ .Values.tls.caKey }}, path: ca.crt }] }
{{- end -}}
{{- end -}}

{{- define "stowage.probeScheme" -}}
{{- if .Values.tls.secret }}, scheme: HTTPS{{ end -}}
{{- end -}}
