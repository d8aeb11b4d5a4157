/* Fields at the edges of what their types allow: numbers that are none, choices alone and in lists, two keys for one
 * thing, keys that belong elsewhere, registries that are not there. */
#include <stdio.h>
#include <string.h>

#include "tests/support/paints.h"

struct odd {
    int any_int, sides[4];
    double below;
    struct int_list one, many;
    struct number_array numbers;
    const char *text;
    struct component missing;
    struct component_list missing_list;
};

static const char *const colors[] = {"red", "green", NULL};

#define FIELD(name, kind, ...)                                                                                         \
    { .key = #name, .type = kind, .offset = offsetof(struct odd, name), __VA_ARGS__ }

static const struct field nothing[] = {{0}};

static const struct field odd_fields[] = {
    FIELD(any_int, FIELD_INT, .fallback = "0", .minimum = -1e300, .maximum = 1e300, .formerly = "an_int"),
    FIELD(sides, FIELD_SIDES, .fallback = "0"),
    FIELD(below, FIELD_NUMBER, .fallback = "0", .minimum = -1e300, .maximum = 5, .below = true),
    FIELD(one, FIELD_CHOICES, .fallback = "[]", .choices = colors, .single = true),
    FIELD(many, FIELD_CHOICES, .fallback = "[\"red\"]", .choices = colors),
    FIELD(numbers, FIELD_ARRAY, .fallback = "[0]"),
    FIELD(text, FIELD_STRING, .fallback = "\"a\""),
    {.key = "empty", .type = FIELD_OBJECT, .fields = nothing},
    {0},
};

static int read_fields(struct world *world, const struct field *fields, cJSON *json, void *values) {
    struct field_reader reader = {&registries, &world->arena, &world->error};
    const struct place place = place_document("o.json");
    const int status = json ? fields_read(&reader, fields, NULL, NULL, json, &place, values) : -1;
    cJSON_Delete(json);
    return status;
}

static void expect_refused(struct world *world, const char *text, const char *message) {
    struct odd odd = {0};
    assert_int_equal(read_fields(world, odd_fields, cJSON_Parse(text), &odd), -1);
    expect_error(&world->error, ERROR_CONFIG, message);
}

static void test_refusals(void **state) {
    static const char *const cases[][2] = {
        {"{\"any_int\": 1e999}", "o.json: any_int: must be at most 2147483647, got inf"},
        {"{\"any_int\": -1e999}", "o.json: any_int: must be an integer; got -inf"},
        {"{\"any_int\": -3e9}", "o.json: any_int: must be an integer; got -3000000000"},
        {"{\"any_int\": 1, \"an_int\": 1}", "o.json: any_int: is given twice, also as \"an_int\""},
        {"{\"below\": 1e999}", "o.json: below: must be a number, below 5; got inf"},
        {"{\"below\": 5}", "o.json: below: must be a number, below 5; got 5"},
        {"{\"sides\": [1]}",
         "o.json: sides: must be an integer, [height, width] or [[top, bottom], [left, right]]; got a list"},
        {"{\"sides\": [1, [2]]}",
         "o.json: sides[1]: must be an integer, [height, width] or [[top, bottom], [left, right]]; got a list"},
        {"{\"one\": true}", "o.json: one: must be one of red, green, or a list of them; got true"},
        {"{\"one\": false}", "o.json: one: must be one of red, green, or a list of them; got false"},
        {"{\"many\": \"red\"}", "o.json: many: must be one of red, green, or a list of them; got \"red\""},
        {"{\"many\": [\"gren\"]}", "o.json: many[0]: \"gren\" is not known; did you mean \"green\"?"},
        {"{\"numbers\": [1e999]}", "o.json: numbers[0]: must be a number; got inf"},
        {"{\"numbers\": 1}", "o.json: numbers: must be a list of numbers or nested lists; got 1"},
        {"{\"empty\": {\"zzzzzz\": 1}}", "o.json: empty.zzzzzz: unknown field; known here: none"},
        {"{\"empty\": 1}", "o.json: empty: must be an object; got 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_refused(*state, cases[i][0], cases[i][1]);
}

static void test_long_choices(void **state) {
    struct text text = {0};
    text_add(&text, "{\"many\": [\"red\"");
    for (int i = 0; i < 64; i++) text_add(&text, ",\"red\"");
    text_add(&text, "]}");
    expect_refused(*state, text.bytes, "o.json: many: has 65 items, at most 64 are allowed; leave some out");
    text_free(&text);
}

static void test_there_and_back(void **state) {
    struct world *world = *state;
    struct odd odd = {0};
    assert_int_equal(read_fields(world, odd_fields,
                                 cJSON_Parse("{\"one\": \"green\", \"many\": [\"red\", \"green\"], \"an_int\": 4, "
                                             "\"numbers\": [[1, 2], [3, 4]], \"empty\": {}}"),
                                 &odd),
                     0);
    assert_int_equal(odd.any_int, 4);
    expect_written(fields_write(&registries, odd_fields, &odd),
                   "{\"any_int\": 4, \"sides\": [[0, 0], [0, 0]], \"below\": 0, \"one\": \"green\", \"many\": "
                   "[\"red\", \"green\"], \"numbers\": [[1, 2], [3, 4]], \"text\": \"a\", \"empty\": {}}");
    odd.one.count = 2;
    odd.text = NULL;
    expect_written(
        fields_write(&registries, odd_fields, &odd),
        "{\"any_int\": 4, \"sides\": [[0, 0], [0, 0]], \"below\": 0, \"one\": [\"green\", \"red\"], \"many\": "
        "[\"red\", \"green\"], \"numbers\": [[1, 2], [3, 4]], \"text\": null, \"empty\": {}}");
}

/* An object without fields is null, where it may be; sides are numbers even there. */
static void test_nullable(void **state) {
    static const struct field fields[] = {{.key = "hollow", .type = FIELD_OBJECT, .nullable = true},
                                          FIELD(sides, FIELD_SIDES, .fallback = "null", .nullable = true),
                                          {0}};
    struct world *world = *state;
    struct odd odd = {0};
    assert_int_equal(read_fields(world, fields, cJSON_Parse("{\"hollow\": {}, \"sides\": null}"), &odd), 0);
    expect_written(fields_write(&registries, fields, &odd), "{\"hollow\": null, \"sides\": [[0, 0], [0, 0]]}");
}

static void test_single(void **state) {
    static const struct field fields[] = {FIELD(one, FIELD_INTS, .fallback = "0", .single = true), {0}};
    struct world *world = *state;
    struct odd odd = {0};
    assert_int_equal(read_fields(world, fields, cJSON_Parse("{\"one\": {}}"), &odd), -1);
    expect_error(&world->error, ERROR_CONFIG, "o.json: one: must be an integer or list of integers; got an object");
}

/* What belongs further inside is sent there: into an object, a component, or a component of an object. */
static void test_misplaced(void **state) {
    static const struct field inner[] = {{.key = "deeper", .type = FIELD_COMPONENT, .of = "paint"}, {0}};
    static const struct field outer[] = {{.key = "object", .type = FIELD_OBJECT, .fields = inner}, {0}};
    struct world *world = *state;
    struct odd odd = {0};
    assert_int_equal(read_wall(world, "{\"filters\": 1, \"depth\": 3}"), -1);
    expect_error(&world->error, ERROR_CONFIG, "cfg.json: depth: unknown field; did you mean \"inner.depth\"?");
    assert_int_equal(read_wall(world, "{\"filters\": 1, \"thickness\": 3}"), -1);
    expect_error(&world->error, ERROR_CONFIG, "cfg.json: thickness: unknown field; did you mean \"paint.thickness\"?");
    assert_int_equal(read_fields(world, outer, cJSON_Parse("{\"thickness\": 1}"), &odd), -1);
    expect_error(&world->error, ERROR_CONFIG,
                 "o.json: thickness: unknown field; did you mean \"object.deeper.thickness\"?");
    assert_int_equal(read_fields(world, NULL, cJSON_Parse("{\"thickness\": 1}"), &odd), -1);
    expect_error(&world->error, ERROR_CONFIG, "o.json: thickness: unknown field; known here: none");
}

static void expect_described(const struct field *field, const char *words) {
    struct text text = {0};
    field_describe(field, &text);
    assert_string_equal(text.bytes, words);
    text_free(&text);
}

static void test_descriptions(void **state) {
    (void)state;
    struct field at_most = odd_fields[2], single = {.type = FIELD_INTS, .single = true};
    at_most.below = false;
    expect_described(&odd_fields[0], "integer");
    expect_described(&odd_fields[2], "number, below 5");
    expect_described(&at_most, "number, 5 or less");
    expect_described(&odd_fields[3], "one of red, green, or a list of them");
    expect_described(&single, "integer or list of integers");
}

/* A table may name a registry that the program was not given. */
static void test_missing_registries(void **state) {
    static const struct field one[] = {FIELD(missing, FIELD_COMPONENT, .of = "nothing"), {0}};
    static const struct field list[] = {FIELD(missing_list, FIELD_COMPONENTS, .of = "nothing"), {0}};
    struct world *world = *state;
    struct odd odd = {0};
    assert_int_equal(read_fields(world, one, cJSON_Parse("{\"missing\": \"x\"}"), &odd), -1);
    expect_error(&world->error, ERROR_RUN, "a registry is missing");
    assert_int_equal(read_fields(world, list, cJSON_Parse("{\"missing_list\": []}"), &odd), -1);
    expect_error(&world->error, ERROR_RUN, "a registry is missing");
    assert_int_equal(read_fields(world, one, cJSON_Parse("{\"qqqqqqqqqqqqqqqq\": []}"), &odd), -1);
    expect_error(&world->error, ERROR_CONFIG, "o.json: qqqqqqqqqqqqqqqq: unknown field; known here: missing");
}

/* More keys than are looked through for one that was meant. */
static void test_many_fields(void **state) {
    struct world *world = *state;
    static struct field many[128];
    static char keys[128][8];
    for (int i = 0; i < 120; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        many[i] = (struct field){.key = keys[i], .type = FIELD_INT, .fallback = "0"};
    }
    struct odd odd = {0};
    struct field_reader reader = {&registries, &world->arena, &world->error};
    const struct place place = place_document("o.json");
    cJSON *json = cJSON_Parse("{\"type\": 0, \"qqqqqqqqqqqqqqqq\": 1}");
    assert_int_equal(fields_read(&reader, many, NULL, "type", json, &place, &odd), -1);
    assert_non_null(strstr(world->error.message, "unknown field; known here: k0, k1, "));
    assert_null(strstr(world->error.message, "k119"));
    cJSON_Delete(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refusals, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_long_choices, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_there_and_back, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_nullable, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_single, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_misplaced, paints_setup, paints_teardown),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test_setup_teardown(test_missing_registries, paints_setup, paints_teardown),
        cmocka_unit_test_setup_teardown(test_many_fields, paints_setup, paints_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
