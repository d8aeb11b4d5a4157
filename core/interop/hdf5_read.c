#include "core/interop/hdf5_read.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/isolate.h"
#include "core/json.h"
#include "core/platform.h"
#include "core/text.h"

enum {
    DEPTH_MAX = 16,
    OBJECTS_MAX = 1 << 16,
    TEXTS_MAX = 1 << 16,     /* texts of one attribute */
    TEXT_SIZE_MAX = 1 << 20, /* bytes of a text of fixed size */
    BASE_MEMORY = 1 << 28,   /* bytes that libhdf5 may take for a file of no size */
    BASE_SECONDS = 5,
    PATIENCE = 2,       /* seconds after which it is not tried again */
    EXPANSION_MAX = 64, /* floats that a stored byte may become; weights hardly compress */
    PATH_SIZE = 1024,
};

bool hdf5_is_file(const char *bytes, size_t length) {
    static const char signature[8] = "\211HDF\r\n\032\n";
    return length >= sizeof signature && memcmp(bytes, signature, sizeof signature) == 0;
}

/* Where the reading stands: the group at `place` of the file. */
struct reading {
    struct safetensors *tree;
    size_t tensors_room, metadata_room, objects;
    size_t length;      /* of the file */
    size_t stored_left; /* bytes of the file that no tensor is stored in yet */
    int depth;
    char place[PATH_SIZE];
    struct error *error;
};

static int refuse(const struct reading *reading, const char *name, const char *message) {
    char path[ERROR_PATH_SIZE];
    const char *slash = reading->place[0] && *name ? "/" : "", *colon = reading->place[0] || *name ? ": " : "";
    snprintf(path, sizeof path, "%s%s%.200s%s%.200s", reading->tree->path, colon, reading->place, slash, name);
    return error_set(reading->error, ERROR_DATA, path, "%s", message);
}

/* What libhdf5 cannot read. */
static int damaged(const struct reading *reading, const char *name) {
    return refuse(reading, name, "cannot be read: the file is damaged; save or copy it again");
}

/* The place's path with `name` behind it, owned by the tree. */
static char *path_of(const struct reading *reading, const char *joint, const char *name) {
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s%s%s", reading->place, joint, name);
    return arena_string(&reading->tree->arena, path, reading->error);
}

/* ---- lists that grow ---- */

/* Room for one more item of `size` bytes; the items, or NULL. */
static void *grown(struct reading *reading, void *items, size_t count, size_t size, size_t *room) {
    if (count < *room) return items;
    const size_t more = *room ? 2 * *room : 64;
    void *larger = arena_allocate(&reading->tree->arena, more * size, reading->error);
    if (!larger) return NULL;
    if (count) memcpy(larger, items, count * size);
    *room = more;
    return larger;
}

static struct safetensors_tensor *new_tensor(struct reading *reading) {
    struct safetensors *tree = reading->tree;
    void *items = grown(reading, tree->tensors, tree->tensor_count, sizeof *tree->tensors, &reading->tensors_room);
    if (!items) return NULL;
    tree->tensors = items;
    return &tree->tensors[tree->tensor_count];
}

static int add_metadata(struct reading *reading, const char *name, const char *value) {
    struct safetensors *tree = reading->tree;
    void *items = grown(reading, tree->metadata, tree->metadata_count, sizeof *tree->metadata, &reading->metadata_room);
    if (!items) return -1;
    tree->metadata = items;
    struct safetensors_pair pair = {path_of(reading, "@", name), arena_string(&tree->arena, value, reading->error)};
    if (!pair.key || !pair.value) return -1;
    tree->metadata[tree->metadata_count++] = pair;
    return 0;
}

/* ---- attributes ---- */

static void add_text(struct text *text, size_t index, const char *value) {
    if (index) text_add(text, ",");
    json_write_string(value, text);
}

