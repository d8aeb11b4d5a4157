#include "core/interop/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checksum.h"
#include "core/file.h"
#include "core/interop/safetensors_checksum.h"
#include "core/json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are used as they stand in the file");

enum { LENGTH_SIZE = 8 };

struct type_facts {
    const char *name;
    size_t size;
};

static const struct type_facts types[] = {
    [SAFETENSORS_BOOL] = {"BOOL", 1}, [SAFETENSORS_U8] = {"U8", 1},   [SAFETENSORS_I8] = {"I8", 1},
    [SAFETENSORS_U16] = {"U16", 2},   [SAFETENSORS_I16] = {"I16", 2}, [SAFETENSORS_F16] = {"F16", 2},
    [SAFETENSORS_BF16] = {"BF16", 2}, [SAFETENSORS_U32] = {"U32", 4}, [SAFETENSORS_I32] = {"I32", 4},
    [SAFETENSORS_F32] = {"F32", 4},   [SAFETENSORS_U64] = {"U64", 8}, [SAFETENSORS_I64] = {"I64", 8},
    [SAFETENSORS_F64] = {"F64", 8},
};

const char *safetensors_type_name(enum safetensors_type type) {
    return types[type].name;
}

size_t safetensors_type_size(enum safetensors_type type) {
    return types[type].size;
}

char *safetensors_shape_text(const struct safetensors_tensor *tensor, char *buffer, size_t size) {
    size_t at = (size_t)snprintf(buffer, size, "(");
    /* untaken: callers have room for eight of the largest sizes */
    for (int i = 0; i < tensor->rank && at < size; i++)
        at += (size_t)snprintf(buffer + at, size - at, i ? ",%zu" : "%zu", tensor->shape[i]);
    /* untaken: likewise */
    if (at < size) snprintf(buffer + at, size - at, ")");
    return buffer;
}

/* ---- reading ---- */

/* What is being read: the data's bytes behind the header, and where errors go. */
struct reading {
    struct safetensors *file;
    const char *data;
    size_t data_size;
    struct error *error;
};

static int tensor_error(const struct reading *reading, const char *name, const char *message) {
    char place[ERROR_PATH_SIZE];
    snprintf(place, sizeof place, "%s: %s", reading->file->path, name);
    return error_set(reading->error, ERROR_DATA, place, "%s; the file is damaged: save or copy it again", message);
}

/* A whole number that a double holds exactly. */
static bool read_size(const cJSON *json, size_t *size) {
    if (!cJSON_IsNumber(json)) return false;
    double value = json->valuedouble;
    if (!(value >= 0 && value <= 0x1p53) || value != floor(value)) return false;
    *size = (size_t)value;
    return true;
}

static int read_type(const struct reading *reading, const cJSON *json, struct safetensors_tensor *tensor) {
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(json, "dtype");
    if (!cJSON_IsString(dtype)) return tensor_error(reading, tensor->name, "has no dtype in the header");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, dtype->valuestring) == 0) {
            tensor->type = (enum safetensors_type)i;
            return 0;
        }
    char message[160];
    snprintf(
        message, sizeof message,
        "has the dtype \"%.40s\", which is none of BOOL, U8, I8, U16, I16, F16, BF16, U32, I32, F32, U64, I64, F64",
        dtype->valuestring);
    return tensor_error(reading, tensor->name, message);
}

static int read_shape(const struct reading *reading, const cJSON *json, struct safetensors_tensor *tensor) {
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(json, "shape");
    if (!cJSON_IsArray(shape)) return tensor_error(reading, tensor->name, "has no shape in the header");
    if (cJSON_GetArraySize(shape) > SAFETENSORS_RANK_MAX)
        return tensor_error(reading, tensor->name, "has more than 8 dimensions");
    tensor->elements = 1;
    for (const cJSON *size = shape->child; size; size = size->next) {
        if (!read_size(size, &tensor->shape[tensor->rank]))
            return tensor_error(reading, tensor->name, "has a shape that is not made of whole numbers");
        if (!size_multiply(tensor->elements, tensor->shape[tensor->rank++], &tensor->elements))
            return tensor_error(reading, tensor->name, "has a shape too large for any memory");
    }
    return 0;
}

static int read_offsets(const struct reading *reading, const cJSON *json, struct safetensors_tensor *tensor) {
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(json, "data_offsets");
    size_t begin = 0, end = 0, bytes = 0;
    char message[256], shape[SAFETENSORS_SHAPE_TEXT];
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !read_size(cJSON_GetArrayItem(offsets, 0), &begin) || !read_size(cJSON_GetArrayItem(offsets, 1), &end))
        return tensor_error(reading, tensor->name, "has no data_offsets [begin, end] in the header");
    if (begin > end || end > reading->data_size) {
        snprintf(message, sizeof message, "stands at bytes %zu to %zu, but the file has %zu bytes of data", begin, end,
                 reading->data_size);
        return tensor_error(reading, tensor->name, message);
    }
    if (!size_multiply(tensor->elements, safetensors_type_size(tensor->type), &bytes) || end - begin != bytes) {
        snprintf(message, sizeof message, "has %zu bytes of data, which is not %s of %s", end - begin,
                 safetensors_type_name(tensor->type), safetensors_shape_text(tensor, shape, sizeof shape));
        return tensor_error(reading, tensor->name, message);
    }
    tensor->data = reading->data + begin;
    return 0;
}

