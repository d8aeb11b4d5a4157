/* HDF5 files as libhdf5 writes them, of any content: read in this process, then loaded as weights. Each line is an
 * object:
 *     g PATH                    a group, with those above it
 *     d PATH TYPE SIZE...       a tensor of zeros; "c" in pieces that are compressed, "e" with no values written
 *     a PATH NAME KIND TEXT...  an attribute: KIND t text, T texts, f text of fixed size, F texts of it, n number, 0
 * none s PATH TO, h PATH TO, x PATH TO   links: soft, hard, to another file */
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#include "core/interop/hdf5_read.h"
#include "core/model_file.h"
#include "core/text.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/fuzz_isolate.h"
#include "tests/support/registries.h"

/* Of the address sanitizer: libhdf5 takes and gives back megabytes for each file. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "quarantine_size_mb=8";
}

enum { LINES_MAX = 64, WORDS_MAX = 12, RANK_MAX = 10, VALUES_MAX = 1 << 14 };

/* What a line makes things with; each is closed as it ends. */
struct maker {
    hid_t file, links; /* makes missing groups */
    int count;
    char *words[WORDS_MAX];
};

static hid_t type_called(const char *name) {
    static const struct {
        const char *name;
        const hid_t *type;
    } types[] = {{"f4", &H5T_IEEE_F32LE_g}, {"f8", &H5T_IEEE_F64LE_g}, {"b4", &H5T_IEEE_F32BE_g},
                 {"i1", &H5T_STD_I8LE_g},   {"u2", &H5T_STD_U16LE_g},  {"i8", &H5T_STD_I64BE_g},
                 {"x4", &H5T_STD_B32LE_g},  {"r", &H5T_STD_REF_OBJ_g}, {"t", &H5T_C_S1_g}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(name, types[i].name) == 0) return *types[i].type;
    return H5T_IEEE_F32LE_g;
}

/* ---- tensors ---- */

/* In pieces of at most 4 a side where `compressed`. */
static hid_t layout_of(const hsize_t *sizes, int rank, bool compressed) {
    const hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t pieces[RANK_MAX];
    for (int i = 0; i < rank; i++) pieces[i] = sizes[i] < 1 ? 1 : sizes[i] > 4 ? 4 : sizes[i];
    if (compressed && rank > 0 && H5Pset_chunk(layout, rank, pieces) >= 0) H5Pset_deflate(layout, 6);
    return layout;
}

static void add_tensor(const struct maker *maker) {
    static const double zeros[VALUES_MAX];
    hsize_t sizes[RANK_MAX] = {0}, values = 1;
    int rank = 0;
    for (int i = 3; i < maker->count && rank < RANK_MAX; i++) {
        sizes[rank] = strtoull(maker->words[i], NULL, 10);
        values = values > VALUES_MAX || sizes[rank] > VALUES_MAX ? VALUES_MAX + 1 : values * sizes[rank];
        rank++;
    }
    const bool written = maker->words[0][0] != 'e' && values <= VALUES_MAX;
    const hid_t space = rank ? H5Screate_simple(rank, sizes, NULL) : H5Screate(H5S_SCALAR);
    const hid_t layout = layout_of(sizes, rank, maker->words[0][0] == 'c');
    const hid_t type = type_called(maker->words[2]);
    const hid_t tensor = H5Dcreate2(maker->file, maker->words[1], type, space, maker->links, layout, H5P_DEFAULT);
    if (tensor >= 0 && written) H5Dwrite(tensor, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros);
    if (tensor >= 0) H5Dclose(tensor);
    H5Pclose(layout);
    if (space >= 0) H5Sclose(space);
}

/* ---- attributes ---- */

static hid_t text_type(char kind) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, kind == 't' || kind == 'T' ? H5T_VARIABLE : 8);
    return type;
}

static void write_texts(hid_t attribute, hid_t type, char kind, char *const *texts, int count) {
    char fixed[WORDS_MAX][8] = {{0}};
    for (int i = 0; i < count; i++) memcpy(fixed[i], texts[i], strnlen(texts[i], sizeof fixed[i]));
    H5Awrite(attribute, type, kind == 't' || kind == 'T' ? (const void *)texts : fixed);
}

