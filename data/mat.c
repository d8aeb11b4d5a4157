#include "data/mat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/memory.h"
#include "data/source.h"

enum { HEADER_SIZE = 128, HEAD_SIZE = 512, BLOCK_SIZE = 1 << 16 };
enum { TYPE_MATRIX = 14, TYPE_COMPRESSED = 15 };

struct mat_file {
    FILE *file;
    const char *path;
    size_t size;
    const struct progress *progress;
    struct error *error;
};

/* An element's first bytes and its length, both after decompression: a matrix tag and what it covers. Where the numbers
 * are wanted, the bytes from values_at on go to `values`. */
struct element {
    unsigned char head[HEAD_SIZE];
    size_t head_length;
    uint64_t length;
    unsigned char *values; /* or NULL */
    uint64_t values_at, values_length;
};

static uint32_t little_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static int read_bytes(const struct mat_file *file, void *bytes, size_t length) {
    return source_read(file->file, file->path, bytes, length, "became shorter while it was read; try again",
                       file->error);
}

static int no_memory(const struct mat_file *file) {
    return error_set(file->error, ERROR_RUN, file->path, "not enough memory to decompress the file");
}

static int bad_element(const struct mat_file *file, size_t at, const char *what) {
    return error_set(file->error, ERROR_DATA, file->path,
                     "is damaged: the element at byte %zu %s; fetch the file again", at, what);
}