/* Texts of any length, as libhdf5 allocates them. text->failed where there is no memory. */
static bool read_variable(hid_t attribute, hid_t type, hid_t space, size_t count, bool is_list, struct text *text) {
    char **values = calloc(count + 1, sizeof *values);
    if (!values) text->failed = true;
    const bool good = values && H5Aread(attribute, type, values) >= 0;
    for (size_t i = 0; good && i < count; i++) {
        const char *value = values[i] ? values[i] : "";
        if (is_list)
            add_text(text, i, value);
        else
            text_add(text, value);
    }
    if (good) H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
    free(values);
    return good;
}

/* Texts in so many bytes each, filled up with zeros or spaces. */
static bool read_fixed(hid_t attribute, hid_t type, size_t count, bool is_list, struct text *text) {
    const size_t size = H5Tget_size(type);
    /* untaken: the caller refuses types of no size */
    if (size == 0 || size > TEXT_SIZE_MAX) return false;
    char *values = calloc(count * size + 1, 1), *value = calloc(size + 1, 1);
    if (!values || !value) text->failed = true;
    /* untaken: texts of fixed size came with their attribute */
    const bool good = values && value && H5Aread(attribute, type, values) >= 0;
    for (size_t i = 0; good && i < count; i++) {
        memcpy(value, values + i * size, size);
        value[size] = '\0';
        if (is_list)
            add_text(text, i, value);
        else
            text_add(text, value);
    }
    free(value);
    free(values);
    return good;
}

static bool read_texts(hid_t attribute, hid_t type, hid_t space, size_t count, bool is_list, struct text *text) {
    if (H5Tis_variable_str(type) > 0) return read_variable(attribute, type, space, count, is_list, text);
    return read_fixed(attribute, type, count, is_list, text);
}

/* A text, a list of texts, or an empty list of whatever type; other attributes are no matter here. */
static int take_attribute(struct reading *reading, const char *name, hid_t attribute, hid_t type, hid_t space) {
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    const bool is_list = H5Sget_simple_extent_ndims(space) > 0, is_text = H5Tget_class(type) == H5T_STRING;
    /* untaken: libhdf5 opens no attribute of as many as would be below 0 */
    if (count < 0 || count > TEXTS_MAX)
        return refuse(reading, name, "has too many texts to be a list of names; save the model again");
    if (!is_text && count > 0) return 0;
    const size_t size = H5Tget_size(type);
    /* untaken: libhdf5 opens no type of no size, and finds attributes cut off that are larger than the file */
    if (count > 0 && (size == 0 || (size_t)count > reading->length / size)) return damaged(reading, name);
    struct text text = {0};
    if (is_list) text_add(&text, "[");
    const bool good = count == 0 || read_texts(attribute, type, space, (size_t)count, is_list, &text);
    if (is_list) text_add(&text, "]");
    text_add(&text, "");
    int status = 0;
    if (text.failed)
        status = error_set(reading->error, ERROR_RUN, reading->tree->path, "not enough memory for its texts");
    if (status == 0 && !good) status = damaged(reading, name);
    if (status == 0) status = add_metadata(reading, name, text.bytes);
    text_free(&text);
    return status;
}

static herr_t visit_attribute(hid_t group, const char *name, const H5A_info_t *info, void *data) {
    struct reading *reading = data;
    (void)info;
    const hid_t attribute = H5Aopen(group, name, H5P_DEFAULT);
    if (attribute < 0) return damaged(reading, name);
    const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    /* untaken: both came with the attribute; where memory for copies lacks, libhdf5's process ends (hdf5_memory.h) */
    if (type < 0 || space < 0) return damaged(reading, name);
    const int status = take_attribute(reading, name, attribute, type, space);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
    return status;
}

/* ---- tensors ---- */

static int read_shape(const struct reading *reading, const char *name, hid_t space, struct safetensors_tensor *tensor) {
    hsize_t sizes[H5S_MAX_RANK] = {0};
    const int rank = H5Sget_simple_extent_ndims(space);
    /* untaken: an open space has a rank */
    if (rank < 0 || H5Sget_simple_extent_type(space) == H5S_NULL) return damaged(reading, name);
    if (rank > SAFETENSORS_RANK_MAX)
        return refuse(reading, name, "has more than 8 dimensions; this is no file of weights");
    /* untaken: and so many sizes */
    if (rank > 0 && H5Sget_simple_extent_dims(space, sizes, NULL) != rank) return damaged(reading, name);
    tensor->rank = rank;
    tensor->elements = 1;
    for (int i = 0; i < rank; i++) {
        tensor->shape[i] = (size_t)sizes[i];
        if (!size_multiply(tensor->elements, tensor->shape[i], &tensor->elements))
            return refuse(reading, name,
                          "has a shape too large for any memory: the file is damaged; save or copy it again");
    }
    return 0;
}

