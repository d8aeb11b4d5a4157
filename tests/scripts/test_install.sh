#!/bin/sh
# make install puts a program there that works from anywhere, with its manual pages and completions; make uninstall
# leaves nothing. make dist packs all it takes to build it.
set -eu
. tests/scripts/lib.sh
root=$scratch/root
share=$root/usr/local/share

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
are_there() {
    for file in bin/cnntrain share/cnntrain/fetch-data share/cnntrain/configs/schema.json share/doc/cnntrain/README.md \
        share/doc/cnntrain/docs/config.md share/man/man1/cnntrain.1 share/man/man5/cnntrain-config.5 \
        share/bash-completion/completions/cnntrain share/zsh/site-functions/_cnntrain \
        share/fish/vendor_completions.d/cnntrain.fish; do
        [ -f "$root/usr/local/$file" ] || {
            echo "no $file"
            return 1
        }
    done
}
check "files" are_there
check "finds its configs from anywhere" elsewhere prints "Total params: 72,165" \
    "$root/usr/local/bin/cnntrain" summary --config sep_max.json

a_page_each() {
    sed -n 's/^COMMAND(\(.*\))$/\1/p' cmd/registry.def | tr _ - >"$scratch/commands"
    while read -r command; do
        [ -s "$share/man/man1/cnntrain-$command.1" ] || return 1
    done <"$scratch/commands"
    # and those of the program, of config files and of `config init`
    [ -s "$share/man/man1/cnntrain-config-init.1" ] || return 1
    [ "$(find "$share/man" -type f | wc -l)" -eq $(($(wc -l <"$scratch/commands") + 3)) ]
}
check "a manual page for each command" a_page_each

# silent COMMAND...: says nothing about any page.
silent() {
    for page in "$share"/man/man?/*; do "$@" "$page"; done >"$scratch/said" 2>&1
    cat "$scratch/said"
    [ ! -s "$scratch/said" ]
}
if command -v groff >/dev/null; then
    check "groff finds nothing wrong with the pages" silent groff -ww -man -Tutf8 -z
else
    skip "groff"
fi
if command -v mandoc >/dev/null; then
    check "mandoc finds nothing wrong with the pages" silent mandoc -Tlint -W warning
else
    skip "mandoc"
fi

check "uninstall" uninstall_it

# ---- make dist ----

version=$(cut -d ' ' -f 1 VERSION)
pack() {
    tarball=$(make dist) && tar -xzf "$tarball" -C "$scratch" && cd "$scratch/cnntrain-$version" &&
        [ -x scripts/make-deb ] && make BUILD=build -n all
}
check "an unpacked tarball has all it takes to build" pack
same_again() {
    cp "$(make dist)" "$scratch/first.tar.gz"
    cmp "$(make dist)" "$scratch/first.tar.gz"
}
check "the same sources make the same tarball" same_again
debian_version() { head -n 1 debian/changelog | grep -qF "cnntrain ($version-"; }
check "debian/changelog has VERSION's version" debian_version
debian_packages() {
    sed -n 's/^packages="\(.*\)"$/\1/p' scripts/install-deps.sh | tr ' ' '\n' | grep -vxE 'gcc|libc6-dev|make' |
        while read -r package; do
            grep -qx " $package," debian/control || {
                echo "debian/control: no build dependency $package"
                return 1
            }
        done
}
check "debian/control has the packages of scripts/install-deps.sh" debian_packages
finish
