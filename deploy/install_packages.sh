#!/bin/sh
# Installs the Debian packages named in the given files, one a line, that are
# not installed yet. Needs root or sudo only when something is missing.
#
#   sh deploy/install_packages.sh deploy/packages.txt deploy/packages-test.txt
set -eu

missing=
# Words and lines are the same here: one package a line.
# shellcheck disable=SC2013
for package in $(cat "$@"); do
    status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "these packages are missing, and neither root nor sudo is at hand:$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

echo "installing:$missing" >&2
# shellcheck disable=SC2086  # a list of words is meant
{
    $as_root apt-get update --quiet
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends $missing
} >&2