static int check_header(const struct mat_file *file) {
    unsigned char header[HEADER_SIZE];
    static const unsigned char hdf5[] = {0x89, 'H', 'D', 'F'};
    if (file->size < sizeof header)
        return error_set(file->error, ERROR_DATA, file->path,
                         "has %zu bytes, less than the 128-byte header of a MATLAB 5 file; fetch the file again",
                         file->size);
    if (read_bytes(file, header, sizeof header) != 0) return -1;
    if (memcmp(header, hdf5, sizeof hdf5) == 0 || header[125] == 2)
        return error_set(file->error, ERROR_DATA, file->path,
                         "is a MATLAB 7.3 file (HDF5); save it with -v7 to use it here");
    if (header[126] == 'M' && header[127] == 'I')
        return error_set(file->error, ERROR_DATA, file->path, "is a big-endian MATLAB file; save it little-endian");
    if (header[124] != 0 || header[125] != 1 || header[126] != 'I' || header[127] != 'M')
        return error_set(file->error, ERROR_DATA, file->path,
                         "is not a MATLAB 5 file (version 0x0100 and \"IM\" expected at byte 124); save it with -v7");
    return 0;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Copies what the block, which begins element->length bytes into the element, holds of the numbers. */
static void keep_values(struct element *element, const unsigned char *block, size_t length) {
    uint64_t from = element->values_at, end = from + element->values_length, begin = element->length;
    if (begin > from) from = begin;
    end = smaller(end, begin + length);
    if (from < end) memcpy(element->values + (from - element->values_at), block + (from - begin), (size_t)(end - from));
}

/* Keeps the beginning of what was inflated, and the numbers where they are wanted; counts all of it. */
static void note_inflated(struct element *element, const unsigned char *block, size_t length) {
    size_t kept = (size_t)smaller(sizeof element->head - element->head_length, length);
    memcpy(element->head + element->head_length, block, kept);
    element->head_length += kept;
    if (element->values) keep_values(element, block, length);
    element->length += length;
}

/* What the matrix tag at the beginning says: then the rest need not be inflated to know that it is wrong. */
static int check_length(const struct mat_file *file, size_t at, size_t packed, const struct element *element) {
    if (element->head_length < 8) return 0;
    uint64_t claimed = 8 + (uint64_t)little_endian(element->head + 4);
    if (element->length > claimed) return bad_element(file, at, "holds more than it says");
    if (source_may_unpack(packed, claimed)) return 0;
    return error_set(file->error, ERROR_DATA, file->path,
                     "would unpack the %zu bytes at byte %zu to %llu; if that is meant, save it without compression "
                     "(-v6)",
                     packed, at, (unsigned long long)claimed);
}

static int inflate_blocks(const struct mat_file *file, z_stream *stream, size_t at, size_t length,
                          struct element *element, unsigned char *buffers) {
    unsigned char *in = buffers, *out = buffers + BLOCK_SIZE;
    const size_t packed = length;
    int state = Z_OK;
    while (state != Z_STREAM_END) {
        if (stream->avail_in == 0) {
            if (length == 0) return bad_element(file, at, "ends before its compressed data does");
            size_t part = (size_t)smaller(length, BLOCK_SIZE);
            if (read_bytes(file, in, part) != 0) return -1;
            length -= part;
            stream->next_in = in;
            stream->avail_in = (uInt)part;
            progress_tell(file->progress, "compressed bytes", (int64_t)(packed - length), (int64_t)packed);
            if (source_go_on(file->progress, file->error) != 0) return -1;
        }
        stream->next_out = out;
        stream->avail_out = BLOCK_SIZE;
        state = inflate(stream, Z_NO_FLUSH);
        if (state == Z_MEM_ERROR) return no_memory(file);
        if (state != Z_OK && state != Z_STREAM_END) return bad_element(file, at, "cannot be decompressed");
        note_inflated(element, out, BLOCK_SIZE - stream->avail_out);
        if (check_length(file, at, packed, element) != 0) return -1;
    }
    if (stream->avail_in != 0 || length != 0) return bad_element(file, at, "has bytes behind its compressed data");
    return 0;
}

static int inflate_element(const struct mat_file *file, size_t at, size_t length, struct element *element) {
    z_stream stream = {0};
    unsigned char *buffers = malloc(2 * (size_t)BLOCK_SIZE);
    if (!buffers || inflateInit(&stream) != Z_OK) {
        free(buffers);
        return no_memory(file);
    }
    int status = inflate_blocks(file, &stream, at, length, element, buffers);
    inflateEnd(&stream);
    free(buffers);
    return status;
}

/* A part of an array's header: its type, its bytes, and where the next one begins. */
struct part {
    uint32_t type, length;
    size_t data, next;
};

/* Short parts hold their length in the upper half of the type and their bytes in the second half of the tag. */
static bool read_part(const struct element *element, size_t at, struct part *part) {
    if (at + 8 > element->head_length) return false;
    uint32_t first = little_endian(element->head + at);
    bool is_short = first >> 16 != 0;
    part->type = is_short ? first & 0xffff : first;
    part->length = is_short ? first >> 16 : little_endian(element->head + at + 4);
    part->data = is_short ? at + 4 : at + 8;
    part->next = is_short ? at + 8 : part->data + ((size_t)part->length + 7) / 8 * 8;
    return !is_short || part->length <= 4;
}

/* Bytes of a number of a stored type; 0 for what is no number. */
static uint64_t type_bytes(uint32_t type) {
    static const unsigned char bytes[] = {0, 1, 1, 2, 2, 4, 4, 4, 0, 8, 0, 0, 8, 8};
    return type < sizeof bytes ? bytes[type] : 0;
}

static bool read_sizes(const struct element *element, const struct part *part, struct mat_array *array) {
    if (part->type != MAT_INT32_TYPE || part->length % 4 != 0 || part->length < 8 || part->length > 4 * MAT_RANK_MAX)
        return false;
    if (part->next > element->head_length) return false;
    array->rank = (int)(part->length / 4);
    array->elements = 1;
    for (int i = 0; i < array->rank; i++) {
        array->size[i] = little_endian(element->head + part->data + 4 * (size_t)i);
        if (__builtin_mul_overflow(array->elements, array->size[i], &array->elements)) return false;
    }
    return true;
}

static bool read_name(const struct element *element, const struct part *part, struct mat_array *array) {
    if (part->type != 1 || part->length >= MAT_NAME_SIZE || part->next > element->head_length) return false;
    memcpy(array->name, element->head + part->data, part->length);
    array->name[part->length] = '\0';
    return true;
}

static int check_array(const struct mat_file *file, size_t at, const struct element *element, struct mat_array *array) {
    struct part part = {0};
    if (!read_part(element, 0, &part) || part.type != TYPE_MATRIX || element->length != 8 + (uint64_t)part.length)
        return bad_element(file, at, "is no array of the length it states");
    if (!read_part(element, 8, &part) || part.type != MAT_UINT32_TYPE || part.length != 8 ||
        part.next > element->head_length)
        return bad_element(file, at, "has no array flags");
    uint32_t flags = little_endian(element->head + part.data);
    array->class = (enum mat_class)(flags & 0xff);
    if (!read_part(element, part.next, &part) || !read_sizes(element, &part, array))
        return bad_element(file, at, "has no sizes that can be used");
    if (!read_part(element, part.next, &part) || !read_name(element, &part, array))
        return bad_element(file, at, "has no name that can be used");
    if (array->class < MAT_DOUBLE || array->class > MAT_UINT64 || flags & 0x0800)
        return error_set(file->error, ERROR_DATA, file->path, "\"%s\" is no array of real numbers; save X and y alone",
                         array->name);
    uint64_t bytes = 0;
    if (!read_part(element, part.next, &part) || type_bytes(part.type) == 0 ||
        __builtin_mul_overflow(array->elements, type_bytes(part.type), &bytes) || bytes != part.length ||
        part.data + bytes > element->length)
        return bad_element(file, at, "does not hold as many numbers as its sizes say");
    array->type = (enum mat_type)part.type;
    array->bytes = bytes;
    array->at = at;
    array->values_at = part.data;
    return 0;
}

/* The element at byte `at`, whose tag is `tag`. */
static int read_element(const struct mat_file *file, size_t at, const unsigned char tag[8], struct element *element) {
    uint32_t type = little_endian(tag), length = little_endian(tag + 4);
    element->head_length = 0;
    element->length = 0;
    if (type != TYPE_MATRIX && type != TYPE_COMPRESSED) return bad_element(file, at, "is of no known type");
    if (length > file->size - at - 8)
        return error_set(file->error, ERROR_DATA, file->path,
                         "is truncated: the element at byte %zu has %lu bytes, %zu are there; fetch the file again", at,
                         (unsigned long)length, file->size - at - 8);
    if (type == TYPE_COMPRESSED) return inflate_element(file, at, length, element);
    memcpy(element->head, tag, 8);
    size_t kept = (size_t)smaller(length, HEAD_SIZE - 8);
    element->head_length = 8 + kept;
    element->length = 8 + (uint64_t)length;
    return read_bytes(file, element->head + 8, kept);
}

static int seek(const struct mat_file *file, uint64_t at) {
    if (fseeko(file->file, (off_t)at, SEEK_SET) == 0) return 0;
    return error_set_errno(file->error, file->path, "read the file");
}

static int read_element_at(const struct mat_file *file, size_t at, unsigned char tag[8], struct element *element) {
    if (seek(file, at) != 0 || read_bytes(file, tag, 8) != 0) return -1;
    return read_element(file, at, tag, element);
}

static int check_elements(const struct mat_file *file, struct mat_arrays *arrays) {
    for (size_t at = HEADER_SIZE; at < file->size;) {
        unsigned char tag[8];
        struct element element = {.values = NULL};
        if (file->size - at < sizeof tag)
            return error_set(file->error, ERROR_DATA, file->path,
                             "is truncated: it ends within an element's tag at byte %zu; fetch the file again", at);
        if (arrays->count == MAT_ARRAYS_MAX)
            return error_set(file->error, ERROR_DATA, file->path, "holds more than %d arrays; save X and y alone",
                             MAT_ARRAYS_MAX);
        if (read_element_at(file, at, tag, &element) != 0 ||
            check_array(file, at, &element, &arrays->items[arrays->count]) != 0)
            return -1;
        arrays->count++;
        at += 8 + (size_t)little_endian(tag + 4);
    }
    return 0;
}

static int open_file(struct mat_file *file, const char *path, const struct progress *progress, struct error *error) {
    *file = (struct mat_file){.path = path, .progress = progress, .error = error};
    if (source_file_size(path, &file->size, error) != 0) return -1;
    file->file = fopen(path, "rbe");
    return file->file ? 0 : error_set_errno(error, path, "open the file");
}

int mat_check(const char *path, const struct progress *progress, struct mat_arrays *arrays, struct error *error) {
    struct mat_file file;
    *arrays = (struct mat_arrays){0};
    if (open_file(&file, path, progress, error) != 0) return -1;
    int status = check_header(&file);
    if (status == 0) status = check_elements(&file, arrays);
    fclose(file.file);
    return status;
}

/* ---- numbers ---- */

static int read_values(const struct mat_file *file, const struct mat_array *array, void *values) {
    unsigned char tag[8];
    struct mat_array again;
    struct element element = {.values = values, .values_at = array->values_at, .values_length = array->bytes};
    if (file->size < array->at + sizeof tag)
        return error_set(file->error, ERROR_DATA, file->path, "became shorter while it was read; try again");
    if (read_element_at(file, array->at, tag, &element) != 0 || check_array(file, array->at, &element, &again) != 0)
        return -1;
    if (again.type != array->type || again.bytes != array->bytes || again.values_at != array->values_at)
        return error_set(file->error, ERROR_DATA, file->path, "changed while it was read; try again");
    if (little_endian(tag) == TYPE_COMPRESSED) return 0;
    return seek(file, array->at + array->values_at) != 0 ? -1 : read_bytes(file, values, (size_t)array->bytes);
}

int mat_read(const char *path, const struct mat_array *array, const struct progress *progress, void *values,
             struct error *error) {
    struct mat_file file;
    if (open_file(&file, path, progress, error) != 0) return -1;
    int status = read_values(&file, array, values);
    fclose(file.file);
    return status;
}

double mat_value(const void *values, enum mat_type type, size_t i) {
    uint64_t bits = 0;
    size_t size = (size_t)type_bytes(type);
    for (size_t k = 0; k < size; k++) bits |= (uint64_t)((const unsigned char *)values)[i * size + k] << 8 * k;
    uint32_t low = (uint32_t)bits;
    float single = 0;
    double number = 0;
    /* untaken: other types are no numbers, and not read */
    switch (type) {
    case MAT_INT8_TYPE:
        return (int8_t)bits;
    case MAT_INT16_TYPE:
        return (int16_t)bits;
    case MAT_INT32_TYPE:
        return (int32_t)low;
    case MAT_INT64_TYPE:
        return (double)(int64_t)bits;
    case MAT_SINGLE_TYPE:
        memcpy(&single, &low, sizeof single);
        return (double)single;
    case MAT_DOUBLE_TYPE:
        memcpy(&number, &bits, sizeof number);
        return number;
    case MAT_UINT8_TYPE:
    case MAT_UINT16_TYPE:
    case MAT_UINT32_TYPE:
    case MAT_UINT64_TYPE:
        break;
    }
    return (double)bits;
}

const struct mat_array *mat_find(const struct mat_arrays *arrays, const char *name) {
    for (int i = 0; i < arrays->count; i++)
        if (strcmp(arrays->items[i].name, name) == 0) return &arrays->items[i];
    return NULL;
}
