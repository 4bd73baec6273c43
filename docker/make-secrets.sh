#!/bin/sh
# Writes the secrets of compose.yaml, with passwords of 128 random bits. Files that are there are kept.
#
# Compose mounts a secret as the file that it is, with the owner and mode that it has: the containers' users must be able
# to read the files, so the directory is what keeps others on this host away from them.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
cd secrets

password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { [ -s "$1" ] || printf '%s\n' "$2" > "$1"; chmod 644 "$1"; }

keep redis-password "$(password)"
keep postgres-password "$(password)"
keep redis-url "redis://:$(cat redis-password)@redis:6379"
keep database-url "postgres://longshore:$(cat postgres-password)@postgres:5432/longshore"
