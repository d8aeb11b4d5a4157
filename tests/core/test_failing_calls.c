/* Every allocation and every call for a file that reading and writing a run's files makes, failing once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checkpoint.h"
#include "core/checkpoint_keep.h"
#include "core/config.h"
#include "core/history.h"
#include "core/interop/keras_model.h"
#include "core/model_file.h"
#include "core/training_state.h"
#include "tests/support/failing.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"
#include "tests/support/tree.h"

static int open_world(void **state) {
    *state = expect_folder();
    return 0;
}

static int close_world(void **state) {
    tree_gone(*state);
    return 0;
}

static char *write_file(const char *folder, const char *name, const char *text) {
    tree_write(folder, name, text);
    return expect_path(folder, name);
}

/* All that writers of files call beside what readers do. A signal in a read or a write is no failure. */
static void failing_write(const struct failing_work *work) {
    failing_read(work);
    failing_each(work, "write", ENOSPC, ERROR_IO);
    failing_each(work, "sync", EIO, ERROR_IO);
    failing_each(work, "rename", EIO, ERROR_IO);
    failing_each(work, "remove", EIO, ERROR_IO);
    failing_each(work, "close", EIO, ERROR_IO);
    failing_each(work, "write", EINTR, ERROR_NONE);
    failing_each(work, "read", EINTR, ERROR_NONE);
}

/* ---- configs ---- */

static const struct config_override overrides[] = {{"training.epochs", "3"},
                                                   {"training.shuffle", "false"},
                                                   {"name", "x"},
                                                   {"training.optimizer", "adam"},
                                                   {"training.optimizer.learning_rate", "0.5"},
                                                   {"data.resize", "[8, 8]"}};

static int read_config(void *context, struct error *error) {
    const struct config_request *request = context;
    struct config config;
    if (config_read(&config, request, error) != 0) return -1;
    int status = config_locate_data(&config, "/nowhere", false, error);
    char *text = status == 0 ? config_text(&config, request->registries, error) : NULL;
    free(text);
    config_free(&config);
    return text ? 0 : -1;
}

static void test_config(void **state) {
    failing_needed();
    tree_write(
        *state, "base.jsonc",
        "{ // a comment\n\"data\": {\"source\": \"csv\", \"path\": \"a.csv\", \"augment\": [\"RandomFlip\"]},"
        "\"model\": [{\"type\": \"Conv2D\", \"filters\": 2, \"kernel_size\": [3, 3], \"strides\": 1, "
        "\"kernel_initializer\": {\"type\": \"Fixed\", \"values\": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}},"
        "{\"type\": \"Conv2D\", \"filters\": 2, \"kernel_size\": 3, \"kernel_initializer\": {\"type\": \"Fixed\", "
        "\"preset\": [\"sobel_x\", \"sobel_y\"]}},"
        "{\"repeat\": 2, \"layers\": [{\"type\": \"Residual\", \"layers\": [{\"type\": \"ZeroPadding2D\", "
        "\"padding\": [[1, 1], [2, 2]]}]}]}, \"Flatten\", {\"type\": \"Dense\", \"units\": 10, "
        "\"kernel_initializer\": {\"type\": \"Constant\", \"value\": 1}}]}");
    tree_write(*state, "a.csv", "");
    char *path = write_file(
        *state, "child.json",
        "{\"extends\": \"base\", \"input_shape\": [8, 8, 1], \"training\": {\"callbacks\": "
        "[\"EarlyStopping\"], \"freeze\": [\"a\", \"b\"], \"schedule\": {\"type\": \"step\", \"step_epochs\": 2}}}");
    const struct config_search search = {{*state}};
    struct config_request request = {
        .path = path, .registries = &test_registries, .search = &search, .overrides = overrides, .override_count = 6};
    failing_read(&(struct failing_work){.name = "a config", .run = read_config, .context = &request});
    request.data_spec = "synth";
    request.path = "child"; /* in the search folder */
    failing_read(&(struct failing_work){.name = "a config with other data", .run = read_config, .context = &request});
    free(path);
}

/* What takes its data and its model from elsewhere, and of that less than all. */
static void test_config_pieces(void **state) {
    failing_needed();
    static const struct foreign_models keras = {keras_is_model, keras_read_model};
    tree_write(*state, "keras.json",
               "{\"class_name\": \"Sequential\", \"config\": [{\"class_name\": \"Flatten\", \"config\": "
               "{\"batch_input_shape\": [null, 8, 8, 1]}}]}");
    tree_write(*state, "a.npy", "");
    char *path = write_file(*state, "c", "{\"model\": \"keras.json\"}"), *file = expect_path(*state, "keras.json");
    char *spec = expect_path(*state, "a.npy,b.npy"), *model = expect_path(*state, "keras.json");
    struct text data = {0};
    text_print(&data, "npy:%s", spec);
    const struct config_override model_file[] = {{"seed", "3"}, {"training.epochs", "2"}};
    struct config_request request = {.path = path,
                                     .registries = &test_registries,
                                     .foreign = &keras,
                                     .data_spec = data.bytes,
                                     .overrides = model_file,
                                     .override_count = 2};
    failing_read(&(struct failing_work){.name = "a config of Keras", .run = read_config, .context = &request});
    request.path = file; /* the document is a model itself */
    failing_read(&(struct failing_work){.name = "a model of Keras", .run = read_config, .context = &request});
    text_free(&data);
    text_print(&data, "{\"model\": \"%s\"}", model);
    tree_write(*state, "d", data.bytes);
    request.path = spec;
    strcpy(strrchr(spec, '/') + 1, "d");
    request.data_spec = "npy:/nowhere/a.npy";
    failing_read(&(struct failing_work){.name = "a config with a path", .run = read_config, .context = &request});
    text_free(&data);
    free(path);
    free(file);
    free(spec);
    free(model);
}

