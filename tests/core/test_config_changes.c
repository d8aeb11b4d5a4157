#include "core/config_changes.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "tests/support/expect.h"
#include "tests/support/tiny.h"

static void expect_changes(const char *before, const char *after, bool paths, int count, const char *expected) {
    struct error error = {0};
    struct text text = {0};
    char *old_text = tiny_json(before), *new_text = tiny_json(after);
    cJSON *old = json_parse(old_text, strlen(old_text), "old", &error);
    cJSON *new = json_parse(new_text, strlen(new_text), "new", &error);
    expect_no_error(&error);
    assert_int_equal(config_changes(old, new, paths, &text), count);
    assert_string_equal(text.bytes ? text.bytes : "", expected);
    text_free(&text);
    cJSON_Delete(old);
    cJSON_Delete(new);
    free(old_text);
    free(new_text);
}

static void test_values(void **state) {
    (void)state;
    expect_changes("{'a': {'b': 3, 'c': true}}", "{'a': {'b': 3, 'c': true}}", true, 0, "");
    expect_changes("{'a': {'b': 3, 'c': true}}", "{'a': {'b': 5, 'c': null}}", true, 2,
                   "a.b was 3, now 5; a.c was true, now null");
    expect_changes("{'a': 0.1}", "{'a': 0.10000000000000002}", true, 1, "a was 0.1, now 0.10000000000000002");
    expect_changes("{'a': [1, 2]}", "{'a': [1, 3]}", true, 1, "a was [1, 2], now [1, 3]");
    expect_changes("{'a': [1, 2]}", "{'a': [1]}", true, 1, "a was [1, 2], now [1]");
    expect_changes("{'a': []}", "{'a': []}", true, 0, "");
    expect_changes("{'a': 'x'}", "{'a': 'X'}", true, 1, "a was \"x\", now \"X\"");
    expect_changes("{'a': 1}", "{'b': 2}", true, 2, "a was 1, now absent; b was absent, now 2");
}

static void test_components(void **state) {
    (void)state;
    expect_changes("{'m': [{'type': 'Conv2D', 'filters': 3}, {'type': 'Flatten'}]}",
                   "{'m': [{'type': 'Conv2D', 'filters': 4}, {'type': 'Reshape', 'shape': [2]}]}", true, 2,
                   "m[0].filters was 3, now 4; m[1] was Flatten, now Reshape");
    expect_changes("{'m': [{'type': 'Conv2D'}, {'type': 'Flatten'}]}", "{'m': [{'type': 'Flatten'}]}", true, 1,
                   "m was [Conv2D, Flatten], now [Flatten]");
    expect_changes("{'o': {'type': 'Adam', 'x': 1}}", "{'o': {'type': 'SGD', 'y': 1}}", true, 1, "o was Adam, now SGD");
    expect_changes("{'o': null}", "{'o': {'type': 'SGD'}}", true, 1, "o was null, now SGD");
}

static void test_left_out(void **state) {
    (void)state;
    static const char before[] = "{'$schema': 'a', 'data': {'source': 'svhn', 'path': '/a'}}";
    static const char after[] = "{'$schema': null, 'data': {'source': 'svhn', 'path': '/b'}}";
    expect_changes(before, after, false, 0, "");
    expect_changes(before, after, true, 1, "data.path was \"/a\", now \"/b\"");
    expect_changes("{'x': {'$schema': 1}, 'path': 1}", "{'x': {'$schema': 2}, 'path': 2}", false, 2,
                   "x.$schema was 1, now 2; path was 1, now 2");
}

/* A message has room for so much; characters stay whole. */
static void test_long_lists(void **state) {
    (void)state;
    expect_changes("{'a':1,'b':1,'c':1,'d':1,'e':1,'f':1,'g':1,'h':1,'i':1,'j':1}",
                   "{'a':2,'b':2,'c':2,'d':2,'e':2,'f':2,'g':2,'h':2,'i':2,'j':2}", true, 10,
                   "a was 1, now 2; b was 1, now 2; c was 1, now 2; d was 1, now 2; e was 1, now 2; f was 1, now 2; g "
                   "was 1, now 2; h was 1, now 2; and 2 more");
    expect_changes("{'a': 'äääääääääääääääääääääääääääääääääääääääää'}", "{'a': 1}", true, 1,
                   "a was \"ääääääääääääääääääääääääääääää..., now 1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_components),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_long_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
