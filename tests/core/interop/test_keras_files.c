/* Models and weights that Keras wrote (tests/golden/exchange, by scripts/golden/exchange.py), and what cnntrain writes
 * for Keras, read again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/interop/exchange.h"
#include "core/interop/hdf5_read.h"
#include "core/interop/hdf5_write.h"
#include "core/interop/keras_model.h"
#include "core/interop/keras_weights.h"
#include "core/interop/keras_write.h"
#include "core/interop/zip_file.h"
#include "core/model_file.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"

#define GOLDEN "tests/golden/exchange/"

static const struct config_request request = {.registries = &test_registries};

static void open_model(struct saved_model *saved, const char *path) {
    struct error error = {0};
    saved_model_open(saved, path, false, &request, &error);
    expect_no_error(&error);
}

static void expect_same_weights(const struct model *a, const struct model *b) {
    assert_int_equal(a->parameter_floats, b->parameter_floats);
    assert_memory_equal(a->parameters, b->parameters, a->parameter_floats * sizeof(float));
}

/* .keras, .h5 and .weights.h5 of the same model hold the same weights, each in its place. */
static void all_forms_hold_the_same(void **state) {
    (void)state;
    static const char *const names[] = {"mixed", "counted"};
    for (size_t i = 0; i < 2; i++) {
        struct saved_model first, second;
        struct text report = {0};
        struct error error = {0};
        char path[128];
        snprintf(path, sizeof path, GOLDEN "%s.keras", names[i]);
        open_model(&first, path);
        snprintf(path, sizeof path, GOLDEN "%s.h5", names[i]);
        open_model(&second, path);
        expect_same_weights(&first.model, &second.model);
        memset(second.model.parameters, 0, second.model.parameter_floats * sizeof(float));
        snprintf(path, sizeof path, GOLDEN "%s.weights.h5", names[i]);
        model_load_weights(&second.model, path, &report, &error);
        expect_no_error(&error);
        assert_null(report.bytes);
        expect_same_weights(&first.model, &second.model);
        saved_model_free(&first);
        saved_model_free(&second);
    }
}

static void facts_that_keras_does_not_know(void **state) {
    (void)state;
    struct saved_model saved;
    open_model(&saved, GOLDEN "mixed.keras");
    assert_true(saved.normalization_guessed);
    assert_true(saved.normalization.scale == 1);
    assert_int_equal(saved.classes, 5);
    assert_null(saved.class_names);
    assert_string_equal(saved.model.layers[1].name, "first");
    saved_model_free(&saved);
    open_model(&saved, GOLDEN "counted.h5");
    assert_true(saved.normalization.scale == 1.0F / 255);
    saved_model_free(&saved);
}

/* A model of the config `layers`, with all its weights 0. */
struct planned {
    struct config config;
    struct model model;
};

static void plan(struct planned *planned, const char *shape, const char *layers) {
    struct text text = {0};
    struct error error = {0};
    text_print(&text, "{'name': 'x', 'input_shape': %s, 'model': [%s]}", shape, layers);
    char *json = tiny_json(text.bytes);
    config_parse(&planned->config, json, "x.json", &request, &error);
    expect_no_error(&error);
    const struct int_list *sizes = &planned->config.values.input_shape;
    model_build(&planned->model, &planned->config,
                &(struct shape){3, {sizes->values[0], sizes->values[1], sizes->values[2]}}, &error);
    expect_no_error(&error);
    free(json);
    text_free(&text);
}

static void drop(struct planned *planned) {
    model_free(&planned->model);
    config_free(&planned->config);
}

#define COUNTED                                                                                                        \
    "{'type': 'Conv2D', 'filters': 2, 'kernel_size': 3, 'strides': 2, 'padding': 'same'}, "                            \
    "{'type': 'Conv2D', 'filters': 2, 'kernel_size': 3}, {'type': 'Flatten'}, "