static int read_tensor(const struct reading *reading, const cJSON *json, struct safetensors_tensor *tensor) {
    tensor->name = arena_string(&reading->file->arena, json->string, reading->error);
    if (!tensor->name) return -1;
    if (!cJSON_IsObject(json)) return tensor_error(reading, tensor->name, "is not described by an object");
    if (read_type(reading, json, tensor) != 0 || read_shape(reading, json, tensor) != 0) return -1;
    return read_offsets(reading, json, tensor);
}

static int read_metadata(const struct reading *reading, const cJSON *json) {
    struct safetensors *file = reading->file;
    if (!cJSON_IsObject(json)) return tensor_error(reading, "__metadata__", "is no object of strings");
    size_t count = (size_t)cJSON_GetArraySize(json);
    file->metadata = arena_allocate(&file->arena, count * sizeof *file->metadata, reading->error);
    if (!file->metadata) return -1;
    for (const cJSON *entry = json->child; entry; entry = entry->next) {
        if (!cJSON_IsString(entry)) return tensor_error(reading, "__metadata__", "is no object of strings");
        struct safetensors_pair *pair = &file->metadata[file->metadata_count++];
        pair->key = arena_string(&file->arena, entry->string, reading->error);
        pair->value = arena_string(&file->arena, entry->valuestring, reading->error);
        if (!pair->key || !pair->value) return -1;
    }
    return 0;
}

static int read_entries(const struct reading *reading, const cJSON *header) {
    struct safetensors *file = reading->file;
    size_t count = (size_t)cJSON_GetArraySize(header);
    file->tensors = arena_allocate(&file->arena, count * sizeof *file->tensors, reading->error);
    if (!file->tensors) return -1;
    for (const cJSON *entry = header->child; entry; entry = entry->next) {
        bool metadata = strcmp(entry->string, "__metadata__") == 0;
        int status = metadata ? read_metadata(reading, entry)
                              : read_tensor(reading, entry, &file->tensors[file->tensor_count++]);
        if (status != 0) return -1;
    }
    return 0;
}

/* Where a tensor stands in the data. */
struct span {
    const char *begin, *name;
    size_t bytes;
};

