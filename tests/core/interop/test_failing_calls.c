/* Every allocation and every call for a file that reading other programs' models makes, failing once. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/interop/exchange.h"
#include "core/interop/hdf5_write.h"
#include "core/interop/keras_file.h"
#include "core/interop/keras_model.h"
#include "core/interop/keras_weights.h"
#include "core/interop/torch_weights.h"
#include "core/interop/zip_file.h"
#include "core/model_file.h"
#include "core/model_file_foreign.h"
#include "tests/support/failing.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"
#include "tests/support/tree.h"

static const struct config_request request = {.registries = &test_registries};

static int open_model(void *context, struct error *error) {
    struct saved_model saved;
    if (saved_model_open(&saved, context, true, &request, error) != 0) return -1;
    saved_model_free(&saved);
    return 0;
}

static int open_twice(void *context, struct error *error) {
    struct saved_model saved;
    const char *const *paths = context;
    if (saved_model_open(&saved, paths[0], false, &request, error) != 0) return -1;
    struct text report = {0};
    const int status = model_load_weights(&saved.model, paths[1], &report, error);
    text_free(&report);
    saved_model_free(&saved);
    return status;
}

static void test_models(void **state) {
    failing_needed();
    (void)state;
    static const char *const paths[] = {"tests/golden/exchange/mixed.keras", "tests/golden/exchange/keras2.h5"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct failing_work work = {.name = paths[i],
                                    .run = open_model,
                                    .context = (void *)(uintptr_t)paths[i],
                                    .library = "libzip",
                                    .calls = 60};
        failing_read(&work);
        failing_each(&work, "process", EAGAIN, ERROR_RUN);
    }
}

/* What our own code asks for within the process that reads, where libhdf5 asks for a hundred times as much. */
static void test_process(void **state) {
    failing_needed();
    (void)state;
    /* That process may crash, and must not go on as this one does, by cmocka. */
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) signal(crashes[i], SIG_DFL);
    struct failing_work work = {.name = "a process",
                                .run = open_model,
                                .context = (void *)(uintptr_t) "tests/golden/exchange/keras2.h5",
                                .library = "libzip"};
    failing_each(&work, "zeroed", ENOMEM, ERROR_RUN);
    failing_each(&work, "grown", ENOMEM, ERROR_RUN);
    failing_each(&work, "write", EIO, ERROR_IO);
}

