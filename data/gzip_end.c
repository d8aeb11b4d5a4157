#include "data/gzip_end.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "data/source.h"

enum { CHUNK = 1 << 16, GZIP_BITS = 16 + MAX_WBITS };

/* A file that is unpacked once more, for where its pieces end. */
struct walk {
    FILE *file;
    const char *path;
    struct error *error;
    z_stream stream;
    Bytef input[CHUNK], output[CHUNK];
};

static int no_memory(const struct walk *walk) {
    return error_set(walk->error, ERROR_RUN, walk->path, "not enough memory to decompress the file");
}

/* 1: there is more input; 0: the file has ended; -1 with an error. */
static int fill(struct walk *walk) {
    if (walk->stream.avail_in > 0) return 1;
    walk->stream.next_in = walk->input;
    walk->stream.avail_in = (uInt)fread(walk->input, 1, CHUNK, walk->file);
    if (walk->stream.avail_in == 0 && ferror(walk->file))
        return error_set_errno(walk->error, walk->path, "read the file");
    return walk->stream.avail_in > 0;
}

/* To the first byte that is not 0; returns as fill. */
static int skip_zeros(struct walk *walk) {
    for (;;) {
        const int more = fill(walk);
        if (more <= 0 || *walk->stream.next_in != 0) return more;
        walk->stream.next_in++;
        walk->stream.avail_in--;
    }
}

/* From the begin of a piece to its end. */
static int pass_piece(struct walk *walk) {
    int state = Z_OK;
    /* untaken: with input and room for what it becomes inflate never stands still */
    while (state == Z_OK || state == Z_BUF_ERROR) {
        const int more = fill(walk);
        if (more < 0) return -1;
        if (more == 0) break;
        walk->stream.next_out = walk->output;
        walk->stream.avail_out = CHUNK;
        state = inflate(&walk->stream, Z_NO_FLUSH);
    }
    if (state == Z_MEM_ERROR) return no_memory(walk);
    if (state != Z_STREAM_END)
        return error_set(walk->error, ERROR_DATA, walk->path,
                         "has bytes behind its end that are no gzip data; fetch the file again");
    inflateReset(&walk->stream);
    return 0;
}

static int pass_all(struct walk *walk) {
    for (;;) {
        if (pass_piece(walk) != 0) return -1;
        const int more = skip_zeros(walk);
        if (more <= 0) return more;
    }
}

/* 1: the last four bytes tell the length, as those of a file in one piece do; 0; -1 with an error. */
static int tells_length(FILE *file, const char *path, size_t length, struct error *error) {
    unsigned char told[4] = {0};
    if (fseek(file, -(long)sizeof told, SEEK_END) != 0) return error_set_errno(error, path, "read the file's end");
    if (source_read(file, path, told, sizeof told, "became shorter while it was read; try again", error) != 0)
        return -1;
    if (fseek(file, 0, SEEK_SET) != 0) return error_set_errno(error, path, "read the file again");
    return ((uint32_t)told[0] | (uint32_t)told[1] << 8 | (uint32_t)told[2] << 16 | (uint32_t)told[3] << 24) ==
           (uint32_t)length;
}

static int walk_through(FILE *file, const char *path, struct error *error) {
    struct walk *walk = calloc(1, sizeof *walk);
    if (!walk) return error_set(error, ERROR_RUN, path, "not enough memory to decompress the file");
    walk->file = file;
    walk->path = path;
    walk->error = error;
    int status = -1;
    if (inflateInit2(&walk->stream, GZIP_BITS) == Z_OK) {
        status = pass_all(walk);
        inflateEnd(&walk->stream);
    } else {
        no_memory(walk);
    }
    free(walk);
    return status;
}

int gzip_check_end(const char *path, size_t length, struct error *error) {
    FILE *file = fopen(path, "rbe");
    if (!file) return error_set_errno(error, path, "open the file");
    int status = tells_length(file, path, length, error);
    if (status == 0) status = walk_through(file, path, error);
    fclose(file);
    return status < 0 ? -1 : 0;
}
