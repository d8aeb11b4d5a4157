#!/bin/sh
# scripts/fetch-data against a server on this machine: whole, interrupted, resumed and wrong downloads.
set -u
# shellcheck source=tests/scripts/lib.sh
. tests/scripts/lib.sh

if ! command -v python3 >/dev/null || ! command -v curl >/dev/null; then
    skip "fetch-data (needs python3 and curl)"
    finish
    exit
fi

# A server of the folder "site" that knows ranges; a file called NAME.cut beside NAME makes it hang up after half of
# what was asked for. It writes its port, and a line for each request: the path and the range.
cat >"$scratch/server.py" <<'END'
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = "site" + self.path
        with open("requests", "a") as log:
            log.write(self.path + " " + self.headers.get("Range", "all") + "\n")
        if not os.path.isfile(path):
            self.send_error(404)
            return
        data = open(path, "rb").read()
        asked = self.headers.get("Range")
        first = int(asked[6:].split("-")[0]) if asked else 0
        if first >= len(data) and asked:
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (first, len(data) - 1, len(data)))
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        part = data[first:]
        if os.path.exists(path + ".cut"):
            os.remove(path + ".cut")
            part = part[: len(part) // 2]
        self.wfile.write(part)

    def log_message(self, *arguments):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open("port.new", "w") as port:
    port.write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
END

root=$PWD
mkdir -p "$scratch/site"
(cd "$scratch" && exec python3 server.py) &
server=$!
trap 'kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
tries=0
while [ ! -f "$scratch/port" ] && [ $tries -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
url=http://127.0.0.1:$(cat "$scratch/port")

# The sets, small, and their sums.
cd "$scratch" || exit 1
head -c 300000 /dev/urandom >site/train_32x32.mat
head -c 100000 /dev/urandom >site/test_32x32.mat
mkdir cifar-10-batches-bin
head -c 3073 /dev/zero >cifar-10-batches-bin/data_batch_1.bin
tar -czf site/cifar-10-binary.tar.gz cifar-10-batches-bin
echo nothing >readme
tar -czf site/cifar-100-binary.tar.gz readme
(cd site && md5sum ./* | sed 's,\./,,') >sums

fetch() {
    CNNTRAIN_SVHN_URL=$url CNNTRAIN_CIFAR_URL=$url/ CNNTRAIN_FETCH_SUMS=${sums-$scratch/sums} "$root/scripts/fetch-data" "$@"
}

same() { cmp "$1" "$2"; }
missing() { [ ! -e "$1" ]; }
requested() { [ "$(grep -c "$1" requests)" -eq "$2" ]; }

check "help" prints "usage: fetch-data SET DIR" fetch --help
check "no set" exits 2 fetch
check "unknown set" exits 2 fetch mnist there
check "unknown set is named" prints 'fetch-data: unknown data set "mnist"; known: svhn, svhn-extra, cifar10, cifar100' \
    fetch mnist there
check "no folder" prints "fetch-data: one folder is needed: fetch-data svhn DIR" fetch svhn

check "svhn" fetch svhn whole
check "svhn: train" same site/train_32x32.mat whole/train_32x32.mat
check "svhn: test" same site/test_32x32.mat whole/test_32x32.mat
check "svhn: nothing else" [ "$(find whole | wc -l)" -eq 3 ]
: >requests
check "svhn again" prints "whole: ready for --data svhn:whole" fetch svhn whole
check "svhn again fetches nothing" [ ! -s requests ]

# Interrupted in the first file: nothing is in place; the next run asks only for the rest.
: >site/train_32x32.mat.cut
: >requests
check "interrupted" exits 4 fetch svhn part
check "interrupted: nothing in place" missing part/train_32x32.mat
check "interrupted: the part is kept" [ -s part/.fetch/train_32x32.mat ]
: >requests
check "resumed" fetch svhn part
check "resumed from the middle" requested "/train_32x32.mat bytes=[1-9]" 1
check "resumed: not from the beginning" requested "/train_32x32.mat all" 0
check "resumed: whole" same site/train_32x32.mat part/train_32x32.mat
check "resumed: nothing left over" missing part/.fetch

# Wrong content: refused and removed, also where an older file lies in the place.
sed 's/^....../000000/' sums >wrong
mkdir wrong-folder
echo old >wrong-folder/train_32x32.mat
sums=$scratch/wrong
check "wrong sum" exits 3 fetch svhn wrong-folder
check "wrong sum: the old file stays" [ "$(cat wrong-folder/train_32x32.mat)" = old ]
check "wrong sum: the download is gone" missing wrong-folder/.fetch/train_32x32.mat
unset sums
check "wrong file in place is replaced" fetch svhn wrong-folder
check "replaced" same site/train_32x32.mat wrong-folder/train_32x32.mat

# Garbage in the place of a part: one more try from the beginning.
mkdir -p long/.fetch
head -c 400000 /dev/zero >long/.fetch/train_32x32.mat
check "a part that is too long" fetch svhn long
check "a part that is too long: fetched anew" same site/train_32x32.mat long/train_32x32.mat

check "cifar10" fetch cifar10 c10
check "cifar10: unpacked" same cifar-10-batches-bin/data_batch_1.bin c10/cifar-10-batches-bin/data_batch_1.bin
check "cifar10: nothing else" [ "$(find c10 -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
: >requests
check "cifar10 again" fetch cifar10 c10
check "cifar10 again fetches nothing" [ ! -s requests ]
check "an archive without the folder" exits 3 fetch cifar100 c100
check "an archive without the folder: nothing in place" missing c100/cifar-100-binary

rm site/test_32x32.mat
check "no such file on the server" exits 4 fetch svhn gone
check "no such file: the other is not in place" missing gone/train_32x32.mat
sums=/nowhere/sums
check "no file of sums" prints "fetch-data: /nowhere/sums: cannot read this file of sums" fetch svhn sumless
unset sums
if [ "$(id -u)" -ne 0 ]; then
    mkdir closed
    chmod 500 closed
    check "a folder that cannot be written" exits 4 fetch svhn closed/in
else
    : >closed
    check "a folder that cannot be made" exits 4 fetch svhn closed/in
fi

finish
