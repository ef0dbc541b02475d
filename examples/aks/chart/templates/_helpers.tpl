{{- define "millrace.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- end }}
{{- define "millrace.selector" -}}
app.kubernetes.io/name: millrace
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "millrace.labels" -}}
{{ include "millrace.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- define "millrace.serviceAccount" -}}{{ .Values.serviceAccount.name | default (include "millrace.name" .) }}{{- end }}
{{- define "millrace.cluster" -}}millrace.io/cluster: {{ .Values.kafka.groupId | quote }}{{- end }}
