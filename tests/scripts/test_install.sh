#!/bin/sh
# make install puts a program there that works from anywhere; make uninstall leaves nothing.
set -eu
. tests/scripts/lib.sh
root=$scratch/root

install_it() { make install DESTDIR="$root"; }
uninstall_it() {
    make uninstall DESTDIR="$root"
    find "$root" -type f >"$scratch/left"
    cat "$scratch/left"
    [ ! -s "$scratch/left" ]
}
elsewhere() (
    cd /
    "$@"
)

check "install" install_it
check "files" test -x "$root/usr/local/bin/cnntrain" -a -f "$root/usr/local/share/man/man1/cnntrain.1" \
    -a -x "$root/usr/local/share/cnntrain/fetch-data" -a -f "$root/usr/local/share/doc/cnntrain/config.md"
check "finds its configs from anywhere" elsewhere prints "Total params: 72,165" \
    "$root/usr/local/bin/cnntrain" summary --config sep_max.json
check "uninstall" uninstall_it
finish
