#!/bin/sh
# Place one call with curl.
#     MANUALDIAL_USER=ann MANUALDIAL_PASSWORD=… examples/curl.sh '+1 202 555 0100'
set -eu
service=${MANUALDIAL_URL:-http://127.0.0.1:8080}

# The password goes by standard input: the list of processes shows arguments.
token=$(printf '%s' "$MANUALDIAL_PASSWORD" |
    curl --silent --show-error --fail "$service/v1/token" --data grant_type=password \
        --data-urlencode "username=$MANUALDIAL_USER" --data-urlencode password@- |
    sed 's/.*"access_token":"\([^"]*\)".*/\1/')

# `--config -` reads the header from standard input, for the same reason.
send() {
    printf 'header = "Authorization: Bearer %s"\n' "$token" |
        curl --silent --show-error --config - "$service/v1/messages" --header 'Content-Type: application/json' "$@"
}

send --fail --output /dev/null --data '{"channel": "Amazon", "topic": "Agent", "subtopic": "Login"}'

# One press, one id: the same id again, after a time-out say, dials nothing.
# The purpose decides which rules are run: a sale needs registries and registrations, see docs/compliance.md.
send --fail-with-body --header "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" --data '{
    "channel": "LCM", "topic": "Webservice", "subtopic": "ManualDialCall",
    "data": {"PhoneNumber": "'"$1"'", "Purpose": "service"}
}'
echo
