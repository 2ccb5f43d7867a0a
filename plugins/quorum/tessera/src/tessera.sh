#!/bin/sh
# Starts Tessera from the configuration that all nodes share, with this node's name in it.
#
#   TESSERA_HOST     the name by which peers reach this node
#   JAVA_OPTS        options of the Java machine
#   TESSERA_PROGRAM  the program, where an image has it elsewhere
#
# Images have the program in one of three places, by their age. Plain POSIX sh, nothing from the internet.
set -u

template=${CHAIN_TEMPLATE:-/etc/quorum/peers/tessera-config.json}
config=${CHAIN_CONFIG:-/run/quorum/tessera-config.json}
socket=${CHAIN_SOCKET:-/run/quorum/tm.ipc}

fail() {
	printf 'tessera.sh: %s\n' "$*" >&2
	exit 1
}

[ -s "$template" ] || fail "$template is missing or empty"
# The socket of an earlier process would let the client start too early.
rm -f "$socket"
sed "s/%TESSERA_HOST%/$TESSERA_HOST/g" "$template" >"$config" || fail "cannot write $config"
for program in ${TESSERA_PROGRAM:-} /tessera/bin/tessera /opt/tessera/bin/tessera; do
	[ ! -x "$program" ] || exec "$program" -configfile "$config"
done
[ -f /tessera/tessera-app.jar ] || fail "this image holds no Tessera"
# shellcheck disable=SC2086
exec java ${JAVA_OPTS:-} -jar /tessera/tessera-app.jar -configfile "$config"