static void add_attribute(const struct maker *maker) {
    const char kind = maker->words[3][0];
    const int count = maker->count - 4;
    const hsize_t size = (hsize_t)count;
    const bool is_list = kind == 'T' || kind == 'F';
    if (!is_list && kind != '0' && count == 0) return;
    const hid_t space = kind == '0' ? H5Screate(H5S_NULL)
                        : is_list   ? H5Screate_simple(1, &size, NULL)
                                    : H5Screate(H5S_SCALAR);
    const hid_t type = kind == 'n' ? H5Tcopy(H5T_IEEE_F64LE) : text_type(kind);
    const hid_t attribute = H5Acreate_by_name(maker->file, maker->words[1], maker->words[2], type, space, H5P_DEFAULT,
                                              H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0 && kind != 'n' && count > 0) write_texts(attribute, type, kind, maker->words + 4, count);
    if (attribute >= 0) H5Aclose(attribute);
    H5Tclose(type);
    H5Sclose(space);
}

/* ---- lines ---- */

static void add_group(const struct maker *maker) {
    const hid_t group = H5Gcreate2(maker->file, maker->words[1], maker->links, H5P_DEFAULT, H5P_DEFAULT);
    if (group >= 0) H5Gclose(group);
}

static void add_link(const struct maker *maker) {
    const char *path = maker->words[1], *to = maker->words[2];
    if (maker->words[0][0] == 's') H5Lcreate_soft(to, maker->file, path, maker->links, H5P_DEFAULT);
    if (maker->words[0][0] == 'h') H5Lcreate_hard(maker->file, to, maker->file, path, maker->links, H5P_DEFAULT);
    if (maker->words[0][0] == 'x') H5Lcreate_external(to, "/", maker->file, path, maker->links, H5P_DEFAULT);
}

static void add_line(struct maker *maker, char *line) {
    char *rest = NULL;
    maker->count = 0;
    for (char *word = strtok_r(line, " ", &rest); word && maker->count < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
        maker->words[maker->count++] = word;
    if (maker->count < 2) return;
    const char kind = maker->words[0][0];
    if (kind == 'g') add_group(maker);
    if (maker->count >= 3 && strchr("dce", kind)) add_tensor(maker);
    if (maker->count >= 3 && strchr("shx", kind)) add_link(maker);
    if (maker->count >= 4 && kind == 'a') add_attribute(maker);
}

/* The file's bytes, owned by the caller. */
static char *make_file(char *lines, size_t *length) {
    char *rest = NULL;
    struct maker maker = {.links = H5Pcreate(H5P_LINK_CREATE)};
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, 1 << 14, false);
    H5Pset_create_intermediate_group(maker.links, 1);
    maker.file = H5Fcreate("made", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (maker.file < 0) fuzz_fail("no HDF5 file");
    int count = 0;
    for (char *line = strtok_r(lines, "\n", &rest); line && count < LINES_MAX; line = strtok_r(NULL, "\n", &rest)) {
        add_line(&maker, line);
        count++;
    }
    H5Fflush(maker.file, H5F_SCOPE_GLOBAL);
    const ssize_t size = H5Fget_file_image(maker.file, NULL, 0);
    char *bytes = size > 0 ? malloc((size_t)size) : NULL;
    if (!bytes || H5Fget_file_image(maker.file, bytes, (size_t)size) != size) fuzz_fail("no image of the file");
    *length = (size_t)size;
    H5Fclose(maker.file);
    H5Pclose(access);
    H5Pclose(maker.links);
    return bytes;
}

/* ---- what is asked ---- */

static void load_weights(const char *bytes, size_t length) {
    static const struct config_request request = {.registries = &test_registries};
    static const char text[] = "{\"name\":\"x\",\"model\":[{\"type\":\"Conv2D\",\"filters\":2,\"kernel_size\":3},"
                               "{\"type\":\"BatchNormalization\"},{\"type\":\"Flatten\"},{\"type\":\"Dense\","
                               "\"units\":2,\"name\":\"last\"}]}";
    struct error error = {0};
    struct config config;
    struct model model;
    struct text report = {0};
    if (config_parse(&config, text, "x.json", &request, &error) != 0 ||
        model_build(&model, &config, &(struct shape){3, {4, 4, 1}}, &error) != 0)
        fuzz_fail("the model cannot be built");
    fuzz_check(model_load_weights(&model, fuzz_write("made.weights.h5", bytes, length), &report, &error), &error);
    text_free(&report);
    model_free(&model);
    config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error error = {0};
    struct safetensors tree;
    size_t length = 0;
    char *lines = fuzz_text(data, size);
    char *bytes = make_file(lines, &length);
    fuzz_isolate_inside();
    fuzz_isolate_once();
    fuzz_check(hdf5_read("made.h5", bytes, length, &tree, &error), &error);
    safetensors_free(&tree);
    load_weights(bytes, length);
    free(bytes);
    free(lines);
    return 0;
}
