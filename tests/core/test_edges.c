/* What configs, and the files of a run, allow and forbid at their edges. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/file.h"
#include "core/history.h"
#include "core/interop/safetensors.h"
#include "core/predictions.h"
#include "core/text.h"
#include "tests/support/paints.h"
#include "tests/support/registries.h"

/* ---- fields ---- */

static void refused(struct world *world, const char *text, const char *message) {
    assert_int_equal(read_wall(world, text), -1);
    expect_error(&world->error, ERROR_CONFIG, message);
}

static void test_wrong_types(void **state) {
    struct world *world = *state;
    refused(world, "{\"filters\": 1, \"sizes\": [-2147483649]}",
            "cfg.json: sizes[0]: must be an integer; got -2147483649");
    refused(world, "{\"filters\": 1, \"sizes\": 3}", "cfg.json: sizes: must be a list of integers; got 3");
    refused(world, "{\"filters\": 1, \"padding\": 5}", "cfg.json: padding: must be one of valid, same; got 5");
    refused(world, "{\"filters\": 1, \"weights\": true}", "cfg.json: weights: must be a list of numbers; got true");
    refused(world, "{\"filters\": 1, \"weights\": [null]}",
            "cfg.json: weights[0]: must be a number; got null");
    refused(world, "{\"filters\": 1, \"words\": \"a\"}", "cfg.json: words: must be a list of strings; got \"a\"");
    refused(world, "{\"filters\": 1, \"coats\": {}}", "cfg.json: coats: must be a list of paints; got an object");
    refused(world, "{\"filters\": 1, \"kernel_size\": [3, 2.5]}",
            "cfg.json: kernel_size[1]: must be an integer, 1 or more; got 2.5");
}

struct nothing {
    bool flag;
    int count, choice, pair[2];
    double number;
    const char *string;
    struct int_list ints;
    struct number_list numbers;
    struct string_list strings;
    struct component paint;
    struct component_list paints;
    struct {
        int depth;
        bool deep;
    } inner;
};

static const char *const choices[] = {"none", "some", NULL};
static const struct field inner_fields[] = {
    {.key = "depth", .type = FIELD_INT, .fallback = "7"},
    {.key = "deep", .type = FIELD_BOOL, .offset = sizeof(int), .fallback = "true"},
    {0},
};
#define NULLABLE(name, kind)                                                                                           \
    .key = #name, .type = kind, .offset = offsetof(struct nothing, name), .fallback = "null", .nullable = true
static const struct field nothing_fields[] = {
    {NULLABLE(flag, FIELD_BOOL)},
    {NULLABLE(count, FIELD_INT)},
    {NULLABLE(choice, FIELD_CHOICE), .choices = choices},
    {NULLABLE(pair, FIELD_PAIR)},
    {NULLABLE(number, FIELD_NUMBER)},
    {NULLABLE(string, FIELD_STRING)},
    {NULLABLE(ints, FIELD_INTS)},
    {NULLABLE(numbers, FIELD_NUMBERS)},
    {NULLABLE(strings, FIELD_STRINGS)},
    {NULLABLE(paint, FIELD_COMPONENT), .of = "paint"},
    {NULLABLE(paints, FIELD_COMPONENTS), .of = "paint"},
    {NULLABLE(inner, FIELD_OBJECT), .fields = inner_fields},
    {0},
};

/* Every type of field may be null, is written so, and is written in full where it has a value. */
static void test_nullable(void **state) {
    struct world *world = *state;
    static const char none[] =
        "{\"flag\": null, \"count\": null, \"choice\": null, \"pair\": null, \"number\": null, \"string\": null, "
        "\"ints\": null, \"numbers\": null, \"strings\": null, \"paint\": null, \"paints\": null, \"inner\": null}";
    static const char all[] =
        "{\"flag\": true, \"count\": 1, \"choice\": \"some\", \"pair\": [0, 2], \"number\": 0.5, \"string\": \"\", "
        "\"ints\": [1], \"numbers\": [0.5], \"strings\": [\"\"], \"paint\": {\"type\": \"Plain\", \"label\": null}, "
        "\"paints\": [{\"type\": \"Plain\", \"label\": null}], \"inner\": {\"depth\": 0, \"deep\": true}}";
    const char *const texts[] = {none, all};
    struct field_reader reader = {&registries, &world->arena, &world->error};
    struct place place = place_document("cfg.json");
    for (int i = 0; i < 2; i++) {
        struct nothing values = {0};
        cJSON *json = cJSON_Parse(texts[i]);
        assert_int_equal(fields_read(&reader, nothing_fields, NULL, NULL, json, &place, &values), 0);
        expect_written(fields_write(&registries, nothing_fields, &values), texts[i]);
        cJSON_Delete(json);
    }
}

/* ---- configs ---- */

#define MODEL "\"model\": [\"Flatten\", {\"type\": \"Dense\", \"units\": 3}]"

