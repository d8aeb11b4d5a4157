/* Every byte of a run's checkpoint, history and config that changes, and every cut, is seen and named. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_changes.h"
#include "core/interop/safetensors.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/training_case.h"
#include "tests/support/tree.h"

static const struct tiny_setup setup = {
    .model = "['Flatten', {'type': 'Dense', 'units': 3, 'activation': 'softmax', 'name': 'top'}]",
    .training = "{'epochs': 4, 'batch_size': 8, 'optimizer': {'type': 'SGD', 'momentum': 0.9, 'learning_rate': 0.05}, "
                "'callbacks': [{'type': 'EarlyStopping', 'patience': 3, 'restore_best_weights': true}]}",
    .train = 24,
    .validation = 7,
    .threads = 1};

static char *train(void) {
    char *folder = expect_folder();
    struct watch watch = {0};
    training_run(&setup, folder, &watch, false, ERROR_NONE);
    return folder;
}

/* Parsing the bytes fails and says which file; they are copied. */
static void expect_damage(const char *bytes, size_t length, const char *what, size_t at) {
    struct error error = {0};
    struct safetensors file;
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    if (safetensors_parse("last.safetensors", copy, length, &file, &error) == 0)
        fail_msg("%s %zu of the checkpoint is not seen", what, at);
    assert_int_equal(error.code, ERROR_DATA);
    assert_memory_equal(error.path, "last.safetensors", strlen("last.safetensors"));
    assert_true(strlen(error.message) > 0);
}

static void test_checkpoint(void **state) {
    (void)state;
    size_t length = 0;
    char *folder = train(), *bytes = tree_read(folder, "last.safetensors", &length);
    for (size_t at = 0; at < length; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] = (char)(bytes[at] ^ 1 << bit);
            expect_damage(bytes, length, "a changed byte", at);
            bytes[at] = (char)(bytes[at] ^ 1 << bit);
        }
        expect_damage(bytes, at, "a cut", at);
    }
    free(bytes);
    tree_gone(folder);
}

/* ---- the history ---- */

/* What going on from the checkpoint says about this history. */
static enum error_code code_of_history(const char *folder, const char *text) {
    struct training training;
    struct error error = {0};
    struct watch watch = {0};
    tree_write(folder, "history.csv", text);
    training_open(&training, &setup, folder, &watch, &error);
    expect_no_error(&error);
    trainer_resume(training.trainer, training.last, false, &error);
    if (error.code != ERROR_NONE) assert_memory_equal(error.path, training.history, strlen(training.history));
    training_close(&training);
    return error.code;
}

/* Whether the byte belongs to the times of a row, or is the e of an exponent: E means the same. */
static bool does_not_count(const char *text, size_t at, char changed) {
    size_t line = at;
    int commas = 0;
    while (line > 0 && text[line - 1] != '\n') line--;
    for (size_t i = line; i < at; i++) commas += text[i] == ',';
    if (text[at] == 'e' && changed == 'E') return true;
    return line > 0 && commas >= 6 && text[at] != '\n';
}

static void test_history(void **state) {
    (void)state;
    size_t length = 0;
    char *folder = train(), *text = tree_read(folder, "history.csv", &length);
    assert_int_equal(code_of_history(folder, text), ERROR_NONE);
    for (size_t at = 0; at < length; at++) {
        char own = text[at];
        text[at] = (char)(own ^ 1 << at % 8);
        char changed = text[at];
        bool seen = changed == '\0' || code_of_history(folder, text) == ERROR_DATA;
        text[at] = own;
        if (!seen && !does_not_count(text, at, changed))
            fail_msg("byte %zu of the history, %c as %c, is not seen", at, own, changed);
    }
    for (size_t at = 0; at < length; at++) {
        char own = text[at];
        text[at] = '\0';
        if (code_of_history(folder, text) != ERROR_DATA) fail_msg("a history cut at %zu is not seen", at);
        text[at] = own;
    }
    free(text);
    tree_gone(folder);
}

/* ---- the config ---- */

/* Whether this text says anything else than the resolved config `before`; an error counts. */
static bool is_seen(const char *text, const cJSON *before) {
    struct config config;
    struct error error = {0};
    struct text changes = {0};
    struct config_request request = {.registries = &test_registries};
    if (config_parse(&config, text, "config.json", &request, &error) != 0) {
        assert_true(strncmp(error.path, "config.json", strlen("config.json")) == 0 && strlen(error.message) > 0);
        return true;
    }
    cJSON *now = config_write(&config, &test_registries);
    int count = config_changes(before, now, false, &changes);
    assert_true((count > 0) == (changes.length > 0));
    text_free(&changes);
    cJSON_Delete(now);
    config_free(&config);
    return count > 0;
}

static void test_config(void **state) {
    (void)state;
    struct tiny tiny;
    struct error error = {0};
    tiny_open(&tiny, &setup);
    cJSON *before = config_write(&tiny.config, &test_registries);
    char *text = config_text(&tiny.config, &test_registries, &error);
    expect_no_error(&error);
    assert_false(is_seen(text, before));
    for (char *at = text; *at; at++) {
        char own = *at;
        if (isspace((unsigned char)own)) continue;
        for (int bit = 0; bit < 8; bit++) {
            *at = (char)(own ^ 1 << bit);
            if (*at == '\0' || bit == 5) continue; /* a cut; names mean the same in capitals */
            if (!is_seen(text, before)) fail_msg("byte %td of the config, %c as %c, is not seen", at - text, own, *at);
        }
        *at = '\0';
        assert_true(is_seen(text, before));
        *at = own;
    }
    cJSON_Delete(before);
    free(text);
    tiny_close(&tiny);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
