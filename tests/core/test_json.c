#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "core/json_check.h"
#include "core/text.h"
#include "tests/support/expect.h"

#define SYNTAX "not valid JSON here; look for a missing comma, quote or bracket at or before this place"

/* Parses a copy that ends where its memory ends, so that a look behind the text shows. */
static cJSON *parse_bytes(const char *text, size_t length, struct error *error) {
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    cJSON *json = json_parse(copy, length, "cfg.json", error);
    free(copy);
    return json;
}

static cJSON *parse(const char *text) {
    struct error error = {0};
    cJSON *json = parse_bytes(text, strlen(text), &error);
    expect_no_error(&error);
    assert_non_null(json);
    return json;
}

static void expect_refused_bytes(const char *text, size_t length, const char *message) {
    struct error error = {0};
    assert_null(parse_bytes(text, length, &error));
    expect_error(&error, ERROR_CONFIG, message);
}

static void expect_refused(const char *text, const char *message) {
    expect_refused_bytes(text, strlen(text), message);
}

static void expect_written(const cJSON *json, const char *expected) {
    struct text text = {0};
    json_write(json, &text);
    assert_string_equal(text.bytes, expected);
    text_free(&text);
}

static void test_parse(void **state) {
    (void)state;
    cJSON *json = parse("\xEF\xBB\xBF {\"a\": [1, -2.5e3, \"\\u00e9\\n\\\\u0000\", null, true], \"b\": {}} \n");
    expect_written(json, "{\"a\": [1, -2500, \"\xC3\xA9\\n\\\\u0000\", null, true], \"b\": {}}");
    cJSON_Delete(json);
    json = parse("3");
    assert_true(json->valuedouble == 3);
    cJSON_Delete(json);
}

static void test_syntax_errors(void **state) {
    (void)state;
    expect_refused("", "cfg.json: is empty; a JSON document is needed");
    expect_refused(" \n\t ", "cfg.json: is empty; a JSON document is needed");
    expect_refused("{\"a\": 1,}", "cfg.json: line 1, column 9: " SYNTAX);
    expect_refused("{\n  \"name\": \"a\"\n  \"seed\": 1\n}", "cfg.json: line 3, column 3: " SYNTAX);
    expect_refused("{\n  \"a\": tru\n}", "cfg.json: line 2, column 8: " SYNTAX);
    expect_refused("{'a': 1}", "cfg.json: line 1, column 3: " SYNTAX);
    expect_refused("{\"a\": \"x}", "cfg.json: line 1, column 8: " SYNTAX);
    expect_refused("\"\\q\"", "cfg.json: line 1, column 2: " SYNTAX);
    expect_refused("[\"\\ud800\"]", "cfg.json: line 1, column 3: " SYNTAX);
    expect_refused("{\"a\": \"x\ny\"}", "cfg.json: line 1, column 9: a line break or control character inside a "
                                        "string; write it as \\n, \\t or \\u00XX, or look for a missing quote");
    expect_refused("{\"a\":1}\n x", "cfg.json: line 2, column 2: text after the end of the document; remove it");
    expect_refused("{}{}", "cfg.json: line 1, column 3: text after the end of the document; remove it");
}

/* The parser itself would read many of these as something else. */
static void test_numbers(void **state) {
    (void)state;
    static const char *const good[] = {
        "0", "-0", "12", "-1.5e+10", "0.25", "1E5", "1e-400", "18446744073709551616", "1.7976931348623157e308"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) cJSON_Delete(parse(good[i]));
    static const char *const bad[] = {"01", "+1", ".5", "1.", "1.e5", "0x10", "1e", "1e+", "--1", "1-2", "1_000", "-"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[32], message[160];
        snprintf(text, sizeof text, "[%s]", bad[i]);
        snprintf(message, sizeof message,
                 "cfg.json: line 1, column 2: \"%s\" is no JSON number; write it like 12, -0.5 or 1e-3", bad[i]);
        expect_refused(text, message);
    }
    expect_refused("[NaN]", "cfg.json: line 1, column 2: \"NaN\" is no JSON number; give a finite one");
    expect_refused("{\"a\": -Infinity}",
                   "cfg.json: line 1, column 7: \"-Infinity\" is no JSON number; give a finite one");
    expect_refused("{\"a\":\n-1e999}", "cfg.json: line 2, column 1: \"-1e999\" is larger than any number a computer "
                                       "holds; give a smaller one");
    expect_refused("[\x01]", "cfg.json: line 1, column 2: a control character; this is not JSON: name a text file");
    expect_refused(
        "\xEF\xBB\xBF\xEF\xBB\xBF{}",
        "cfg.json: line 1, column 1: a character that may only stand inside a string; quote it, or remove it");
}

