/* Nested lists of numbers and lists of choices, read and written. */
#include "core/fields.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tests/support/expect.h"

struct filter {
    struct number_array values;
    struct int_list colors;
};

static const char *const colors[] = {"red", "green", "blue", NULL};
static const struct field fields[] = {
    {.key = "values",
     .type = FIELD_ARRAY,
     .offset = offsetof(struct filter, values),
     .fallback = "null",
     .nullable = true},
    {.key = "colors",
     .type = FIELD_CHOICES,
     .offset = offsetof(struct filter, colors),
     .single = true,
     .fallback = "\"green\"",
     .nullable = true,
     .choices = colors},
    {0},
};

static const struct registries registries = {(const struct component_registry *const[]){NULL}};

struct reading {
    struct arena arena;
    struct error error;
    struct filter filter;
};

static int read_filter(struct reading *reading, const char *text) {
    *reading = (struct reading){0};
    struct field_reader reader = {&registries, &reading->arena, &reading->error};
    const struct place place = place_document("cfg.json");
    cJSON *json = json_parse(text, strlen(text), "cfg.json", &reading->error);
    assert_non_null(json);
    const int status = fields_read(&reader, fields, NULL, NULL, json, &place, &reading->filter);
    cJSON_Delete(json); /* nothing of it is kept */
    return status;
}

static void assert_written(const char *text, const char *expected) {
    struct reading reading;
    struct text written = {0};
    if (read_filter(&reading, text) != 0) fail_msg("%s: %s: %s", text, reading.error.path, reading.error.message);
    cJSON *json = fields_write(&registries, fields, &reading.filter);
    json_write(json, &written);
    assert_string_equal(written.bytes, expected);
    text_free(&written);
    cJSON_Delete(json);
    arena_free(&reading.arena);
}

static void there_and_back(void **state) {
    (void)state;
    assert_written("{}", "{\"values\": null, \"colors\": \"green\"}");
    assert_written("{\"values\": [1, -2.5], \"colors\": [\"blue\"]}", "{\"values\": [1, -2.5], \"colors\": \"blue\"}");
    assert_written("{\"values\": [[[[1], [2]]], [[[3], [4e-300]]]], \"colors\": [\"blue\", \"red\"]}",
                   "{\"values\": [[[[1], [2]]], [[[3], [4e-300]]]], \"colors\": [\"blue\", \"red\"]}");
}

static void in_order(void **state) {
    (void)state;
    struct reading reading;
    assert_int_equal(read_filter(&reading, "{\"values\": [[1, 2, 3], [4, 5, 6]]}"), 0);
    const struct number_array *values = &reading.filter.values;
    assert_int_equal(values->rank, 2);
    assert_int_equal(values->size[0], 2);
    assert_int_equal(values->size[1], 3);
    assert_int_equal(values->count, 6);
    for (int i = 0; i < 6; i++) assert_true(values->values[i] == i + 1);
    arena_free(&reading.arena);
}

static void assert_refused(const char *text, const char *expected) {
    struct reading reading;
    char found[ERROR_PATH_SIZE + ERROR_MESSAGE_SIZE + 2];
    if (read_filter(&reading, text) == 0) fail_msg("%s was accepted", text);
    snprintf(found, sizeof found, "%s: %s", reading.error.path, reading.error.message);
    assert_string_equal(found, expected);
    arena_free(&reading.arena);
}

static void refusals(void **state) {
    (void)state;
    assert_refused("{\"values\": 3}", "cfg.json: values: must be a list of numbers or nested lists, or null; got 3");
    assert_refused("{\"values\": []}", "cfg.json: values: has an empty list; write its numbers");
    assert_refused("{\"values\": [[1, 2], []]}",
                   "cfg.json: values[1]: must be a list of 2, as the first one is; got one of 0");
    assert_refused("{\"values\": [[1, 2], 3]}", "cfg.json: values[1]: must be a list of 2, as the first one is; got 3");
    assert_refused("{\"values\": [[1, 2], [3, \"4\"]]}", "cfg.json: values[1][1]: must be a number; got \"4\"");
    assert_refused("{\"values\": [1, [2]]}", "cfg.json: values[1]: must be a number; got a list");
    assert_refused("{\"values\": [[[[[1]]]]]}", "cfg.json: values: has lists more than 4 deep; make it flatter");
    assert_refused("{\"colors\": \"rde\"}", "cfg.json: colors: \"rde\" is not known; did you mean \"red\"?");
    assert_refused("{\"colors\": [\"red\", 4]}", "cfg.json: colors[1]: must be one of red, green, blue; got 4");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back), cmocka_unit_test(in_order),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
