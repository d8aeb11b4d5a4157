# Sourced before each command of tests/errors/cases: writes files, byte by byte, that no sound program writes.
# shellcheck shell=sh disable=SC2059 # formats are bytes as \ooo

# words NUMBER...: each as four bytes, the lowest first; big: the highest first.
words() {
    for word; do
        printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $((word & 255)) $((word >> 8 & 255)) $((word >> 16 & 255)) \
            $((word >> 24 & 255)))"
    done
}
big() {
    for word; do
        printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $((word >> 24 & 255)) $((word >> 16 & 255)) $((word >> 8 & 255)) \
            $((word & 255)))"
    done
}

# put FILE PLACE BYTES: these bytes in place of what is there.
put() {
    printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# array FILE TYPE FORTRAN_ORDER SHAPE BYTES: a .npy file; npy FILE HEADER BYTES: with any header.
npy() {
    {
        printf '\223NUMPY\1\0v\0'
        printf '%-117s\n' "$2"
        printf "$3"
    } >"$1"
}
array() {
    npy "$1" "{'descr': '$2', 'fortran_order': $3, 'shape': $4, }" "$5"
}

# tensors FILE HEADER BYTES: a safetensors file.
tensors() {
    {
        words ${#2} 0
        printf '%s' "$2"
        printf "$3"
    } >"$1"
}

# Standard input as a zlib stream.
zlib() {
    cat >.plain
    printf '\170\234'
    gzip -n <.plain | tail -c +11 | head -c -8
    big "$(od -An -v -tu1 .plain | awk 'BEGIN { a = 1 }
        { for (i = 1; i <= NF; i++) { a = (a + $i) % 65521; b = (b + a) % 65521 } } END { printf "%d", b * 65536 + a }')"
}

# chunk TYPE: standard input as a chunk of a PNG file; png WIDTH HEIGHT BITS COLOR: how such a file begins.
chunk() {
    {
        printf '%s' "$1"
        cat
    } >.chunk
    big $(($(wc -c <.chunk) - 4))
    cat .chunk
    big "$(gzip -n <.chunk | tail -c 8 | od -An -N4 -tu4)"
}
png() {
    printf '\211PNG\r\n\032\n'
    {
        big "$1" "$2"
        printf "$(printf '\\%03o\\%03o\\0\\0\\0' "$3" "$4")"
    } | chunk IHDR
}

# mat FILE WORDS...: a MATLAB file of these elements.
mat() {
    mat_file=$1
    shift
    {
        printf '%124s\0\1IM' ' '
        words "$@"
    } >"$mat_file"
}

# edit FILE SCRIPT: sed's script on the header of a safetensors file, without the checksum that it would not fit any more.
edit() {
    edit_length=$(od -An -N4 -tu4 "$1")
    head -c $((8 + edit_length)) "$1" | tail -c +9 |
        sed "s/\"checksum\":\"[^\"]*\",//; s/\"writer\":\"[^\"]*\",//; $2" | tr -d '\n' >.header
    tail -c +$((9 + edit_length)) "$1" >.rest
    {
        words "$(wc -c <.header)" 0
        cat .header .rest
    } >"$1"
}