/* Refusals whose sentences take memory, too: the code is the config's, or that of a failure. */
static int refuse_configs(void *context, struct error *error) {
    static const char *const texts[] = {
        "{\"training\": {\"epochs\": \"x\"}, \"model\": []}",
        "{\"zzzzzzzzzzzz\": 1}",
        "{\"model\": [{\"type\": \"qqqqqqqqqqqq\"}]}",
        "{\"model\": [{}]}",
        "[",
        "{\"model\": \"x.json\"}",
        "{\"model\": [{\"type\": \"SeparableConv2D\", \"zzzzzzzzzzzz\": 1}]}",
    };
    const struct config_request *request = context;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config config;
        struct error inner = {0};
        if (config_parse(&config, texts[i], "c.json", request, &inner) == 0)
            return error_set(error, ERROR_DATA, "c", "?");
        if (inner.code != ERROR_CONFIG && inner.code != ERROR_IO)
            return error_set(error, inner.code, inner.path, "%s", inner.message);
    }
    return 0;
}

static int parse_config(void *context, struct error *error) {
    struct config config;
    if (config_parse(&config, "{\"model\": []}", "c.json", context, error) != 0) return -1;
    config_free(&config);
    return 0;
}

static int miss_config(void *context, struct error *error) {
    struct error inner = {0};
    const struct config_request *request = context;
    char *found = config_find(request->path, request->search, &inner);
    free(found);
    if (inner.code == ERROR_IO) return 0;
    return error_set(error, inner.code, inner.path, "%s", inner.message);
}

static int make_schema(void *context, struct error *error) {
    cJSON *schema = config_schema(context);
    if (!schema) return error_set(error, ERROR_RUN, NULL, "not enough memory for the schema");
    cJSON_Delete(schema);
    return 0;
}

static void test_refused_configs(void **state) {
    failing_needed();
    static const struct foreign_models keras = {keras_is_model, keras_read_model};
    struct config_request request = {.registries = &test_registries, .foreign = &keras};
    failing_each(&(struct failing_work){.name = "parsing", .run = parse_config, .context = &request}, "memory", ENOMEM,
                 ERROR_RUN);
    struct failing_work refusing = {.name = "refusing", .run = refuse_configs, .context = &request};
    failing_each(&refusing, "memory", ENOMEM, ERROR_RUN);
    refusing.last = 100;
    failing_each(&refusing, "memory", ENOMEM, ERROR_RUN);
    tree_write(*state, "base.json", "{}");
    const struct config_search search = {{*state}};
    request.search = &search;
    request.path = "bsae";
    failing_each(&(struct failing_work){.name = "a slip", .run = miss_config, .context = &request}, "memory", ENOMEM,
                 ERROR_RUN);
    struct failing_work schema = {
        .name = "a schema", .run = make_schema, .context = (void *)(uintptr_t)&test_registries, .calls = 400};
    failing_each(&schema, "memory", ENOMEM, ERROR_RUN);
    schema.calls = 0;
    schema.last = 100;
    failing_each(&schema, "memory", ENOMEM, ERROR_RUN);
}

/* ---- the history ---- */

static int read_history(void *context, struct error *error) {
    struct history history;
    char digits[CHECKSUM_DIGITS + 1];
    if (history_read(context, &history, error) != 0) return -1;
    const int status = history_checksum(&history, digits, error);
    history_free(&history);
    return status;
}

static int write_history(void *context, struct error *error) {
    struct history history = {0};
    struct history_row row = {.epoch = 1, .loss = 0.5};
    int status = history_add(&history, &row, error);
    if (status == 0) status = history_write(context, &history, error);
    row.epoch = 2;
    if (status == 0) status = history_append(context, &row, error);
    history_free(&history);
    return status;
}

static void test_history(void **state) {
    failing_needed();
    char *path = expect_path(*state, "history.csv");
    failing_write(&(struct failing_work){.name = "writing a history", .run = write_history, .context = path});
    failing_read(&(struct failing_work){.name = "reading a history", .run = read_history, .context = path});
    free(path);
}

/* ---- checkpoints ---- */