static void test_encoding(void **state) {
    (void)state;
    expect_refused("{\"a\":\n \"\xFF\"}", "cfg.json: line 2, column 3: not UTF-8 text; save the file as UTF-8");
    expect_refused("\"\xC0\x80\"", "cfg.json: line 1, column 2: not UTF-8 text; save the file as UTF-8");
    expect_refused("\"\xE0\x9F\xBF\"", "cfg.json: line 1, column 2: not UTF-8 text; save the file as UTF-8");
    expect_refused("\"\xED\xA0\x80\"", "cfg.json: line 1, column 2: not UTF-8 text; save the file as UTF-8");
    expect_refused("\"\xF4\x90\x80\x80\"", "cfg.json: line 1, column 2: not UTF-8 text; save the file as UTF-8");
    expect_refused("\"\xC3", "cfg.json: line 1, column 2: not UTF-8 text; save the file as UTF-8");
    expect_refused("\xFF\xFE{", "cfg.json: line 1, column 1: not UTF-8 text; save the file as UTF-8");
    expect_refused_bytes("{\"a\": 1\0}", 9,
                         "cfg.json: line 1, column 8: a zero byte; this is not JSON: name a text file");
    expect_refused("[\"a\\u0000b\"]", "cfg.json: line 1, column 4: a zero character inside a string; remove it");
    cJSON *json = parse("\"\xE2\x82\xAC \xF0\x9F\x98\x80 \xED\x9F\xBF \xF4\x8F\xBF\xBF\"");
    cJSON_Delete(json);
}

static void test_depth(void **state) {
    (void)state;
    char text[2 * JSON_DEPTH_MAX + 3];
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    text[2 * JSON_DEPTH_MAX] = '\0';
    cJSON_Delete(parse(text));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    text[2 * JSON_DEPTH_MAX + 2] = '\0';
    expect_refused(text, "cfg.json: line 1, column 65: nested deeper than 64 levels; make it flatter");
    cJSON_Delete(parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\""));
}

static void test_size(void **state) {
    (void)state;
    struct error error = {0};
    assert_null(json_parse("{}", (size_t)JSON_SIZE_MAX + 1, "cfg.json", &error)); /* refused before it is looked at */
    expect_error(&error, ERROR_CONFIG, "cfg.json: has 16777217 bytes; at most 16777216 are read");
}

/* Two bytes of text each, forty times as many in memory. */
static void test_many_values(void **state) {
    (void)state;
    struct text text = {0};
    text_add(&text, "[0");
    for (int i = 2; i < JSON_VALUES_MAX; i++) text_add(&text, ",0");
    text_add(&text, "]");
    cJSON_Delete(parse(text.bytes));
    text.bytes[--text.length] = '\0';
    text_add(&text, ",0]");
    expect_refused(
        text.bytes,
        "cfg.json: line 1, column 4194303: more than 2,097,152 values; no file that is read here has as many");
    text_free(&text);
    cJSON_Delete(parse("[\",[{\"]"));
}

static void test_duplicates(void **state) {
    (void)state;
    expect_refused("{\"a\": 1, \"b\": 2, \"a\": 1}", "cfg.json: a: stands twice; keep one of them");
    expect_refused("{\"model\": [{}, {\"x\": {\"k\": 1, \"\\u006b\": 2}}]}",
                   "cfg.json: model[1].x.k: stands twice; keep one of them");
    cJSON_Delete(parse("{\"a\": {\"a\": 1}, \"A\": 2}"));
}

/* Two hundred thousand keys are checked in an instant, not in the square of it. */
static void test_many_keys(void **state) {
    (void)state;
    struct text text = {0};
    text_add(&text, "{\"k\": 0");
    for (int i = 0; i < 200000; i++) text_print(&text, ",\"k%d\":1", i);
    text_add(&text, "}");
    cJSON *json = parse(text.bytes);
    assert_int_equal(cJSON_GetArraySize(json), 200001);
    cJSON_Delete(json);
    text_free(&text);
}

