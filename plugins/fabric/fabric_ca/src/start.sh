#!/bin/sh
# Starts the CA server from the configuration that the plugin wrote, with the password of its administrator in it.
#
#   CA_ADMIN_PASSWORD  the password; it is taken out of the environment before the server starts
#
# The finished configuration and the server's keys lie in memory, and links lead there from its home: the volume gets no
# password and no copy of the CA's key. Nothing here puts it on a command line, where other processes of the pod could read it. Plain POSIX sh.
set -u
umask 077

template=${CA_TEMPLATE:-/etc/hyperledger/ca/fabric-ca-server-config.yaml}
memory=${CA_MEMORY:-/run/fabric-ca}
home=${FABRIC_CA_SERVER_HOME:-/var/hyperledger/fabric-ca}
server=${CA_SERVER:-fabric-ca-server}
mark='%CA_ADMIN_PASSWORD%'

fail() {
	printf 'start.sh: %s\n' "$*" >&2
	exit 1
}

[ -n "${CA_ADMIN_PASSWORD-}" ] || fail "CA_ADMIN_PASSWORD is empty"
[ -s "$template" ] || fail "$template is missing or empty"
config=$memory/fabric-ca-server-config.yaml
rm -f "$config" || fail "cannot write to $memory"
while IFS= read -r line || [ -n "$line" ]; do
	case $line in
	*"$mark"*) printf '%s%s%s\n' "${line%%"$mark"*}" "$CA_ADMIN_PASSWORD" "${line#*"$mark"}" ;;
	*) printf '%s\n' "$line" ;;
	esac
done <"$template" >"$config" || fail "cannot write $config"
mkdir -p "$home/idemix" "$memory/msp/keystore" || fail "cannot write to $home"
ln -sf "$config" "$home/fabric-ca-server-config.yaml" || fail "cannot write to $home"
[ -L "$home/msp" ] || [ ! -e "$home/msp" ] || fail "$home/msp is a folder: another program wrote to this volume"
rm -f "$home/msp"
ln -s "$memory/msp" "$home/msp" || fail "cannot write to $home"
# The keys of Idemix must outlive the pod; the server writes them through the links.
for key in IssuerSecretKey IssuerRevocationPrivateKey; do
	ln -sf "$home/idemix/$key" "$memory/msp/keystore/$key" || fail "cannot write to $memory"
done
unset CA_ADMIN_PASSWORD
exec "$server" start
