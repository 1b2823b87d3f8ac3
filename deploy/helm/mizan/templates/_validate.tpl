{{/* Refuses values that contradict each other: what the schema cannot see. */}}
{{- define "mizan.validate" -}}
{{- $components := include "mizan.components" . | fromYaml -}}
{{- if not (hasKey $components "gateway") -}}
{{- fail "gateway.enabled: nothing can be reached without the gateway" -}}
{{- end -}}
{{- if not (hasKey $components "identity") -}}
{{- fail "services.identity.enabled: the gateway cannot tell who is calling without identity" -}}
{{- end -}}
{{- range $name, $component := $components -}}
{{- range $component.callers -}}
{{- if not (or (eq . "gateway") (hasKey $.Values.services .)) -}}
{{- fail (printf "services.%s.callers: there is no component %q" $name .) -}}
{{- end -}}
{{- if eq . $name -}}
{{- fail (printf "services.%s.callers: a component does not call itself" $name) -}}
{{- end -}}
{{- end -}}
{{- range $component.optionalSecretEnv -}}
{{- if not (hasKey $component.secretEnv .) -}}
{{- fail (printf "%s: optionalSecretEnv names %s, which secretEnv does not hold" $name .) -}}
{{- end -}}
{{- end -}}
{{- range $variable, $_ := $component.env -}}
{{- if hasKey $component.secretEnv $variable -}}
{{- fail (printf "%s: %s stands in env and in secretEnv" $name $variable) -}}
{{- end -}}
{{- end -}}
{{- $least := int $component.replicas -}}
{{- if $component.autoscaling.enabled -}}
{{- $least = int $component.autoscaling.minReplicas -}}
{{- if gt $least (int $component.autoscaling.maxReplicas) -}}
{{- fail (printf "%s: autoscaling.minReplicas is more than autoscaling.maxReplicas" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $component.podDisruptionBudget.enabled (ge (int $component.podDisruptionBudget.minAvailable) $least) -}}
{{- fail (printf "%s: podDisruptionBudget.minAvailable leaves no pod of %d to move, so no node could be drained" $name $least) -}}
{{- end -}}
{{- if le (int $component.terminationGracePeriodSeconds) (add $component.preStopSeconds $component.drainSeconds) -}}
{{- fail (printf "%s: terminationGracePeriodSeconds must be more than preStopSeconds and drainSeconds together" $name) -}}
{{- end -}}
{{- if and $component.webSocketPort (has (int $component.webSocketPort) (list 50051 8080)) -}}
{{- fail (printf "%s: webSocketPort %d is taken by gRPC or health" $name (int $component.webSocketPort)) -}}
{{- end -}}
{{- if and $component.webSocketPort (ne $name "notify") -}}
{{- fail (printf "%s: only notify serves WebSockets" $name) -}}
{{- end -}}
{{- end -}}
{{- if and (include "mizan.filesFolder" .) (not (include "mizan.filesClaim" .)) -}}
{{- fail "files.url: a folder is lost with its pod; set files.existingClaim, or keep files in a bucket" -}}
{{- end -}}
{{- if and .Values.files.existingClaim (not (include "mizan.filesFolder" .)) -}}
{{- fail "files.existingClaim: it is used with a file:// URL in files.url alone" -}}
{{- end -}}
{{- if and .Values.trial.enabled (eq .Values.migrations.mode "hook") -}}
{{- fail "migrations.mode: the trial's databases do not exist before the install; use initContainer" -}}
{{- end -}}
{{- if and .Values.trial.enabled (gt (int .Values.nats.streamReplicas) 1) -}}
{{- fail "nats.streamReplicas: the trial has one NATS server" -}}
{{- end -}}
{{- if and .Values.ingress.enabled .Values.ingress.tlsSecret (hasPrefix "http://" .Values.publicUrl) -}}
{{- fail "publicUrl: it says http:// while ingress.tlsSecret serves https://" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not (include "mizan.host" .)) -}}
{{- fail "ingress.host: neither it nor publicUrl names a host" -}}
{{- end -}}
{{- end -}}