static void test_places(void **state) {
    (void)state;
    char buffer[64], tiny[8];
    struct place document = place_document("sep_max.json"), model = place_key(&document, "model");
    struct place item = place_item(&model, 3), key = place_key(&item, "kernel_size"), pair = place_item(&key, 1);
    assert_string_equal(place_text(&pair, buffer, sizeof buffer), "sep_max.json: model[3].kernel_size[1]");
    assert_string_equal(place_text(&document, buffer, sizeof buffer), "sep_max.json");
    assert_string_equal(place_text(&pair, tiny, sizeof tiny), "se...1]");
    struct error error = {0};
    assert_int_equal(place_error(&item, &error, "must be %d", 3), -1);
    expect_error(&error, ERROR_CONFIG, "sep_max.json: model[3]: must be 3");
}

static void test_read_file(void **state) {
    (void)state;
    struct error error = {0};
    char *folder = expect_folder(), *path = expect_path(folder, "a.json"), expected[600];
    assert_null(json_read_file(path, JSON_SIZE_MAX, &error));
    snprintf(expected, sizeof expected, "%s: cannot open the file: No such file or directory", path);
    expect_error(&error, ERROR_IO, expected);
    assert_int_equal(file_replace_text(path, "", &error), 0);
    assert_null(json_read_file(path, JSON_SIZE_MAX, &error));
    snprintf(expected, sizeof expected, "%s: is empty; a JSON document is needed", path);
    expect_error(&error, ERROR_CONFIG, expected);
    assert_int_equal(file_replace_text(path, "{\"x\": 1}", &error), 0);
    cJSON *json = json_read_file(path, JSON_SIZE_MAX, &error);
    expect_written(json, "{\"x\": 1}");
    cJSON_Delete(json);
    free(path);
    expect_folder_gone(folder);
}

/* Spaces in the place of comments: lines and columns stay what they were. */
static void test_comments(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"{} // end", "{}       "},
        {"{// a\n}", "{    \n}"},
        {"{/* a\r\nb */}", "{    \r\n    }"},
        {"{\"a//b\": \"/*c*/\\\"//\"}", "{\"a//b\": \"/*c*/\\\"//\"}"},
        {"/**/{}/***/", "    {}     "},
        {"{} / /", "{} / /"},
        {"\"open // string", "\"open // string"},
        {"// /* not nested\n{}", "                \n{}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        const size_t length = strlen(rows[i][0]);
        char *text = malloc(length); /* no byte behind it */
        assert_non_null(text);
        memcpy(text, rows[i][0], length);
        assert_int_equal(json_blank_comments(text, length, "cfg.jsonc", &error), 0);
        assert_memory_equal(text, rows[i][1], length);
        free(text);
    }
    struct error error = {0};
    char open[] = "{\n  /* never ends *";
    assert_int_equal(json_blank_comments(open, strlen(open), "cfg.jsonc", &error), -1);
    expect_error(&error, ERROR_CONFIG, "cfg.jsonc: line 2, column 3: this comment does not end; close it with */");
}

static void test_merge(void **state) {
    (void)state;
    struct error error = {0};
    cJSON *base = parse("{\"a\": {\"x\": 1, \"y\": [1, 2]}, \"b\": 1, \"c\": {\"z\": 1}}");
    cJSON *over = parse("{\"a\": {\"y\": [3], \"w\": null}, \"c\": 5, \"d\": {\"e\": 1}, \"b\": {\"f\": 2}}");
    assert_int_equal(json_merge(base, over, &error), 0);
    cJSON_Delete(over);
    expect_written(base,
                   "{\"a\": {\"x\": 1, \"y\": [3], \"w\": null}, \"b\": {\"f\": 2}, \"c\": 5, \"d\": {\"e\": 1}}");
    cJSON_Delete(base);
}

static void expect_set(const char *before, const char *path, const char *value, const char *after) {
    struct error error = {0};
    cJSON *json = parse(before);
    assert_int_equal(json_set_path(json, path, value, &error), 0);
    expect_no_error(&error);
    expect_written(json, after);
    cJSON_Delete(json);
}

static void expect_not_set(const char *before, const char *path, const char *message) {
    struct error error = {0};
    cJSON *json = parse(before);
    assert_int_equal(json_set_path(json, path, "1", &error), -1);
    expect_error(&error, ERROR_CONFIG, message);
    cJSON_Delete(json);
}

