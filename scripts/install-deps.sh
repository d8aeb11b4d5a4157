#!/bin/sh
# Installs the packages cnntrain is built from, on Debian and its relatives.
# Usage: scripts/install-deps.sh [lint] [data] [arm64] [fuzz] [deb]
set -eu

packages="gcc libc6-dev make pkg-config libcjson-dev libstb-dev libpng-dev libzip-dev libhdf5-dev libprotobuf-c-dev protobuf-c-compiler libonnx-dev libmatio-dev zlib1g-dev libxxhash-dev libpopt-dev libcmocka-dev"
for group in "$@"; do
    case $group in
        arm64) packages="$packages gcc-aarch64-linux-gnu qemu-user" ;;
        lint) packages="$packages clang libomp-dev clang-format clang-tidy shellcheck" ;;
        deb) packages="$packages dpkg-dev debhelper fakeroot" ;;
        fuzz) packages="$packages clang libclang-rt-dev libomp-dev" ;;
        data) packages="$packages dataset-fashion-mnist curl ca-certificates" ;;
        *)
            echo "usage: scripts/install-deps.sh [lint] [data] [arm64] [fuzz] [deb]" >&2
            exit 2
            ;;
    esac
done

# dpkg-query fails when one of the packages is unknown to it; only "installed" counts.
missing=
for package in $packages; do
    # shellcheck disable=SC2016 # the dollar is dpkg-query's
    case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true) in
        installed) ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

give_up() {
    echo "$1 Please install these packages, or your system's equivalents:" >&2
    echo "  $packages" >&2
    exit 1
}

command -v apt-get >/dev/null || give_up "This system has no apt-get."
as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || give_up "Installing packages needs root or sudo."
    as_root=sudo
fi

echo "Installing:$missing"
$as_root apt-get update -qq || give_up "apt-get update failed."
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    give_up "apt-get install failed."