static void config_refused(const char *text, const char *data_spec, const char *message) {
    struct error error = {0};
    struct config config;
    const struct config_request request = {.registries = &test_registries, .data_spec = data_spec};
    assert_int_equal(config_parse(&config, text, "c.json", &request, &error), -1);
    assert_true(!config.json && !config.path);
    expect_error(&error, ERROR_CONFIG, message);
}

static void test_data_specs(void **state) {
    (void)state;
    static const char text[] = "{" MODEL "}";
    static const char advice[] = "is no data source; write SOURCE or SOURCE:PATH, such as synth or svhn:DIR";
    struct text message = {0};
    text_print(&message, ":here: %s", advice);
    config_refused(text, ":here", message.bytes);
    text_free(&message);
    text_print(&message, "--data: %s", advice);
    config_refused(text, "", message.bytes);
    text_free(&message);
    struct text name = {0};
    text_repeat(&name, "x", 64);
    text_print(&message, "%s: %s", name.bytes, advice);
    config_refused(text, name.bytes, message.bytes);
    text_free(&name);
    text_free(&message);
}

static void test_names(void **state) {
    (void)state;
    static const char *const names[] = {"", "a/b", "a\\\\b", ".hidden", "a\\nb"};
    struct text text = {0}, long_name = {0};
    for (size_t i = 0; i <= sizeof names / sizeof *names; i++) {
        if (i == sizeof names / sizeof *names) text_repeat(&long_name, "x", 101);
        text_print(&text, "{\"name\": \"%s\", " MODEL "}", long_name.bytes ? long_name.bytes : names[i]);
        struct error error = {0};
        struct config config;
        assert_int_equal(config_parse(&config, text.bytes, "c.json",
                                      &(struct config_request){.registries = &test_registries}, &error),
                         -1);
        assert_int_equal(error.code, ERROR_CONFIG);
        assert_string_equal(error.path, "c.json: name");
        text_free(&text);
    }
    text_free(&long_name);
}

static void test_misplaced(void **state) {
    (void)state;
    struct error error = {0};
    struct config config;
    const struct config_request request = {.registries = &test_registries};
    assert_int_equal(config_parse(&config, "{\"configs\": [\"a.json\"], " MODEL "}", "c.json", &request, &error), -1);
    assert_int_equal(error.code, ERROR_CONFIG);
    assert_string_equal(error.path, "c.json: configs");
    config_refused("{\"configs\": [\"a.json\"]}", NULL,
                   "c.json: is a batch of configs; run it with: cnntrain experiments c.json");
    config_refused("{" MODEL ", \"training\": {\"optimizer\": 5}}", NULL,
                   "c.json: training.optimizer: must be the name of an optimizer, or an object with its \"type\"; "
                   "got 5");
}

static void test_setting_items(void **state) {
    (void)state;
    struct error error = {0};
    cJSON *json = cJSON_Parse("{\"list\": [1, 2]}");
    assert_int_equal(json_set_path(json, "list.1x", "3", &error), -1);
    expect_error(&error, ERROR_CONFIG, "--set: \"1x\" is not the number of one of the list's 2 items, counted from 0");
    assert_int_equal(json_set_path(json, "list.1", "a\xFF", &error), -1);
    expect_error(&error, ERROR_CONFIG, "--set: is not UTF-8 text; check the terminal's encoding");
    struct text key = {0};
    text_repeat(&key, "k", 128);
    assert_int_equal(json_set_path(json, key.bytes, "3", &error), -1);
    assert_int_equal(error.code, ERROR_CONFIG);
    text_free(&key);
    expect_written(json, "{\"list\": [1, 2]}");
}

/* ---- the files of a run ---- */

static void put(const char *path, const char *bytes, size_t length) {
    struct error error = {0};
    file_replace(path, &(struct file_piece){bytes, length}, 1, &error);
    expect_no_error(&error);
}

static void test_predictions(void **state) {
    (void)state;
#define PREDICTIONS "index,label,prediction,probability\n"
    static const struct {
        const char *text, *message;
    } rows[] = {
        {PREDICTIONS "0,1,1,x\n", "line 2: the probability must be a number in [0, 1]"},
        {PREDICTIONS "0,1,1,-0.5\n", "line 2: the probability must be a number in [0, 1]"},
        {PREDICTIONS "0,1,1,0.5\n1,\"1,1,0.5\n", "line 3: a quoted field does not end; close it with a quote"},
    };
    char *folder = expect_folder(), *path = expect_path(folder, "predictions.csv");
    struct predictions predictions;
    struct error error = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put(path, rows[i].text, strlen(rows[i].text));
        assert_int_equal(predictions_read(path, &predictions, &error), -1);
        assert_int_equal(strncmp(error.message, rows[i].message, strlen(rows[i].message)), 0);
        error_clear(&error);
    }
    assert_int_equal(predictions_read("/nonexistent.csv", &predictions, &error), -1);
    expect_error(&error, ERROR_IO, "/nonexistent.csv: cannot open the file: No such file or directory");
    static const char zero[] = PREDICTIONS "0,1,1,0.5\0\n";
    put(path, zero, sizeof zero - 1);
    assert_int_equal(predictions_read(path, &predictions, &error), -1);
    assert_string_equal(error.message, "holds zero bytes; it is no CSV file: remove the run's folder to run it anew");
    error_clear(&error);
    static const char alike[] = "index,label,prediction,probabilitY\n";
    put(path, alike, sizeof alike - 1);
    assert_int_equal(predictions_read(path, &predictions, &error), -1);
    assert_string_equal(
        error.message,
        "line 1: is not the header \"index,label,prediction,probability\"; remove the run's folder to run it anew");
    error_clear(&error);
    /* rows may end as they do elsewhere */
    static const char other[] = "index,label,prediction,probability\r\n0,1,2,0.5\r\n";
    put(path, other, sizeof other - 1);
    assert_int_equal(predictions_read(path, &predictions, &error), 0);
    assert_int_equal(predictions.count, 1);
    assert_int_equal(predictions.predicted[0], 2);
    predictions_free(&predictions);
    free(path);
    expect_folder_gone(folder);
}