static void test_set_path(void **state) {
    (void)state;
    expect_set("{}", "seed", "3", "{\"seed\": 3}");
    expect_set("{\"seed\": 1}", "seed", "[3, 4]", "{\"seed\": [3, 4]}");
    expect_set("{}", "training.optimizer", "Adam", "{\"training\": {\"optimizer\": \"Adam\"}}");
    expect_set("{\"o\": \"Adam\"}", "o.rate", "0.1", "{\"o\": {\"type\": \"Adam\", \"rate\": 0.1}}");
    expect_set("{\"o\": null}", "o.rate", "0.1", "{\"o\": {\"rate\": 0.1}}");
    expect_set("{\"m\": [{\"f\": 1}, {\"f\": 2}]}", "m.1.f", "9", "{\"m\": [{\"f\": 1}, {\"f\": 9}]}");
    expect_set("{\"m\": [1, 2]}", "m.0", "null", "{\"m\": [null, 2]}");
    expect_set("{\"m\": [{\"f\": 1}, {\"f\": 2}]}", "m[1].f", "9", "{\"m\": [{\"f\": 1}, {\"f\": 9}]}");
    expect_set("{\"m\": [[1, 2], 3]}", "m[0][1]", "7", "{\"m\": [[1, 7], 3]}");
    expect_set("{}", "name", "1 2", "{\"name\": \"1 2\"}");
    expect_set("{}", "name", "", "{\"name\": \"\"}");
    expect_not_set("{\"m\": [1, 2]}", "m.2",
                   "--set: \"2\" is not the number of one of the list's 2 items, counted from 0");
    expect_not_set("{\"m\": [1, 2]}", "m.-1",
                   "--set: \"-1\" is not the number of one of the list's 2 items, counted from 0");
    expect_not_set("{\"m\": [1]}", "m.x",
                   "--set: \"x\" is not the number of one of the list's 1 items, counted from 0");
    expect_not_set("{\"m\": [1]}", "m[]",
                   "--set: \"]\" is not the number of one of the list's 1 items, counted from 0");
    expect_not_set("{\"m\": 4}", "m.x",
                   "--set: \"x\" cannot be set, for what stands before it is no object or list; set that first");
    expect_not_set("{}", "", "--set: \"\" is not a path of keys such as training.epochs");
    expect_not_set("{}", "a\xFF", "--set: is not UTF-8 text; check the terminal's encoding");
    expect_not_set("{}", "a..b", "--set: \".b\" is not a path of keys such as training.epochs");
}

/* What begins like an object or a list must be one; neither path nor value may be deeper than any config. */
static void test_set_hostile(void **state) {
    (void)state;
    struct error error = {0};
    cJSON *json = parse("{}");
    assert_int_equal(json_set_path(json, "a", "{\"b\": 1, \"b\": 2}", &error), -1);
    expect_error(&error, ERROR_CONFIG, "--set: b: in the value {\"b\": 1, \"b\": 2}: stands twice; keep one of them");
    assert_int_equal(json_set_path(json, "a", "[1, 1e999]", &error), -1);
    expect_error(&error, ERROR_CONFIG,
                 "--set: in the value [1, 1e999]: line 1, column 5: \"1e999\" is larger than any number a computer "
                 "holds; give a smaller one");
    enum { DEEP = 100000 };
    char *path = malloc(2 * DEEP + 2);
    for (int i = 0; i < DEEP; i++) memcpy(path + 2 * i, "a.", 2);
    memcpy(path + 2 * DEEP, "a", 2);
    assert_int_equal(json_set_path(json, path, "1", &error), -1);
    assert_non_null(strstr(error.message, "has more than 64 keys; no config is that deep"));
    error_clear(&error);
    memset(path, '[', 2 * DEEP);
    path[2 * DEEP] = '\0';
    assert_int_equal(json_set_path(json, "a", path, &error), -1);
    assert_non_null(strstr(error.message, "line 1, column 65: nested deeper than 64 levels; make it flatter"));
    free(path);
    expect_written(json, "{}");
    cJSON_Delete(json);
}

/* Merging looks every key up among all others. */
static void test_merge_of_many_keys(void **state) {
    (void)state;
    struct error error = {0};
    struct text text = {0};
    text_add(&text, "{\"a\": 1");
    for (int i = 0; i < 5000; i++) text_print(&text, ", \"%d\": 0", i);
    text_add(&text, "}");
    cJSON *many = parse(text.bytes), *one = parse("{\"b\": 1}");
    assert_int_equal(json_merge(one, many, &error), -1);
    expect_error(&error, ERROR_CONFIG, "an object has more than 4096 keys; remove some");
    assert_int_equal(json_merge(many, one, &error), -1);
    expect_error(&error, ERROR_CONFIG, "an object has more than 4096 keys; remove some");
    cJSON *list = parse("[0]");
    assert_int_equal(json_set_path(list, "0", "{", &error), -1);
    assert_int_equal(error.code, ERROR_CONFIG);
    error_clear(&error);
    cJSON_Delete(list);
    cJSON_Delete(many);
    cJSON_Delete(one);
    text_free(&text);
}

