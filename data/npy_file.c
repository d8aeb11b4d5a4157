/* Source of the format: NumPy Enhancement Proposal 1 and numpy.lib.format. */
#include "data/npy_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/source.h"

enum { HEADER_MAX = 4096, PREFIX_SIZE = 8 };

static const char truncated[] = "has a .npy header that is truncated; save an array of numbers with numpy.save";

static int bad_header(const char *path, const char *what, struct error *error) {
    return error_set(error, ERROR_DATA, path, "has a .npy header %s; save an array of numbers with numpy.save", what);
}

/* Behind `'key':` in the header's dictionary; NULL where the key is missing. */
static const char *value_of(const char *header, const char *key) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s'", key);
    const char *at = strstr(header, quoted);
    if (!at) return NULL;
    at += strlen(quoted);
    at += strspn(at, " ");
    if (*at != ':') return NULL;
    return at + 1 + strspn(at + 1, " ");
}

/* Exactly the three keys that NumPy writes and reads, each once: two shapes would leave open which is meant. */
static int check_keys(const char *header, const char *path, struct error *error) {
    static const char *const keys[] = {"'descr'", "'fortran_order'", "'shape'"};
    size_t colons = 0;
    for (const char *at = header; *at; at++) colons += *at == ':';
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *at = strstr(header, keys[i]);
        /* untaken: without one of the keys the header was refused before */
        if (at && strstr(at + 1, keys[i])) return bad_header(path, "in which a key stands twice", error);
    }
    return colons <= sizeof keys / sizeof *keys ? 0 : bad_header(path, "with more keys than a .npy file has", error);
}

static int parse_type(const char *header, const char *path, struct npy_file *npy, struct error *error) {
    const char *value = value_of(header, "descr");
    if (!value || *value != '\'') return bad_header(path, "without a plain 'descr'", error);
    char type[24] = "";
    sscanf(value, "'%20[^']'", type);
    bool plain =
        strlen(type) == 3 && strchr("<>|", type[0]) && strchr("uif", type[1]) && isdigit((unsigned char)type[2]);
    if (!plain)
        return error_set(error, ERROR_DATA, path, "holds values of type '%s'; save it as uint8, float32 or integers",
                         type);
    if (type[0] == '>')
        return error_set(error, ERROR_DATA, path, "is big-endian ('%s'); save it with astype('<%s')", type, type + 1);
    npy->kind = type[1];
    npy->width = type[2] - '0';
    bool known = npy->width == 1 || npy->width == 2 || npy->width == 4 || npy->width == 8;
    if (!known || (npy->kind == 'f' && npy->width == 1))
        return bad_header(path, "with a type of no known width", error);
    return 0;
}

static int parse_shape(const char *header, const char *path, struct npy_file *npy, struct error *error) {
    const char *at = value_of(header, "shape");
    if (!at || *at++ != '(') return bad_header(path, "without a 'shape'", error);
    npy->values = 1;
    for (;;) {
        at += strspn(at, " ,");
        if (*at == ')') return 0;
        if (!isdigit((unsigned char)*at)) return bad_header(path, "whose 'shape' is not a list of sizes", error);
        if (npy->rank == NPY_RANK_MAX)
            return error_set(
                error, ERROR_DATA, path,
                "has more than %d dimensions; images have (count, height, width, channels), labels (count)",
                NPY_RANK_MAX);
        char *end = NULL;
        unsigned long long size = strtoull(at, &end, 10);
        npy->size[npy->rank++] = (size_t)size;
        if (!size_multiply(npy->values, (size_t)size, &npy->values))
            return bad_header(path, "whose 'shape' is larger than any memory", error);
        at = end;
    }
}

static int parse_header(const char *header, const char *path, struct npy_file *npy, struct error *error) {
    if (parse_type(header, path, npy, error) != 0) return -1;
    const char *order = value_of(header, "fortran_order");
    if (!order) return bad_header(path, "without 'fortran_order'", error);
    if (strncmp(order, "False", 5) != 0)
        return error_set(error, ERROR_DATA, path, "is in Fortran order; save it with numpy.ascontiguousarray");
    if (parse_shape(header, path, npy, error) != 0) return -1;
    return check_keys(header, path, error);
}

/* Reads the header's text, zero-terminated, into `header` (HEADER_MAX + 1) and tells where the values begin. */
static int read_header(FILE *file, const char *path, char *header, size_t *values_at, struct error *error) {
    unsigned char prefix[PREFIX_SIZE], bytes[4] = {0};
    static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    size_t got = fread(prefix, 1, sizeof prefix, file);
    if (got < sizeof prefix && !feof(file)) return error_set_errno(error, path, "read the file");
    if (got == 0)
        return error_set(error, ERROR_DATA, path, "is empty; a .npy file was expected: save it with numpy.save");
    if (got < sizeof prefix || memcmp(prefix, magic, sizeof magic) != 0)
        return error_set(error, ERROR_DATA, path,
                         "is not a .npy file (it does not begin with \\x93NUMPY); save it with numpy.save");
    if (prefix[6] < 1 || prefix[6] > 3)
        return error_set(error, ERROR_DATA, path,
                         "is a .npy file of version %d.%d; save it with version 1.0, 2.0 or 3.0", prefix[6], prefix[7]);
    size_t width = prefix[6] == 1 ? 2 : 4;
    if (source_read(file, path, bytes, width, truncated, error) != 0) return -1;
    size_t length = (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
    if (length > HEADER_MAX) return bad_header(path, "of more than 4096 bytes", error);
    if (source_read(file, path, header, length, truncated, error) != 0) return -1;
    header[length] = '\0';
    *values_at = PREFIX_SIZE + width + length;
    return 0;
}

static int open_checked(struct npy_file *npy, const char *path, size_t on_disk, struct error *error) {
    char header[HEADER_MAX + 1];
    size_t values_at = 0, bytes = 0;
    if (read_header(npy->file, path, header, &values_at, error) != 0) return -1;
    if (parse_header(header, path, npy, error) != 0) return -1;
    if (!size_multiply(npy->values, (size_t)npy->width, &bytes) || bytes != on_disk - values_at)
        return error_set(
            error, ERROR_DATA, path,
            "has %zu bytes of values, its header promises %zu times %d; it is %s: save it again with numpy.save",
            on_disk - values_at, npy->values, npy->width, bytes > on_disk - values_at ? "truncated" : "damaged");
    return 0;
}

int npy_open(const char *path, struct npy_file *npy, struct error *error) {
    size_t on_disk = 0;
    *npy = (struct npy_file){0};
    if (source_file_size(path, &on_disk, error) != 0) return -1;
    npy->file = fopen(path, "rbe");
    if (!npy->file) return error_set_errno(error, path, "open the file");
    if (open_checked(npy, path, on_disk, error) == 0) return 0;
    npy_close(npy);
    return -1;
}

void npy_close(struct npy_file *npy) {
    /* untaken: callers have opened it */
    if (npy->file) fclose(npy->file);
    npy->file = NULL;
}

int npy_read(struct npy_file *npy, const char *path, void *values, size_t count, struct error *error) {
    return source_read(npy->file, path, values, (size_t)npy->width * count,
                       "became shorter while it was read; try again", error);
}