static int compare_spans(const void *a, const void *b) {
    const struct span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* The tensors, in the order of their places, follow each other from the first byte of the data to the last. */
static int check_cover(const struct reading *reading, const struct span *spans, size_t count) {
    const char *at = reading->data, *end = reading->data + reading->data_size;
    for (size_t i = 0; i < count; i++) {
        if (spans[i].begin < at) return tensor_error(reading, spans[i].name, "overlaps another tensor in the file");
        if (spans[i].begin > at)
            return tensor_error(reading, spans[i].name, "has bytes before it that belong to no tensor");
        at += spans[i].bytes;
    }
    if (at == end) return 0;
    return error_set(reading->error, ERROR_DATA, reading->file->path,
                     "ends with %td byte%s of no tensor; it is damaged: copy it again", end - at,
                     end - at == 1 ? "" : "s");
}

static int check_places(const struct reading *reading) {
    const struct safetensors *file = reading->file;
    struct span *spans = calloc(file->tensor_count + 1, sizeof *spans);
    if (!spans) return error_set(reading->error, ERROR_RUN, file->path, "not enough memory for the file's header");
    for (size_t i = 0; i < file->tensor_count; i++) {
        const struct safetensors_tensor *tensor = &file->tensors[i];
        spans[i] = (struct span){tensor->data, tensor->name, tensor->elements * safetensors_type_size(tensor->type)};
    }
    qsort(spans, file->tensor_count, sizeof *spans, compare_spans);
    int status = check_cover(reading, spans, file->tensor_count);
    free(spans);
    return status;
}

/* A file of ours has both the checksum, at its place, and the writer's name: whichever of them one damaged byte hits,
 * the other one still asks for the check. */
static int check_checksum(const struct reading *reading, size_t length) {
    const struct safetensors *file = reading->file;
    size_t at = LENGTH_SIZE + strlen(SAFETENSORS_CHECKSUM_PREFIX), after = at + CHECKSUM_DIGITS;
    const char *writer = safetensors_metadata(file, "writer");
    bool in_place = length >= after && memcmp(file->bytes + LENGTH_SIZE, SAFETENSORS_CHECKSUM_PREFIX,
                                              strlen(SAFETENSORS_CHECKSUM_PREFIX)) == 0;
    if (!in_place && !(writer && strcmp(writer, SAFETENSORS_WRITER) == 0)) return 0;
    char digits[CHECKSUM_DIGITS + 1] = "";
    const struct file_piece pieces[] = {{file->bytes, at}, {file->bytes + after, length - after}};
    if (in_place && checksum_pieces(pieces, 2, digits, reading->error) != 0) return -1;
    if (in_place && memcmp(digits, file->bytes + at, CHECKSUM_DIGITS) == 0) return 0;
    return error_set(reading->error, ERROR_DATA, file->path,
                     "the checksum does not fit: the file is damaged, or another program changed it; if that was on "
                     "purpose, remove \"checksum\" and \"writer\" from its metadata");
}

static int header_length(const struct safetensors *file, size_t length, size_t *header, struct error *error) {
    if (length < LENGTH_SIZE)
        return error_set(error, ERROR_DATA, file->path, "has %zu bytes, too few for a safetensors file; copy it again",
                         length);
    uint64_t claimed = 0;
    memcpy(&claimed, file->bytes, sizeof claimed);
    if (claimed < strlen("{}"))
        return error_set(error, ERROR_DATA, file->path,
                         "is no safetensors file, or damaged: its header is empty; save or copy it again");
    if (claimed > SAFETENSORS_HEADER_MAX)
        return error_set(error, ERROR_DATA, file->path,
                         "is no safetensors file, or damaged: its header would have %llu bytes, at most %d are read; "
                         "save or copy it "
                         "again",
                         (unsigned long long)claimed, SAFETENSORS_HEADER_MAX);
    if (claimed > length - LENGTH_SIZE)
        return error_set(error, ERROR_DATA, file->path,
                         "was cut off or is damaged: its header has %llu bytes, but only %zu follow; copy it again",
                         (unsigned long long)claimed, length - LENGTH_SIZE);
    *header = (size_t)claimed;
    return 0;
}

static cJSON *parse_header(const struct safetensors *file, size_t length, struct error *error) {
    struct error inner = {0};
    cJSON *header = json_parse(file->bytes + LENGTH_SIZE, length, file->path, &inner);
    if (header && cJSON_IsObject(header)) return header;
    if (header)
        error_set(error, ERROR_DATA, file->path, "its header is no JSON object; save or copy it again");
    else if (inner.code == ERROR_CONFIG)
        error_set(error, ERROR_DATA, inner.path, "its header is damaged: %.*s; save or copy it again",
                  (int)strcspn(inner.message, ";"), inner.message);
    else
        error_set(error, inner.code, inner.path, "%s", inner.message);
    cJSON_Delete(header);
    return NULL;
}

/* `length` is the whole file's; where only its header is in memory, its checksum is left for later. */
static int parse(struct safetensors *file, size_t length, bool whole, struct error *error) {
    size_t header_size = 0;
    if (header_length(file, length, &header_size, error) != 0) return -1;
    cJSON *header = parse_header(file, header_size, error);
    if (!header) return -1;
    size_t data_at = LENGTH_SIZE + header_size;
    struct reading reading = {file, file->bytes + data_at, length - data_at, error};
    int status = read_entries(&reading, header);
    cJSON_Delete(header);
    if (status != 0 || check_places(&reading) != 0) return -1;
    return whole ? check_checksum(&reading, length) : 0;
}

int safetensors_parse(const char *path, char *bytes, size_t length, struct safetensors *file, struct error *error) {
    *file = (struct safetensors){.bytes = bytes};
    file->path = arena_string(&file->arena, path, error);
    if (file->path && parse(file, length, true, error) == 0) return 0;
    safetensors_free(file);
    return -1;
}

/* The header alone, against the file's size: no more is read of a file than its header accounts for. */
static int check_start(const char *path, struct error *error) {
    char start[LENGTH_SIZE];
    size_t length = 0, size = 0, header = 0;
    if (file_read_start(path, start, sizeof start, &length, &size, error) != 0) return -1;
    struct safetensors file = {.bytes = start, .path = (char *)(uintptr_t)path};
    if (header_length(&file, size, &header, error) != 0) return -1;
    file = (struct safetensors){.bytes = malloc(LENGTH_SIZE + header), .path = (char *)(uintptr_t)path};
    if (!file.bytes) return error_set(error, ERROR_RUN, path, "not enough memory for the file's header");
    int status = file_read_start(path, file.bytes, LENGTH_SIZE + header, &length, &size, error);
    /* untaken: only a file that changes while it is read */
    if (status == 0 && length < LENGTH_SIZE + header)
        status = error_set(error, ERROR_IO, path, "the file became shorter while it was read; try again");
    if (status == 0) status = parse(&file, size, false, error);
    safetensors_free(&file);
    return status;
}

int safetensors_read(const char *path, struct safetensors *file, struct error *error) {
    char *bytes = NULL;
    size_t length = 0;
    *file = (struct safetensors){0};
    if (check_start(path, error) != 0) return -1;
    if (file_read(path, PTRDIFF_MAX - 1, &bytes, &length, error) != 0) return -1;
    return safetensors_parse(path, bytes, length, file, error);
}

void safetensors_free(struct safetensors *file) {
    arena_free(&file->arena);
    free(file->bytes);
    *file = (struct safetensors){0};
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name) {
    for (size_t i = 0; i < file->tensor_count; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

const char *safetensors_metadata(const struct safetensors *file, const char *key) {
    for (size_t i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, key) == 0) return file->metadata[i].value;
    return NULL;
}