static void test_describe(void **state) {
    (void)state;
    char buffer[96];
    cJSON *json = parse("[\"same\", 3, 0.1, true, false, null, [], {}]");
    const char *const expected[] = {"\"same\"", "3", "0.1", "true", "false", "null", "a list", "an object"};
    for (int i = 0; i < 8; i++)
        assert_string_equal(json_describe(cJSON_GetArrayItem(json, i), buffer, sizeof buffer), expected[i]);
    cJSON_Delete(json);
}

static void test_print(void **state) {
    (void)state;
    cJSON *json =
        parse("{\"a\": [1, 2, [3]], \"b\": {\"c\": [], \"d\": {}}, \"e\": [\"x\", 0.5], \"f\": [{\"g\": 1}]}");
    char *text = json_print(json);
    assert_string_equal(text,
                        "{\n  \"a\": [\n    1,\n    2,\n    [3]\n  ],\n  \"b\": {\n    \"c\": [],\n    \"d\": {}\n"
                        "  },\n  \"e\": [\"x\", 0.5],\n  \"f\": [\n    {\n      \"g\": 1\n    }\n  ]\n}\n");
    free(text);
    cJSON_Delete(json);
}

static void test_print_strings(void **state) {
    (void)state;
    struct text text = {0};
    json_write_string("a\"b\\c\n\t\r\b\f\x01\x1F/\xC3\xA9\x7F\xC2\x85\xFF", &text);
    assert_string_equal(text.bytes, "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f/\xC3\xA9\\u007f\\u0085\\ufffd\"");
    text_free(&text);
}

/* Every double comes back as itself; short ones are printed short. */
static void test_print_numbers(void **state) {
    (void)state;
    const double numbers[] = {0,        0.1,       1e-3,         1.0 / 3, 0.1 + 0.2, DBL_MAX, DBL_MIN, 4.9e-324, -1e21,
                              1e15 + 1, 123456789, 0x1.fffffep0, 1e300,   -0.0,      M_PI,    65504,   1e-7,     3};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct text text = {0};
        cJSON *json = cJSON_CreateNumber(numbers[i]);
        json_write(json, &text);
        cJSON_Delete(json);
        json = parse(text.bytes);
        assert_memory_equal(&json->valuedouble, &numbers[i], sizeof(double));
        cJSON_Delete(json);
        text_free(&text);
    }
    cJSON *json = cJSON_CreateDoubleArray((const double[]){0.1, 0.001, 1e-7, 32, 0.1 + 0.2, NAN, INFINITY}, 7);
    expect_written(json, "[0.1, 0.001, 1e-07, 32, 0.30000000000000004, null, null]");
    cJSON_Delete(json);
}

static void test_add(void **state) {
    (void)state;
    cJSON *object = cJSON_CreateObject(), *list = cJSON_CreateArray();
    assert_true(json_append(list, cJSON_CreateNumber(1)));
    assert_true(json_add(object, "list", list));
    assert_false(json_add(object, "nothing", NULL));
    assert_false(json_append(list, NULL));
    assert_false(json_add(NULL, "lost", cJSON_CreateTrue()));
    expect_written(object, "{\"list\": [1]}");
    cJSON_Delete(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),         cmocka_unit_test(test_syntax_errors),
        cmocka_unit_test(test_encoding),      cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_set_hostile),   cmocka_unit_test(test_merge_of_many_keys),
        cmocka_unit_test(test_depth),         cmocka_unit_test(test_size),
        cmocka_unit_test(test_many_values),   cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_many_keys),     cmocka_unit_test(test_places),
        cmocka_unit_test(test_read_file),     cmocka_unit_test(test_merge),
        cmocka_unit_test(test_set_path),      cmocka_unit_test(test_describe),
        cmocka_unit_test(test_print),         cmocka_unit_test(test_print_strings),
        cmocka_unit_test(test_print_numbers), cmocka_unit_test(test_add),
        cmocka_unit_test(test_comments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