static float kernel[6] = {1, 2, 3, 4, 5, 6};
static const struct checkpoint_tensor tensors[] = {{"dense/kernel", {2, {3, 2}}, kernel}};

static int save_checkpoint(void *context, struct error *error) {
    const struct safetensors_pair metadata[] = {{"epoch", "3"}};
    return checkpoint_save(context, tensors, 1, metadata, 1, error);
}

static int load_checkpoint(void *context, struct error *error) {
    float bias[1] = {0};
    const struct checkpoint_tensor wanted[] = {tensors[0], {"dense/bias", {1, {1}}, bias}};
    struct text report = {0};
    const int status = checkpoint_load_into(context, wanted, 2, CHECKPOINT_LENIENT, &report, error);
    text_free(&report);
    return status;
}

static int keep_checkpoint(void *context, struct error *error) {
    for (int64_t step = 1; step <= 3; step++)
        if (checkpoint_keep(context, step, 2, error) != 0) return -1;
    return 0;
}

static void test_checkpoint(void **state) {
    failing_needed();
    char *path = expect_path(*state, "last.safetensors");
    failing_write(&(struct failing_work){.name = "saving", .run = save_checkpoint, .context = path});
    failing_read(&(struct failing_work){.name = "loading", .run = load_checkpoint, .context = path});
    failing_write(&(struct failing_work){.name = "keeping", .run = keep_checkpoint, .context = path});
    free(path);
}

/* What an error says about tensors takes memory, too. */
static int refuse_checkpoint(void *context, struct error *error) {
    float weights[6];
    const struct checkpoint_tensor others[] = {{"dense/kernel", {2, {2, 3}}, weights}, {"x", {1, {6}}, weights}};
    struct error inner = {0};
    assert_int_equal(checkpoint_load_into(context, others + 1, 1, CHECKPOINT_STRICT, NULL, &inner), -1);
    if (inner.code != ERROR_DATA) return error_set(error, inner.code, inner.path, "%s", inner.message);
    error_clear(&inner);
    assert_int_equal(checkpoint_load_into(context, others, 1, CHECKPOINT_STRICT, NULL, &inner), -1);
    return inner.code == ERROR_DATA ? 0 : error_set(error, inner.code, inner.path, "%s", inner.message);
}

static void test_refused_checkpoint(void **state) {
    failing_needed();
    char *path = expect_path(*state, "last.safetensors");
    struct error error = {0};
#define LONG_NAME "a_layer_whose_name_is_so_long_that_a_list_of_three_takes_more_than_the_room_that_a_text_begins_with"
    static const struct checkpoint_tensor many[] = {{"dense/kernel", {2, {3, 2}}, kernel},
                                                    {LONG_NAME "/kernel", {1, {6}}, kernel},
                                                    {LONG_NAME "/bias", {1, {6}}, kernel},
                                                    {LONG_NAME "/gamma", {1, {6}}, kernel}};
    assert_int_equal(checkpoint_save(path, many, 4, NULL, 0, &error), 0);
    failing_read(&(struct failing_work){.name = "refusing", .run = refuse_checkpoint, .context = path});
    free(path);
}

/* ---- a training's state ---- */

struct stage {
    struct tiny tiny;
    char *path, *config;
};

static int save_and_load_state(void *context, struct error *error) {
    struct stage *stage = context;
    static char *names[] = {"a", "b", "c"};
    const struct model_facts facts = {stage->config, stage->tiny.normalization, TINY_CLASSES, names};
    struct training_state state;
    if (training_state_open(&state, &stage->tiny.model, &stage->tiny.config, &stage->tiny.splits.train, NULL, error) !=
        0)
        return -1;
    int status = training_state_save(&state, stage->path, &facts, error);
    if (status == 0) status = training_state_load(&state, stage->path, false, error);
    training_state_close(&state);
    return status;
}

static int open_run(void *context, struct error *error) {
    static const struct config_request request = {.registries = &test_registries};
    struct saved_model saved;
    if (saved_model_open(&saved, context, true, &request, error) != 0) return -1;
    saved_model_free(&saved);
    return 0;
}

static void test_training_state(void **state) {
    failing_needed();
    const struct tiny_setup setup = {
        .training = "{'batch_size': 8, 'optimizer': 'Adam', 'callbacks': [{'type': 'EarlyStopping', 'monitor': 'loss', "
                    "'restore_best_weights': true}]}",
        .model = "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
        .train = 16};
    struct stage stage = {.path = expect_path(*state, "last.safetensors"), .config = tiny_config_text(&setup)};
    tiny_open(&stage.tiny, &setup);
    failing_write(&(struct failing_work){.name = "a training's state", .run = save_and_load_state, .context = &stage});
    failing_read(&(struct failing_work){.name = "a run's folder", .run = open_run, .context = *state});
    tiny_close(&stage.tiny);
    free(stage.path);
    free(stage.config);
}

int main(int count, char **arguments) {
    (void)count;
    failing_begin(arguments);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_config, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_config_pieces, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_refused_configs, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_history, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_checkpoint, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_refused_checkpoint, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_training_state, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