static bool has_outside_storage(hid_t dataset) {
    const hid_t creation = H5Dget_create_plist(dataset);
    const H5D_layout_t layout = H5Pget_layout(creation);
    /* untaken: a dataset that was opened has a layout */
    const bool outside = layout == H5D_VIRTUAL || layout == H5D_LAYOUT_ERROR || H5Pget_external_count(creation) != 0;
    H5Pclose(creation);
    return outside;
}

/* That the file is as large as its tensor says, before there is any room for it. */
static int check_storage(struct reading *reading, const char *name, hid_t dataset, hid_t type,
                         const struct safetensors_tensor *tensor) {
    const H5T_class_t class = H5Tget_class(type);
    const hsize_t stored = H5Dget_storage_size(dataset);
    if (class != H5T_FLOAT && class != H5T_INTEGER)
        return refuse(reading, name, "holds no numbers of a type that can be read; save the model as float32");
    if (has_outside_storage(dataset))
        return refuse(reading, name, "is stored in another file; save the model in one file");
    if (stored > reading->stored_left || tensor->elements / EXPANSION_MAX > stored || (tensor->elements && !stored))
        return refuse(reading, name, "is larger than the file can hold: the file is damaged; save or copy it again");
    reading->stored_left -= (size_t)stored;
    return 0;
}

static int read_values(struct reading *reading, const char *name, hid_t dataset, struct safetensors_tensor *tensor) {
    const size_t bytes = tensor->elements * sizeof(float); /* the file has at least one for each EXPANSION_MAX */
    float *values = arena_allocate(&reading->tree->arena, bytes ? bytes : sizeof(float), reading->error);
    if (!values) return -1;
    if (bytes && H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        return damaged(reading, name);
    tensor->data = values;
    tensor->type = SAFETENSORS_F32;
    return 0;
}

static int take_tensor(struct reading *reading, const char *name, hid_t dataset, hid_t type, hid_t space) {
    struct safetensors_tensor *tensor = new_tensor(reading);
    if (!tensor) return -1;
    *tensor = (struct safetensors_tensor){.name = path_of(reading, reading->place[0] ? "/" : "", name)};
    if (!tensor->name || read_shape(reading, name, space, tensor) != 0 ||
        check_storage(reading, name, dataset, type, tensor) != 0 || read_values(reading, name, dataset, tensor) != 0)
        return -1;
    reading->tree->tensor_count++;
    return 0;
}

static int visit_tensor(struct reading *reading, const char *name, hid_t dataset) {
    const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    /* untaken: likewise, they came with the dataset */
    if (type < 0 || space < 0) return damaged(reading, name);
    const int status = take_tensor(reading, name, dataset, type, space);
    H5Sclose(space);
    H5Tclose(type);
    return status;
}

/* ---- groups ---- */

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *data);

static int visit_group(struct reading *reading, const char *name, hid_t group) {
    const size_t length = strlen(reading->place);
    if (reading->depth == DEPTH_MAX || length + strlen(name) + 2 > sizeof reading->place)
        return refuse(reading, name, "is nested deeper than any model; this is no file of weights");
    /* untaken: only the root has no name */
    snprintf(reading->place + length, sizeof reading->place - length, length && *name ? "/%s" : "%s", name);
    reading->depth++;
    hsize_t at = 0;
    int status = H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_INC, &at, visit_attribute, reading) < 0 ? -1 : 0;
    at = 0;
    if (status == 0 && H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, visit_link, reading) < 0) status = -1;
    if (status != 0) damaged(reading, "");
    reading->depth--;
    reading->place[length] = '\0';
    return status;
}