static void test_weights(void **state) {
    failing_needed();
    (void)state;
    static const char *const pairs[][2] = {
        {"tests/golden/exchange/keras2.h5", "tests/golden/exchange/keras2-weights.h5"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        failing_read(&(struct failing_work){.name = pairs[i][1],
                                            .run = open_twice,
                                            .context = (void *)(uintptr_t)pairs[i],
                                            .library = "libzip",
                                            .calls = 60});
}

/* ---- files written here, too ---- */

struct stage {
    struct saved_model saved;
    struct model_facts facts;
    const struct exchange_format *format;
    char *path;
};

static int write_and_open(void *context, struct error *error) {
    struct stage *stage = context;
    struct text remarks = {0};
    const struct exchange exchange = {.model = &stage->saved.model,
                                      .facts = &stage->facts,
                                      .registries = &test_registries,
                                      .options = stage->format->honours & EXCHANGE_TORCH,
                                      .version = "1",
                                      .remarks = &remarks};
    int status = stage->format->write(&exchange, stage->path, error);
    text_free(&remarks);
    if (status != 0) return -1;
    const bool torch = (exchange.options & EXCHANGE_TORCH) != 0;
    return torch ? model_load_weights(&stage->saved.model, stage->path, NULL, error) : open_model(stage->path, error);
}

static void test_own_files(void **state) {
    failing_needed();
    static const char *const names[][2] = {
        {"safetensors", "x.safetensors"}, {"keras", "x.keras"}, {"keras-h5", "x.h5"}};
    struct stage stage = {0};
    struct error error = {0};
    assert_int_equal(saved_model_open(&stage.saved, "tests/golden/exchange/counted.keras", false, &request, &error), 0);
    char *text = config_text(&stage.saved.config, &test_registries, &error);
    stage.facts = (struct model_facts){text, stage.saved.normalization, stage.saved.classes, stage.saved.class_names};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        stage.format = exchange_named(names[i][0]);
        assert_non_null(stage.format);
        stage.path = expect_path(*state, names[i][1]);
        struct failing_work work = {
            .name = names[i][0], .run = write_and_open, .context = &stage, .library = "libzip", .calls = 60};
        failing_each(&work, "memory", ENOMEM, ERROR_RUN);
        failing_each(&work, "write", ENOSPC, ERROR_IO);
        failing_each(&work, "read", EIO, ERROR_IO);
        failing_each(&work, "open", EIO, ERROR_IO);
        free(stage.path);
    }
    free(text);
    saved_model_free(&stage.saved);
}

/* ---- what stands beside a model ---- */

/* A file whose weights are none is read up to them. */
static int read_without_weights(void *context, struct error *error) {
    struct exchange_file file = {0};
    struct error inner = {0};
    keras_archive_read(context, &file, &inner);
    exchange_file_free(&file);
    return inner.code == ERROR_DATA ? 0 : error_set(error, inner.code, inner.path, "%s", inner.message);
}

static void test_metadata(void **state) {
    failing_needed();
    static char model[] = "{}", weights[] = "none", metadata[] = "{\"cnntrain\": {\"classes\": 3}}";
    const struct zip_member members[] = {{.name = "config.json", .bytes = model, .length = 2},
                                         {.name = "model.weights.h5", .bytes = weights, .length = 4},
                                         {.name = "metadata.json", .bytes = metadata, .length = sizeof metadata - 1}};
    struct error error = {0};
    char *bytes = NULL, *path = expect_path(*state, "x.keras");
    size_t length = 0;
    assert_int_equal(zip_write(path, members, 3, &bytes, &length, &error), 0);
    const struct file_piece piece = {bytes, length};
    assert_int_equal(file_replace(path, &piece, 1, &error), 0);
    failing_each(
        &(struct failing_work){
            .name = "metadata", .run = read_without_weights, .context = path, .library = "libzip", .calls = 150},
        "memory", ENOMEM, ERROR_RUN);
    free(bytes);
    free(path);
}

static int read_hdf5(void *context, struct error *error) {
    struct exchange_file file = {0};
    const int status = keras_hdf5_read(context, &file, error);
    exchange_file_free(&file);
    return status;
}

static void fill_described(struct hdf5_writer *writer, const void *context) {
    (void)context;
    static const char *const names[] = {"a", "b"};
    hdf5_group(writer, "model_weights");
    hdf5_tensor(writer, "w", &(struct shape){1, {2}}, (const float[]){1, 2});
    hdf5_text(writer, "/", "model_config", "{}");
    hdf5_text(writer, "/", "cnntrain", "{}");
    hdf5_texts(writer, "/", "names", names, 2);
}

/* Texts beside the weights, as they are read and as they are kept. */
static void test_attributes(void **state) {
    failing_needed();
    struct error error = {0};
    char *bytes = NULL, *path = expect_path(*state, "x.h5");
    size_t length = 0;
    assert_int_equal(hdf5_write(path, fill_described, NULL, &bytes, &length, &error), 0);
    const struct file_piece piece = {bytes, length};
    assert_int_equal(file_replace(path, &piece, 1, &error), 0);
    struct failing_work work = {.name = "attributes", .run = read_hdf5, .context = path};
    failing_each(&work, "zeroed", ENOMEM, ERROR_RUN);
    work.last = 40;
    failing_each(&work, "memory", ENOMEM, ERROR_RUN);
    free(bytes);
    free(path);
}

static int make_documents(void *context, struct error *error) {
    struct foreign_documents documents;
    if (foreign_documents_make(&documents, context, "x", &test_registries, error) != 0) return -1;
    foreign_documents_free(&documents);
    return 0;
}

static void test_documents(void **state) {
    failing_needed();
    (void)state;
    char *model = tiny_json("{'class_name': 'Sequential', 'config': [{'class_name': 'Flatten', 'config': "
                            "{'batch_input_shape': [null, 8, 8, 1]}}]}");
    char *facts = tiny_json("{'config': {'seed': 3}, 'classes': 3}");
    struct exchange_file file = {.model = model, .facts = facts};
    const struct failing_work work = {.name = "documents", .run = make_documents, .context = &file};
    failing_each(&work, "memory", ENOMEM, ERROR_RUN);
    free(facts);
    free(model);
}

static int describe(void *context, struct error *error) {
    const struct exchange *exchange = context;
    cJSON *facts = keras_facts(exchange, error);
    char *text = facts ? keras_model_text(exchange, error) : NULL;
    cJSON_Delete(facts);
    free(text);
    return text ? 0 : -1;
}

static void test_descriptions(void **state) {
    failing_needed();
    (void)state;
    struct saved_model saved;
    struct error error = {0};
    assert_int_equal(saved_model_open(&saved, "tests/golden/exchange/counted.keras", false, &request, &error), 0);
    char *text = config_text(&saved.config, &test_registries, &error);
    const struct model_facts facts = {text, saved.normalization, saved.classes, saved.class_names};
    struct exchange exchange = {.model = &saved.model, .facts = &facts, .registries = &test_registries};
    const struct failing_work work = {.name = "descriptions", .run = describe, .context = &exchange};
    failing_each(&work, "memory", ENOMEM, ERROR_RUN);
    free(text);
    saved_model_free(&saved);
}

/* ---- weights that are there, given to a model ---- */

struct gift {
    struct tiny tiny;
    const char *header; /* of a file of safetensors, whose numbers are zeros */
    int (*give)(struct safetensors *file, const struct model *model, struct error *error);
};

static int give_torch(struct safetensors *file, const struct model *model, struct error *error) {
    return torch_weights_load(file, model, NULL, error);
}

static int give(void *context, struct error *error) {
    const struct gift *gift = context;
    const uint64_t length = strlen(gift->header);
    struct safetensors file;
    char *bytes = calloc(1, sizeof length + length + 4096);
    if (!bytes) return error_set(error, ERROR_RUN, NULL, "not enough memory for the test");
    memcpy(bytes, &length, sizeof length);
    memcpy(bytes + sizeof length, gift->header, length);
    const char *last = strrchr(gift->header, ',');
    const size_t data = strtoul(last + 1, NULL, 10);
    if (safetensors_parse("x", bytes, sizeof length + length + data, &file, error) != 0) return -1;
    const int status = gift->give(&file, &gift->tiny.model, error);
    safetensors_free(&file);
    return status;
}

static void test_gifts(void **state) {
    failing_needed();
    (void)state;
    static const char *const headers[] = {
        "{'__metadata__':{'@layer_names':'[\\'d\\']','d@weight_names':'[\\'d/k\\',\\'d/b\\']'},'d/d/b':{'dtype':'F32',"
        "'shape':[3],'data_offsets':[0,12]},'d/d/k':{'dtype':'F32','shape':[128,3],'data_offsets':[12,1548]}}",
        "{'0.bias':{'dtype':'F32','shape':[3],'data_offsets':[0,12]},'0.weight':{'dtype':'F32','shape':[3,128],"
        "'data_offsets':[12,1548]}}"};
    const struct tiny_setup setup = {.model = "['Flatten', {'type': 'Dense', 'units': 3}]", .train = 8};
    struct gift gift;
    tiny_open(&gift.tiny, &setup);
    for (size_t i = 0; i < 2; i++) {
        char *header = tiny_json(headers[i]);
        gift.header = header;
        gift.give = i ? give_torch : keras_weights_assign;
        failing_each(&(struct failing_work){.name = "a gift", .run = give, .context = &gift}, "memory", ENOMEM,
                     ERROR_RUN);
        free(header);
    }
    tiny_close(&gift.tiny);
}

/* ---- a model as JSON ---- */

static int read_json(void *context, struct error *error) {
    const struct place place = place_document("model.json");
    cJSON *json = json_parse(context, strlen(context), "model.json", error);
    cJSON *document = json ? keras_read_model(json, &place, &test_registries, error) : NULL;
    cJSON_Delete(json);
    cJSON_Delete(document);
    return document ? 0 : -1;
}

static void test_json(void **state) {
    failing_needed();
    (void)state;
    static const char *const paths[] = {"every_layer.keras3.json", "sep_max.keras2.json"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        size_t length = 0;
        char *text = tree_read("tests/golden/keras_json", paths[i], &length);
        failing_each(&(struct failing_work){.name = paths[i], .run = read_json, .context = text}, "memory", ENOMEM,
                     ERROR_RUN);
        free(text);
    }
}

/* ---- archives ---- */

static int write_and_read_archive(void *context, struct error *error) {
    static char some[] = "bytes", more[] = "more of them";
    (void)context;
    const struct zip_member members[] = {{.name = "a", .bytes = some, .length = sizeof some},
                                         {.name = "b/c", .bytes = more, .length = sizeof more}};
    struct zip_member wanted[] = {{.name = "b/c", .most = 100}, {.name = "d", .most = 100}};
    char *archive = NULL;
    size_t length = 0;
    int status = zip_write("x.zip", members, 2, &archive, &length, error);
    if (status == 0) status = zip_read("x.zip", archive, length, wanted, 2, error);
    if (status == 0) assert_memory_equal(wanted[0].bytes, more, sizeof more);
    free(archive);
    free(wanted[0].bytes);
    free(wanted[1].bytes);
    return status;
}

static void test_archives(void **state) {
    failing_needed();
    (void)state;
    const struct failing_work work = {.name = "an archive", .run = write_and_read_archive, .library = "libzip"};
    failing_each(&work, "memory", ENOMEM, ERROR_RUN);
}

static int open_world(void **state) {
    *state = expect_folder();
    return 0;
}

static int close_world(void **state) {
    tree_gone(*state);
    return 0;
}

int main(int count, char **arguments) {
    (void)count;
    failing_begin(arguments);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_weights),
        cmocka_unit_test_setup_teardown(test_own_files, open_world, close_world),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_gifts),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_archives),
        cmocka_unit_test_setup_teardown(test_metadata, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_attributes, open_world, close_world),
        cmocka_unit_test(test_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
