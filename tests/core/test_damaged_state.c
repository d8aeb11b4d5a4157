/* A checkpoint with a right checksum whose training state is not one: every field is missed, every value out of range
 * refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/interop/safetensors.h"
#include "core/json.h"
#include "core/training_state.h"
#include "tests/support/expect.h"
#include "tests/support/threads.h"
#include "tests/support/training_case.h"
#include "tests/support/tree.h"

enum { TENSORS_MAX = 64, METADATA_MAX = 16 };

static const struct tiny_setup setup = {
    .model = "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
    .training = "{'epochs': 2, 'batch_size': 8, 'optimizer': 'Adam', 'callbacks': [{'type': 'EarlyStopping', "
                "'monitor': 'loss', 'patience': 5}]}",
    .train = 16,
    .threads = 1};

/* A finished training's checkpoint. */
struct world {
    char *folder, *path;
    struct safetensors file;
};

static int open_world(void **state) {
    struct world *world = calloc(1, sizeof *world);
    struct error error = {0};
    struct watch watch = {0};
    if (!world) return -1;
    world->folder = expect_folder();
    world->path = expect_path(world->folder, "last.safetensors");
    training_run(&setup, world->folder, &watch, false, ERROR_NONE);
    *state = world;
    return safetensors_read(world->path, &world->file, &error);
}

static int close_world(void **state) {
    struct world *world = *state;
    safetensors_free(&world->file);
    free(world->path);
    tree_gone(world->folder);
    free(world);
    return 0;
}

/* The same checkpoint with another training state. */
static void write_state(const struct world *world, const char *training) {
    struct safetensors_source tensors[TENSORS_MAX];
    struct safetensors_pair metadata[METADATA_MAX];
    struct error error = {0};
    assert_true(world->file.tensor_count <= TENSORS_MAX && world->file.metadata_count <= METADATA_MAX);
    for (size_t i = 0; i < world->file.tensor_count; i++) {
        const struct safetensors_tensor *from = &world->file.tensors[i];
        tensors[i] = (struct safetensors_source){from->name, {from->rank, {0}}, from->data};
        for (int k = 0; k < from->rank; k++) tensors[i].shape.size[k] = (int)from->shape[k];
    }
    for (size_t i = 0; i < world->file.metadata_count; i++) {
        metadata[i] = world->file.metadata[i];
        if (strcmp(metadata[i].key, "training") == 0) metadata[i].value = training;
    }
    safetensors_write(world->path, tensors, world->file.tensor_count, metadata, world->file.metadata_count, &error);
    expect_no_error(&error);
}

static void resume(const struct world *world, const char *training, enum error_code code) {
    struct training opened;
    struct watch watch = {0};
    struct error error = {0};
    write_state(world, training);
    training_open(&opened, &setup, world->folder, &watch, &error);
    expect_no_error(&error);
    assert_int_equal(trainer_resume(opened.trainer, opened.last, false, &error), code == ERROR_NONE ? 0 : -1);
    assert_int_equal(error.code, code);
    training_close(&opened);
}

static cJSON *state_of(const struct world *world) {
    const char *text = safetensors_metadata(&world->file, "training");
    cJSON *json = text ? cJSON_Parse(text) : NULL;
    assert_non_null(json);
    return json;
}

static void resume_json(const struct world *world, cJSON *json, enum error_code code) {
    char *text = cJSON_PrintUnformatted(json);
    assert_non_null(text);
    resume(world, text, code);
    cJSON_free(text);
    cJSON_Delete(json);
}

static void test_unchanged(void **state) {
    const struct world *world = *state;
    resume_json(world, state_of(world), ERROR_NONE);
}

static void test_no_state(void **state) {
    const struct world *world = *state;
    resume(world, "[]", ERROR_DATA);
    resume(world, "7", ERROR_DATA);
    resume(world, "{}", ERROR_DATA);
    resume(world, "{\"epoch\": ", ERROR_DATA);
    resume(world, "", ERROR_DATA);
}

static void test_no_images(void **state) {
    (void)state;
    struct tiny tiny;
    struct training_state training;
    struct error error = {0};
    tiny_open(&tiny, &setup);
    const struct dataset none = {.height = TINY_SIDE, .width = TINY_SIDE, .channels = 2};
    assert_int_equal(training_state_open(&training, &tiny.model, &tiny.config, &none, NULL, &error), -1);
    assert_int_equal(error.code, ERROR_DATA);
    assert_string_equal(error.message, "there are no training images; give data that have some");
    assert_null(training.kept);
    tiny_close(&tiny);
}

/* Only "stopped" may be missing: it is then false. */
static void test_missing_fields(void **state) {
    const struct world *world = *state;
    cJSON *whole = state_of(world);
    int fields = 0;
    for (const cJSON *field = whole->child; field; field = field->next, fields++) {
        cJSON *json = state_of(world);
        cJSON_DeleteItemFromObjectCaseSensitive(json, field->string);
        enum error_code code = ERROR_DATA;
        if (strcmp(field->string, "stopped") == 0) code = ERROR_NONE;
        if (strcmp(field->string, "callbacks") == 0) code = ERROR_DATA;
        resume_json(world, json, code);
    }
    assert_true(fields >= 12);
    cJSON_Delete(whole);
}

/* Values of another type, negative, broken, too large; an iteration that is not that of the epoch and step. */
static void test_wrong_values(void **state) {
    const struct world *world = *state;
    static const char *const counts[] = {"epoch", "step",       "iteration", "correct",
                                         "seen",  "best_epoch", "images",    "batch_size"};
    static const char *const values[] = {"\"1\"", "null", "-1", "0.5", "1e300", "true", "[1]"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            cJSON *json = state_of(world);
            cJSON_ReplaceItemInObjectCaseSensitive(json, counts[i], cJSON_Parse(values[k]));
            resume_json(world, json, ERROR_DATA);
        }
    static const struct {
        const char *key, *value;
    } others[] = {{"loss", "0.5"},
                  {"loss", "\"x\""},
                  {"loss", "\"\""},
                  {"optimizer", "5"},
                  {"history", "\"0123456789abcdef0123456789abcdef0\""},
                  {"iteration", "3"},
                  {"step", "3"},
                  {"correct", "17"},
                  {"images", "15"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cJSON *json = state_of(world);
        cJSON_ReplaceItemInObjectCaseSensitive(json, others[i].key, cJSON_Parse(others[i].value));
        resume_json(world, json, ERROR_DATA);
    }
}

int main(int argc, char **argv) {
    (void)argc;
    threads_wait_asleep(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unchanged),      cmocka_unit_test(test_no_images),    cmocka_unit_test(test_no_state),
        cmocka_unit_test(test_missing_fields), cmocka_unit_test(test_wrong_values),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