static bool is_of_an_optimizer(const struct reading *reading, const char *name) {
    return reading->depth == 1 && (strcmp(name, "optimizer") == 0 || strcmp(name, "optimizer_weights") == 0);
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *data) {
    struct reading *reading = data;
    if (is_of_an_optimizer(reading, name)) return 0;
    if (info->type != H5L_TYPE_HARD)
        return refuse(reading, name, "is a link to another place or file; save the model in one file");
    if (reading->objects++ == OBJECTS_MAX)
        return refuse(reading, name, "is one of too many objects for any model; this is no file of weights");
    const hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0) return damaged(reading, name);
    int status = 0;
    const H5I_type_t type = H5Iget_type(object);
    if (type == H5I_GROUP) status = visit_group(reading, name, object);
    if (type == H5I_DATASET) status = visit_tensor(reading, name, object);
    H5Oclose(object);
    return status;
}

/* ---- what libhdf5 runs in circles on ---- */

enum { HEAP_SIGNATURE = 8, HEAP_HEADER = 16 };

static uint64_t number_at(const char *bytes, int size) {
    uint64_t number = 0;
    for (int i = size - 1; i >= 0; i--) number = number << 8 | (unsigned char)bytes[i];
    return number;
}

/* Whether the objects of a heap of texts, in `size` bytes, come to an end: libhdf5 goes from each to the next by its
 * size, which may be 0 or so large that it leads back. */
static bool heap_ends(const char *heap, size_t size) {
    enum { OBJECT = 16 };
    for (size_t at = HEAP_HEADER; at < size && size - at >= OBJECT;) {
        const bool is_free = number_at(heap + at, 2) == 0;
        const uint64_t length = number_at(heap + at + 8, 8);
        const uint64_t step = is_free ? length : OBJECT + (length + 7) / 8 * 8;
        if (step == 0 || length > size - at || step > size - at) return false;
        at += (size_t)step;
    }
    return true;
}

static const char *find_heap(const char *at, const char *end) {
    static const char signature[HEAP_SIGNATURE] = "GCOL\1";
    for (; end - at >= HEAP_HEADER; at++) {
        at = memchr(at, signature[0], (size_t)(end - at));
        if (!at || end - at < HEAP_HEADER) return NULL;
        if (memcmp(at, signature, sizeof signature) == 0) return at;
    }
    return NULL;
}

/* Of a file whose sizes have 8 bytes, which is what libhdf5 writes unless told otherwise. What stands within a heap is
 * no other one. */
static bool heaps_end(const char *bytes, size_t length) {
    const char *end = bytes + length;
    for (const char *heap = find_heap(bytes, end); heap;) {
        const size_t left = (size_t)(end - heap);
        const uint64_t told = number_at(heap + HEAP_SIGNATURE, 8);
        const size_t size = told < HEAP_HEADER ? HEAP_HEADER : told < left ? (size_t)told : left;
        if (!heap_ends(heap, size)) return false;
        heap = find_heap(heap + size, end);
    }
    return true;
}

/* ---- the file ---- */

/* A file of libhdf5 over the bytes; negative on failure. */
static hid_t open_bytes(const char *bytes, size_t length) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = -1;
    /* untaken: these fail only where memory lacks, which ends libhdf5's process (hdf5_memory.h) */
    if (H5Pset_fapl_core(access, 1 << 16, false) >= 0 &&
        H5Pset_file_image(access, (void *)(uintptr_t)bytes, length) >= 0)
        file = H5Fopen("memory", H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return file;
}

/* The whole file as a tree; what it holds when it fails goes with the process. */
static int read_tree(const char *path, const char *bytes, size_t length, struct safetensors *tree,
                     struct error *error) {
    struct reading reading = {.tree = tree, .length = length, .stored_left = length, .error = error};
    tree->path = arena_string(&tree->arena, path, error);
    if (!tree->path) return -1;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const hid_t file = open_bytes(bytes, length);
    const hid_t root = file >= 0 ? H5Gopen2(file, "/", H5P_DEFAULT) : -1;
    return root >= 0 ? visit_group(&reading, "", root) : damaged(&reading, "");
}

