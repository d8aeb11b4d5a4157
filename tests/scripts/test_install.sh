#!/bin/sh
# make install puts a program there that works from anywhere; make uninstall leaves nothing.
set -eu
. tests/scripts/lib.sh
root=$scratch/root

install_it() { make install DESTDIR="$root" PREFIX=/opt/cnn; }
uninstall_it() {
    make uninstall DESTDIR="$root" PREFIX=/opt/cnn
    find "$root" -type f >"$scratch/left"
    cat "$scratch/left"
    [ ! -s "$scratch/left" ]
}
elsewhere() (
    cd /
    "$@"
)

check "install" install_it
check "files" test -x "$root/opt/cnn/bin/cnntrain" -a -f "$root/opt/cnn/share/man/man1/cnntrain.1" \
    -a -x "$root/opt/cnn/share/cnntrain/fetch-data" -a -f "$root/opt/cnn/share/doc/cnntrain/config.md"
check "finds its configs from anywhere" elsewhere prints "Total params: 72,165" \
    "$root/opt/cnn/bin/cnntrain" summary --config sep_max.json
check "uninstall" uninstall_it
finish