/* Layers of other names: conv2d_2 in the file stands where conv2d is in the model. */
static void weights_that_fit_go_by_their_place(void **state) {
    (void)state;
    static const char *const files[] = {"counted.keras", "counted.h5", "counted.weights.h5", "keras2.h5",
                                        "keras2-weights.h5"};
    struct saved_model saved;
    open_model(&saved, GOLDEN "counted.keras");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct planned planned;
        struct text report = {0};
        struct error error = {0};
        char path[128];
        plan(&planned, "[6, 6, 1]", COUNTED "{'type': 'Dense', 'units': 3, 'name': 'mine'}");
        snprintf(path, sizeof path, GOLDEN "%s", files[i]);
        model_load_weights(&planned.model, path, &report, &error);
        expect_no_error(&error);
        assert_null(report.bytes);
        expect_same_weights(&planned.model, &saved.model);
        drop(&planned);
    }
    saved_model_free(&saved);
}

/* Of a file that does not fit as a whole, layers of the same name are taken: transfer to another head. */
static void other_weights_go_by_name(void **state) {
    (void)state;
    struct planned planned;
    struct text report = {0};
    struct error error = {0};
    plan(&planned, "[8, 8, 3]",
         "{'type': 'SeparableConv2D', 'filters': 4, 'kernel_size': 3, 'name': 'first'}, {'type': 'Flatten'}, "
         "{'type': 'Dense', 'units': 2, 'name': 'head'}");
    model_load_weights(&planned.model, GOLDEN "mixed.weights.h5", &report, &error);
    expect_no_error(&error);
    assert_non_null(strstr(report.bytes, "mixed.weights.h5: not found, left as they were: head/kernel, head/bias\n"));
    assert_non_null(strstr(report.bytes, "not used: layers/batch_normalization/vars/0, "));
    assert_true(model_parameter(&planned.model, &planned.model.layers[0], 0)[0] != 0);
    text_free(&report);
    drop(&planned);
}

static void expect_bad(const char *path, enum error_code code, const char *message) {
    struct saved_model saved;
    struct error error = {0};
    assert_int_equal(saved_model_open(&saved, path, false, &request, &error), -1);
    expect_error(&error, code, message);
}

static void files_without_a_model(void **state) {
    (void)state;
    expect_bad(GOLDEN "keras2-weights.h5", ERROR_DATA,
               GOLDEN "keras2-weights.h5: holds weights without the layers that they belong to; use it with train "
                      "--config FILE --weights");
    struct planned planned;
    struct text report = {0};
    struct error error = {0};
    plan(&planned, "[6, 6, 1]", "{'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'name': 'other'}");
    assert_int_equal(model_load_weights(&planned.model, GOLDEN "keras2-weights.h5", &report, &error), -1);
    assert_non_null(strstr(error.message, "has shape (3,3,1,2) in the file, (36,3) in the model"));
    drop(&planned);
}

/* The texts of an HDF5 file lie in a heap whose objects tell how far it is to the next; libhdf5 follows them forever
 * where it is no way at all, or one that leads back. */
static void heaps_without_end(void **state) {
    (void)state;
    static const struct {
        size_t at; /* from the heap's begin */
        unsigned char number;
    } changes[] = {{16, 0}, {24, 0xff}, {31, 0xff}};
    struct error error = {0};
    struct safetensors tree;
    char *bytes = NULL, *heap = NULL;
    size_t length = 0;
    assert_int_equal(file_read(GOLDEN "mixed.h5", 1 << 20, &bytes, &length, &error), 0);
    for (char *at = bytes; !heap; at++)
        if (memcmp(at, "GCOL", 4) == 0) heap = at;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *changed = heap + changes[i].at, former[16];
        memcpy(former, heap + 16, sizeof former);
        if (i == 0) memset(heap + 16, 0, sizeof former);
        if (i > 0) *changed = (char)changes[i].number;
        assert_int_equal(hdf5_read("x.h5", bytes, length, &tree, &error), -1);
        expect_error(&error, ERROR_DATA, "x.h5: its texts cannot be read: the file is damaged; save or copy it again");
        error_clear(&error);
        memcpy(heap + 16, former, sizeof former);
    }
    assert_int_equal(hdf5_read("x.h5", bytes, length, &tree, &error), 0);
    safetensors_free(&tree);
    free(bytes);
}