/* ---- from the process that reads to the one that asked ---- */

/* The header of a safetensors file. */
static void write_header(const struct safetensors *tree, struct text *header) {
    size_t at = 0;
    text_add(header, "{\"__metadata__\":{");
    for (size_t i = 0; i < tree->metadata_count; i++) {
        if (i) text_add(header, ",");
        json_write_string(tree->metadata[i].key, header);
        text_add(header, ":");
        json_write_string(tree->metadata[i].value, header);
    }
    text_add(header, "}");
    for (size_t i = 0; i < tree->tensor_count; i++) {
        const struct safetensors_tensor *tensor = &tree->tensors[i];
        text_add(header, ",");
        json_write_string(tensor->name, header);
        text_add(header, ":{\"dtype\":\"F32\",\"shape\":[");
        for (int k = 0; k < tensor->rank; k++) text_print(header, k ? ",%zu" : "%zu", tensor->shape[k]);
        text_print(header, "],\"data_offsets\":[%zu,%zu]}", at, at + sizeof(float) * tensor->elements);
        at += sizeof(float) * tensor->elements;
    }
    text_add(header, "}");
}

static int send_tree(const struct safetensors *tree, struct error *error) {
    struct text header = {0};
    write_header(tree, &header);
    if (header.failed) {
        text_free(&header);
        return error_set(error, ERROR_RUN, tree->path, "not enough memory for its names");
    }
    const uint64_t length = header.length;
    bool sent = isolate_send(&length, sizeof length) && isolate_send(header.bytes, header.length);
    text_free(&header);
    for (size_t i = 0; i < tree->tensor_count && sent; i++)
        sent = isolate_send(tree->tensors[i].data, sizeof(float) * tree->tensors[i].elements);
    return sent ? 0 : error_set_errno(error, tree->path, "hand on what libhdf5 read");
}

struct request {
    const char *path, *bytes;
    size_t length;
};

static int read_and_send(void *context, struct error *error) {
    const struct request *request = context;
    struct safetensors tree = {0};
    int status = read_tree(request->path, request->bytes, request->length, &tree, error);
    if (status == 0) status = send_tree(&tree, error);
    safetensors_free(&tree);
    return status;
}

static int attempt(const char *path, const char *bytes, size_t length, struct safetensors *tree, struct error *error) {
    struct request request = {path, bytes, length};
    /* untaken: no file is as large */
    const size_t most = length < PTRDIFF_MAX / (8 * EXPANSION_MAX) ? length * 4 * EXPANSION_MAX : PTRDIFF_MAX / 2;
    const struct isolated_work work = {.path = path,
                                       .run = read_and_send,
                                       .context = &request,
                                       .memory = BASE_MEMORY + 2 * most,
                                       .seconds = BASE_SECONDS + (unsigned)(length >> 24),
                                       .most = most + SAFETENSORS_HEADER_MAX,
                                       .blame = ERROR_DATA,
                                       .meaning = "the file is damaged; save or copy it again"};
    char *sent = NULL;
    size_t sent_length = 0;
    if (isolate(&work, &sent, &sent_length, error) != 0) return -1;
    return safetensors_parse(path, sent, sent_length, tree, error);
}

/* A libhdf5 whose allocations are not watched (hdf5_memory.h) fails or crashes alike for a moment without memory and
 * for a damaged file: the second time tells which. */
int hdf5_read(const char *path, const char *bytes, size_t length, struct safetensors *tree, struct error *error) {
    struct error first = {0};
    *tree = (struct safetensors){0};
    if (!heaps_end(bytes, length))
        return error_set(error, ERROR_DATA, path,
                         "its texts cannot be read: the file is damaged; save or copy it again");
    const double begin = platform_seconds();
    if (attempt(path, bytes, length, tree, &first) == 0) return 0;
    if (first.code == ERROR_DATA && platform_seconds() - begin < PATIENCE)
        return attempt(path, bytes, length, tree, error);
    return error_set(error, first.code, first.path, "%s", first.message);
}
