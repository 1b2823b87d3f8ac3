{{/* Ports inside the pods: each has its own network, so nobody needs to change them. */}}
{{- define "mizan.port.grpc" -}}50051{{- end -}}
{{- define "mizan.port.http" -}}8080{{- end -}}
{{- define "mizan.port.metrics" -}}9090{{- end -}}

{{- define "mizan.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Of a component: {root, name}. */}}
{{- define "mizan.componentName" -}}
{{- printf "%s-%s" (include "mizan.fullname" .root) .name -}}
{{- end -}}

{{- define "mizan.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .name }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "mizan.labels" -}}
{{ include "mizan.selectorLabels" . }}
app.kubernetes.io/version: {{ default .root.Chart.AppVersion .root.Values.image.tag | trunc 63 | quote }}
app.kubernetes.io/part-of: mizan
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Every enabled component as YAML: its name to `defaults` with its own values over them. */}}
{{- define "mizan.components" -}}
{{- $all := dict -}}
{{- range $name, $own := merge (dict "gateway" .Values.gateway) .Values.services -}}
{{- $component := mergeOverwrite (deepCopy $.Values.defaults) (deepCopy (default dict $own)) -}}
{{- if $component.enabled -}}
{{- $_ := set $all $name $component -}}
{{- end -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{- define "mizan.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := printf "%s-%s:%s" $image.prefix .name (default .root.Chart.AppVersion $image.tag) -}}
{{- if $image.registry -}}{{- printf "%s/%s" (trimSuffix "/" $image.registry) $name -}}{{- else -}}{{- $name -}}{{- end -}}
{{- end -}}

{{- define "mizan.secretName" -}}
{{- default (printf "mizan-%s" .name) .component.existingSecret -}}
{{- end -}}

{{- define "mizan.ownerSecretName" -}}
{{- default (printf "mizan-%s-owner" .name) .component.ownerSecret -}}
{{- end -}}

{{- define "mizan.target" -}}
dns:///{{ include "mizan.componentName" . }}.{{ .root.Release.Namespace }}.svc.{{ .root.Values.clusterDomain }}:{{ include "mizan.port.grpc" . }}
{{- end -}}

{{/* Folder of a file:// URL; empty for another kind. */}}
{{- define "mizan.filesFolder" -}}
{{- if hasPrefix "file://" .Values.files.url -}}{{- trimPrefix "file://" .Values.files.url -}}{{- end -}}
{{- end -}}

{{- define "mizan.filesClaim" -}}
{{- default (ternary (printf "%s-files" (include "mizan.fullname" .)) "" .Values.trial.enabled) .Values.files.existingClaim -}}
{{- end -}}

{{- define "mizan.host" -}}
{{- default (get (urlParse .Values.publicUrl) "hostname") .Values.ingress.host -}}
{{- end -}}

{{- define "mizan.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "mizan.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Container that brings a service's database to the newest schema: {root, name, component}. */}}
{{- define "mizan.migrationContainer" -}}
- name: migrate
  image: {{ include "mizan.image" . | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: [mizan, migrate, {{ .name }}]
  env:
    - name: {{ upper .name }}_OWNER_DATABASE_URL
      valueFrom:
        secretKeyRef:
          name: {{ include "mizan.ownerSecretName" . }}
          key: owner-database-url
    # Names the role that is granted the use of the tables.
    - name: {{ upper .name }}_DATABASE_URL
      valueFrom:
        secretKeyRef:
          name: {{ include "mizan.secretName" . }}
          key: database-url
  resources:
    {{- toYaml .root.Values.migrations.resources | nindent 4 }}
  securityContext:
    {{- include "mizan.containerSecurityContext" . | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
{{- end -}}