/* A file with one tensor, a/w, and these texts beside it in its metadata. */
static void expect_bad_names(const struct model *model, const char *texts, const char *message) {
    struct safetensors tree;
    struct text file = {0};
    struct error error = {0};
    text_add(&file, "        ");
    text_print(&file, "{\"__metadata__\":{%s},\"a/w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
               texts);
    const uint64_t header = file.length - sizeof header;
    memcpy(file.bytes, &header, sizeof header);
    text_add_bytes(&file, "\0\0\0\0", 4);
    assert_int_equal(safetensors_parse("x.h5", file.bytes, file.length, &tree, &error), 0);
    assert_int_equal(keras_weights_assign(&tree, model, &error), -1);
    expect_error(&error, ERROR_DATA, message);
    safetensors_free(&tree);
}

/* Lists that name the same again and again, and lists without end. */
static void names_of_no_model(void **state) {
    (void)state;
    struct planned planned;
    struct text texts = {0};
    plan(&planned, "[6, 6, 1]", "{'type': 'Flatten'}, {'type': 'Dense', 'units': 3}");
    expect_bad_names(&planned.model, "\"@layer_names\":\"[\\\"a\\\",\\\"a\\\"]\",\"a@weight_names\":\"[\\\"w\\\"]\"",
                     "x.h5: names more tensors than it has: the file is damaged; save or copy it again");
    static const struct {
        const char *texts, *message;
    } bad[] = {
        {"\"@layer_names\":\"[\\\"a\\\"]\",\"a@weight_names\":\"[\\\"v\\\"]\"",
         "x.h5: lacks the tensor a/v; is it a file of this very model?"},
        {"\"model_weights@layer_names\":\"[\\\"a\\\",\\\"b\\\"]\",\"model_weights/a@weight_names\":\"[\\\"v\\\"]\"",
         "x.h5: lacks the tensor model_weights/a/v; is it a file of this very model?"},
        {"\"@layer_names\":\"a\"",
         "x.h5: has a text where Keras has a list of names: the file is damaged; save or copy it again"},
        {"\"@layer_names\":\"5\"",
         "x.h5: is an HDF5 file without weights where Keras keeps them; save it by model.save_weights"},
        {"\"@layer_names\":\"[1,\\\"b\\\"]\"",
         "x.h5: is an HDF5 file without weights where Keras keeps them; save it by model.save_weights"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_bad_names(&planned.model, bad[i].texts, bad[i].message);
    text_add(&texts, "\"@layer_names\":\"[");
    text_repeat(&texts, "0,", 3000000);
    text_add(&texts, "0]\"");
    expect_bad_names(&planned.model, texts.bytes,
                     "x.h5: has longer lists of names than any model: the file is damaged; save or copy it again");
    text_free(&texts);
    drop(&planned);
}

/* Tensors that only begin as Keras names them are none of its, and one more than the model has does not fit. */
static void names_of_keras_3(void **state) {
    (void)state;
    static const char *const names[] = {"layers/dense/vars/0",  "layers/dense/vars/1", "layers/flatten/vars/0",
                                        "layers/dense/other/0", "layers/dense/vars/x", "layers/dense/vars/#",
                                        "layers/dense/vars/0x", "layers/dense/vars/99"};
    struct planned planned;
    struct safetensors tree;
    struct text file = {0};
    struct error error = {0};
    plan(&planned, "[1, 1, 1]", "{'type': 'Flatten'}, {'type': 'Dense', 'units': 1}");
    text_add(&file, "        {");
    for (int i = 0; i < 8; i++)
        text_print(&file, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}", i ? "," : "", names[i],
                   i ? "[1]" : "[1,1]", 4 * i, 4 * i + 4);
    text_add(&file, "}");
    const uint64_t header = file.length - sizeof header;
    memcpy(file.bytes, &header, sizeof header);
    text_add_bytes(&file, (const char[32]){0}, 32);
    assert_int_equal(safetensors_parse("x.h5", file.bytes, file.length, &tree, &error), 0);
    assert_int_equal(keras_weights_assign(&tree, &planned.model, &error), 0);
    assert_string_equal(tree.tensors[0].name, "dense/kernel");
    assert_string_equal(tree.tensors[1].name, "dense/bias");
    for (int i = 2; i < 8; i++) assert_string_equal(tree.tensors[i].name, names[i]);
    safetensors_free(&tree);
    drop(&planned);
}

/* An archive of this model, with the weights of `counted` and, unless NULL, this metadata. */
static void write_archive(const char *path, char *model, const char *weights, char *metadata) {
    struct error error = {0};
    size_t length = 0, archive_length = 0;
    char *bytes = NULL, *archive = NULL;
    assert_int_equal(file_read(weights, PTRDIFF_MAX - 1, &bytes, &length, &error), 0);
    const struct zip_member members[] = {
        {.name = "model.weights.h5", .bytes = bytes, .length = length},
        {.name = "config.json", .bytes = model, .length = strlen(model)},
        {.name = "metadata.json", .bytes = metadata, .length = metadata ? strlen(metadata) : 0}};
    assert_int_equal(zip_write(path, members, metadata ? 3 : 2, &archive, &archive_length, &error), 0);
    const struct file_piece piece = {archive, archive_length};
    assert_int_equal(file_replace(path, &piece, 1, &error), 0);
    free(archive);
    free(bytes);
}

#define CONV(name, more) "{'class_name':'Conv2D','config':{'name':'" name "','filters':2,'kernel_size':3" more "}}"
#define START(shape) CONV("conv2d_2", ",'strides':2,'padding':'same','batch_input_shape':" shape)
#define MODEL(shape, end)                                                                                              \
    "{'class_name':'Sequential','config':[" START(shape) "," CONV("conv2d_3",                                          \
                                                                  "") ",{'class_name':'Flatten','config':{}}" end "]}"
#define DENSE(more) ",{'class_name':'Dense','config':{'name':'d','units':3" more "}}"
#define SIXES "[null,6,6,1]"

static void fill_nothing(struct hdf5_writer *writer, const void *context) {
    (void)context;
    hdf5_group(writer, "layers");
}

static void archives_of_no_model(void **state) {
    (void)state;
    static const char weights[] = GOLDEN "counted.weights.h5";
    static const struct {
        const char *model, *weights, *metadata, *message;
        enum error_code code;
    } bad[] = {
        {"{", weights, NULL,
         "line 1, column 1: not valid JSON here; look for a missing comma, quote or bracket at or "
         "before this place",
         ERROR_DATA},
        {"{'class_name':'Sequential','config':[{'class_name':'Flatten'}]}", weights, NULL,
         "does not say the shape of its input; build the model, then save it", ERROR_DATA},
        {MODEL(SIXES, DENSE("")), weights, "{'cnntrain':{'config':5}}",
         "has a config that is no object; save or copy it again", ERROR_DATA},
        {MODEL(SIXES, DENSE("")), weights, "{'cnntrain':{}}",
         "has an input shape or metadata that cannot be used; train the model again", ERROR_DATA},
        {MODEL(SIXES, DENSE("")), weights, "{",
         "line 1, column 1: not valid JSON here; look for a missing comma, quote or "
         "bracket at or before this place",
         ERROR_DATA},
        {MODEL("[null,0,6,1]", DENSE("")), weights, NULL,
         "has an input shape or metadata that cannot be used; train the model again", ERROR_DATA},
        {MODEL("[null,6,6,9]", DENSE("")), weights, NULL,
         "has an input shape or metadata that cannot be used; train the model again", ERROR_DATA},
        {MODEL("[null,2,2,1]", DENSE("")), weights, NULL, "", ERROR_CONFIG},
        {"{'class_name':'Sequential','config':[" START(SIXES) "]}", weights, NULL,
         "gives (3,3,2) for an image; a model with a number for each class is needed, so end it with Flatten and Dense",
         ERROR_DATA},
        {MODEL(SIXES, DENSE(",'activation':'relu'")), weights, NULL,
         "ends in layer \"d\" with the activation relu, which gives no probabilities of classes; end it in softmax, or "
         "without an activation for logits",
         ERROR_CONFIG},
        {MODEL(SIXES, ",{'class_name':'Dense','config':{'name':'d','units':1}}"), weights, NULL,
         "ends in layer \"d\" with a single output; two classes need two, with a softmax", ERROR_CONFIG},
        {MODEL(SIXES, DENSE("")), "", NULL,
         "is an HDF5 file without weights where Keras keeps them; save it by model.save_weights", ERROR_DATA},
    };
    char *folder = expect_folder(), *path = expect_path(folder, "m.keras"), *hollow = expect_path(folder, "w.h5");
    size_t length = 0;
    char *bytes = NULL;
    struct error error = {0};
    assert_int_equal(hdf5_write("w.h5", fill_nothing, NULL, &bytes, &length, &error), 0);
    const struct file_piece piece = {bytes, length};
    assert_int_equal(file_replace(hollow, &piece, 1, &error), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct saved_model saved;
        char *model = tiny_json(bad[i].model), *metadata = bad[i].metadata ? tiny_json(bad[i].metadata) : NULL;
        write_archive(path, model, *bad[i].weights ? bad[i].weights : hollow, metadata);
        assert_int_equal(saved_model_open(&saved, path, false, &request, &error), -1);
        if (error.code != bad[i].code || (*bad[i].message && strcmp(error.message, bad[i].message) != 0))
            fail_msg("%zu: code %d, %s: %s", i, (int)error.code, error.path, error.message);
        error_clear(&error);
        free(model);
        free(metadata);
    }
    struct planned planned;
    plan(&planned, "[6, 6, 1]", COUNTED "{'type': 'Dense', 'units': 3}");
    assert_int_equal(model_load_weights(&planned.model, hollow, NULL, &error), -1);
    assert_int_equal(error.code, ERROR_DATA);
    error_clear(&error);
    drop(&planned);
    char *model = tiny_json(MODEL(SIXES, DENSE("")));
    const struct zip_member member = {.name = "config.json", .bytes = model, .length = strlen(model)};
    free(bytes);
    assert_int_equal(zip_write(path, &member, 1, &bytes, &length, &error), 0);
    const struct file_piece archive = {bytes, length};
    assert_int_equal(file_replace(path, &archive, 1, &error), 0);
    struct saved_model saved;
    assert_int_equal(saved_model_open(&saved, path, false, &request, &error), -1);
    assert_string_equal(error.message,
                        "is a zip archive without model.weights.h5, so no model of Keras; name a .keras file");
    free(model);
    free(bytes);
    free(path);
    free(hollow);
    expect_folder_gone(folder);
}

static void fill_bad_facts(struct hdf5_writer *writer, const void *context) {
    hdf5_group(writer, "model_weights");
    hdf5_text(writer, "/", "model_config", context);
    hdf5_text(writer, "/", "cnntrain", "{");
}

static void facts_that_are_no_json(void **state) {
    (void)state;
    char *folder = expect_folder(), *path = expect_path(folder, "m.h5"), *model = tiny_json(MODEL(SIXES, DENSE("")));
    char *bytes = NULL, expected[512];
    size_t length = 0;
    struct error error = {0};
    struct saved_model saved;
    assert_int_equal(hdf5_write(path, fill_bad_facts, model, &bytes, &length, &error), 0);
    const struct file_piece piece = {bytes, length};
    assert_int_equal(file_replace(path, &piece, 1, &error), 0);
    assert_int_equal(saved_model_open(&saved, path, false, &request, &error), -1);
    snprintf(expected, sizeof expected,
             "%s: line 1, column 1: not valid JSON here; look for a missing comma, quote or bracket at or before this "
             "place",
             path);
    expect_error(&error, ERROR_DATA, expected);
    free(bytes);
    free(model);
    free(path);
    expect_folder_gone(folder);
}

/* ---- writing ---- */

static cJSON *read_golden(void) {
    struct error error = {0};
    cJSON *json = json_read_file("tests/golden/keras_json/every_layer.keras3.json", JSON_SIZE_MAX, &error);
    expect_no_error(&error);
    return json;
}

/* The document that keras_read_model makes of the JSON. */
static cJSON *understood(const cJSON *json) {
    struct error error = {0};
    const struct place place = place_document("k.json");
    cJSON *document = keras_read_model(json, &place, &test_registries, &error);
    expect_no_error(&error);
    return document;
}

static void plan_document(struct planned *planned, const cJSON *document) {
    struct error error = {0};
    struct shape shape = {0};
    char *text = cJSON_PrintUnformatted(document);
    config_parse(&planned->config, text, "k.json", &request, &error);
    expect_no_error(&error);
    config_input_shape(&planned->config, &shape, &shape, &error);
    model_plan(&planned->model, &planned->config, &shape, &error);
    expect_no_error(&error);
    free(text);
}

/* What differs between Keras' own config of a layer and ours: only seeds, and nulls that mean nothing. */
static void expect_config_of_keras(const cJSON *keras, const cJSON *ours) {
    for (const cJSON *value = ours->child; value; value = value->next) {
        const cJSON *theirs = cJSON_GetObjectItemCaseSensitive(keras, value->string);
        if (!theirs || cJSON_IsObject(value) || cJSON_IsArray(value) || cJSON_IsArray(theirs)) continue;
        if (strcmp(value->string, "activation") != 0 && !cJSON_Compare(theirs, value, true))
            fail_msg("%s: %s", value->string, cJSON_PrintUnformatted(value));
    }
}

/* Every layer of Keras' file, read, written, and read again. */
static void json_goes_there_and_back(void **state) {
    (void)state;
    struct planned planned, again;
    struct error error = {0};
    cJSON *golden = read_golden(), *first = understood(golden);
    plan_document(&planned, first);
    cJSON *written = keras_write_model(&planned.model, &test_registries, false, &error);
    expect_no_error(&error);
    cJSON *second = understood(written);
    plan_document(&again, second);
    cJSON *rewritten = keras_write_model(&again.model, &test_registries, false, &error);
    assert_true(cJSON_Compare(written, rewritten, true));
    const cJSON *theirs = cJSON_GetObjectItem(cJSON_GetObjectItem(golden, "config"), "layers")->child;
    const cJSON *ours = cJSON_GetObjectItem(cJSON_GetObjectItem(written, "config"), "layers")->child;
    for (; theirs && ours; theirs = theirs->next, ours = ours->next) {
        assert_string_equal(cJSON_GetObjectItem(ours, "class_name")->valuestring,
                            cJSON_GetObjectItem(theirs, "class_name")->valuestring);
        expect_config_of_keras(cJSON_GetObjectItem(theirs, "config"), cJSON_GetObjectItem(ours, "config"));
    }
    assert_true(!theirs && !ours);
    cJSON_Delete(rewritten);
    cJSON_Delete(second);
    cJSON_Delete(written);
    cJSON_Delete(first);
    cJSON_Delete(golden);
    drop(&planned);
    drop(&again);
}

/* Where the weights go along, what they were at first is no matter. */
static void initializers_that_keras_does_not_have(void **state) {
    (void)state;
    struct planned planned;
    struct error error = {0};
    plan(&planned, "[8, 8, 3]",
         "{'type': 'Conv2D', 'filters': 1, 'kernel_size': 3, 'kernel_initializer': {'type': 'Fixed', 'preset': "
         "'blur'}}");
    cJSON *written = keras_write_model(&planned.model, &test_registries, true, &error);
    expect_no_error(&error);
    char *text = cJSON_PrintUnformatted(written);
    assert_non_null(strstr(text, "\"kernel_initializer\":{\"module\":\"keras.initializers\",\"class_name\":\"Zeros\""));
    assert_null(keras_write_model(&planned.model, &test_registries, false, &error));
    expect_error(
        &error, ERROR_CONFIG,
        "layer \"conv2d\": kernel_initializer: Keras has no Fixed; leave it out, or convert to a format that is "
        "not Keras'");
    free(text);
    cJSON_Delete(written);
    drop(&planned);
}

static void expect_unwritten(const char *layers, const char *message) {
    struct planned planned;
    struct error error = {0};
    plan(&planned, "[8, 8, 3]", layers);
    assert_null(keras_write_model(&planned.model, &test_registries, false, &error));
    expect_error(&error, ERROR_CONFIG, message);
    drop(&planned);
}

static void what_keras_does_not_have(void **state) {
    (void)state;
    expect_unwritten("{'type': 'SumPooling2D', 'name': 'sums'}",
                     "layer \"sums\": Keras has no SumPooling2D; leave it out, or convert to a format that is not "
                     "Keras'");
    expect_unwritten(
        "{'type': 'Conv2D', 'filters': 2, 'kernel_size': 2, 'activation': {'type': 'gelu', 'approximate': true}}",
        "layer \"conv2d\": activation: Keras has no gelu with other than its own settings; leave it out, or "
        "convert to a format that is not Keras'");
}

/* How something is computed is no part of a model; an activation with settings is a layer of its own in Keras. */
static void what_is_said_in_another_way(void **state) {
    (void)state;
    struct planned planned;
    struct error error = {0};
    plan(&planned, "[8, 8, 3]",
         "{'type': 'Conv2D', 'filters': 2, 'kernel_size': 3, 'algorithm': 'direct', 'activation': "
         "{'type': 'leaky_relu', 'negative_slope': 0.125}}");
    cJSON *written = keras_write_model(&planned.model, &test_registries, false, &error);
    expect_no_error(&error);
    char *text = cJSON_PrintUnformatted(written);
    assert_null(strstr(text, "algorithm"));
    assert_non_null(strstr(text, "\"activation\":{\"module\":\"keras.layers\",\"class_name\":\"LeakyReLU\",\"config\":"
                                 "{\"negative_slope\":0.125}"));
    free(text);
    cJSON_Delete(written);
    drop(&planned);
}

/* Each whole form, written from a model that Keras saved, is the same model again. */
static void whole_models_go_there_and_back(void **state) {
    (void)state;
    static const char *const forms[] = {"keras", "keras-h5", "safetensors"};
    char *folder = expect_folder(), *path = expect_path(folder, "m");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct saved_model saved, again;
        struct error error = {0};
        struct text remarks = {0};
        open_model(&saved, GOLDEN "mixed.keras");
        char *text = config_text(&saved.config, &test_registries, &error);
        const struct model_facts facts = {text, saved.normalization, 5, NULL};
        const struct exchange exchange = {.model = &saved.model,
                                          .facts = &facts,
                                          .registries = &test_registries,
                                          .version = "0",
                                          .remarks = &remarks};
        exchange_named(forms[i])->write(&exchange, path, &error);
        expect_no_error(&error);
        open_model(&again, path);
        expect_same_weights(&saved.model, &again.model);
        assert_false(again.normalization_guessed);
        assert_true(again.normalization.scale == 1);
        free(text);
        saved_model_free(&saved);
        saved_model_free(&again);
    }
    free(path);
    expect_folder_gone(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_hold_the_same),
        cmocka_unit_test(facts_that_keras_does_not_know),
        cmocka_unit_test(weights_that_fit_go_by_their_place),
        cmocka_unit_test(other_weights_go_by_name),
        cmocka_unit_test(files_without_a_model),
        cmocka_unit_test(heaps_without_end),
        cmocka_unit_test(names_of_no_model),
        cmocka_unit_test(names_of_keras_3),
        cmocka_unit_test(archives_of_no_model),
        cmocka_unit_test(facts_that_are_no_json),
        cmocka_unit_test(json_goes_there_and_back),
        cmocka_unit_test(initializers_that_keras_does_not_have),
        cmocka_unit_test(what_keras_does_not_have),
        cmocka_unit_test(what_is_said_in_another_way),
        cmocka_unit_test(whole_models_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