static void test_history(void **state) {
    (void)state;
    static const char *const texts[] = {
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,images_per_seconD\n",
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,images_per_second",
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds,images_per_second\n2147483648,1,1,1,1,1,1,1\n",
    };
    static const int statuses[] = {-1, 0, -1};
    char *folder = expect_folder(), *path = expect_path(folder, "history.csv");
    for (int i = 0; i < 3; i++) {
        struct error error = {0};
        struct history history;
        put(path, texts[i], strlen(texts[i]));
        assert_int_equal(history_read(path, &history, &error), statuses[i]);
        assert_int_equal(error.code, statuses[i] == 0 ? ERROR_NONE : ERROR_DATA);
        assert_int_equal(history.count, 0);
        history_free(&history);
    }
    free(path);
    expect_folder_gone(folder);
}

/* A file of a header and `length` bytes of data. */
static int parse_tensors(const char *header, size_t length, struct safetensors *file, struct error *error) {
    size_t size = strlen(header);
    char *bytes = calloc(8 + size + length, 1);
    assert_non_null(bytes);
    memcpy(bytes, &(uint64_t){size}, 8);
    memcpy(bytes + 8, header, size);
    return safetensors_parse("f", bytes, 8 + size + length, file, error);
}

static void tensors_refused(const char *header, size_t length, const char *message) {
    struct error error = {0};
    struct safetensors file;
    assert_int_equal(parse_tensors(header, length, &file, &error), -1);
    expect_error(&error, ERROR_DATA, message);
}

static void test_tensors(void **state) {
    (void)state;
    tensors_refused("{\"t\": {\"dtype\": \"U8\", \"shape\": [\"a\"], \"data_offsets\": [0, 1]}}", 1,
                    "f: t: has a shape that is not made of whole numbers; the file is damaged: save or copy it again");
    tensors_refused("{\"a\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]}, \"b\": {\"dtype\": \"U8\", "
                    "\"shape\": [2], \"data_offsets\": [0, 2]}}",
                    2, "f: b: overlaps another tensor in the file");
    tensors_refused("{\"a\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [0, 2]}, \"b\": {\"dtype\": \"U8\", "
                    "\"shape\": [1], \"data_offsets\": [0, 1]}}",
                    2, "f: a: overlaps another tensor in the file");
    /* the writer of another program asks for no checksum; tensors without elements may share their place */
    struct error error = {0};
    struct safetensors file;
    assert_int_equal(parse_tensors("{\"__metadata__\": {\"writer\": \"other\"}, \"a\": {\"dtype\": \"F32\", \"shape\": "
                                   "[0], \"data_offsets\": [0, 0]}, \"b\": {\"dtype\": \"F32\", \"shape\": [0], "
                                   "\"data_offsets\": [0, 0]}}",
                                   0, &file, &error),
                     0);
    float untouched = 5;
    safetensors_floats(&file.tensors[0], &untouched);
    assert_true(untouched == 5);
    safetensors_free(&file);
}

/* Only integers are labels. */
static void test_integers(void **state) {
    (void)state;
    static const char *const types[] = {"F16", "BF16", "F32", "F64"};
    static const size_t sizes[] = {2, 2, 4, 8};
    for (int i = 0; i < 4; i++) {
        char header[200], message[200];
        struct error error = {0};
        struct safetensors file;
        int64_t value = 0;
        snprintf(header, sizeof header, "{\"t\": {\"dtype\": \"%s\", \"shape\": [], \"data_offsets\": [0, %zu]}}",
                 types[i], sizes[i]);
        assert_int_equal(parse_tensors(header, sizes[i], &file, &error), 0);
        assert_int_equal(safetensors_integers(&file, &file.tensors[0], &value, &error), -1);
        snprintf(message, sizeof message, "f: t: has the dtype %s; integers are needed here", types[i]);
        expect_error(&error, ERROR_DATA, message);
        safetensors_free(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wrong_types, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_nullable, paints_setup, paints_teardown),
        cmocka_unit_test(test_data_specs),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_misplaced),
        cmocka_unit_test(test_setting_items),
        cmocka_unit_test(test_predictions),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
