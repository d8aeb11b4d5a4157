#include "tests/support/layer_case.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/activation.h"
#include "core/constraint.h"
#include "core/initializer.h"
#include "core/regularizer.h"
#include "layers/registry.h"

static const struct component_registry *const registry_list[] = {
    &layer_registry, &activation_registry, &initializer_registry, &regularizer_registry, &constraint_registry, NULL};
static const struct registries registries = {registry_list};

static int infer(struct layer *layer, const struct component *component, const struct place *place,
                 struct error *error);

/* Where the layers inside end; `shape` is where they begin. */
static int pass_inner(const struct component_list *inner, const struct place *place, struct shape *shape,
                      struct error *error) {
    for (int i = 0; i < inner->count; i++) {
        struct layer layer = {.input = *shape};
        if (infer(&layer, &inner->items[i], place, error) != 0) return -1;
        *shape = layer.output;
    }
    return 0;
}

static int infer(struct layer *layer, const struct component *component, const struct place *place,
                 struct error *error) {
    layer->kind = (const struct layer_kind *)(const void *)component->kind;
    layer->config = component->config;
    if (layer->kind->inner) {
        layer->second = layer->input;
        if (pass_inner(layer->kind->inner(layer->config), place, &layer->input, error) != 0) return -1;
    }
    return layer->kind->infer(layer, place, error);
}

bool layer_case_try(struct layer_case *test, const char *json, struct shape input) {
    *test = (struct layer_case){.layer = {.input = input, .name = "layer"}};
    struct place document = place_document("test.json"), model = place_key(&document, "model");
    struct place place = place_item(&model, 0);
    struct field_reader reader = {&registries, &test->arena, &test->error};
    struct component component = {0};
    cJSON *root = json_parse(json, strlen(json), "test.json", &test->error);
    int status = root ? component_read(&reader, &layer_registry, root, &place, &component) : -1;
    cJSON_Delete(root);
    return status == 0 && infer(&test->layer, &component, &place, &test->error) == 0;
}

void layer_case_open(struct layer_case *test, const char *json, struct shape input, int images) {
    if (!layer_case_try(test, json, input)) fail_msg("%s: %s: %s", json, test->error.path, test->error.message);
    if (layer_run_open(&test->run, &test->layer, kernels_reference(), images, &test->error) != 0)
        fail_msg("%s", test->error.message);
}

void layer_case_close(struct layer_case *test) {
    layer_run_close(&test->run);
    arena_free(&test->arena);
}

void assert_refused(const char *json, struct shape input, const char *expected) {
    struct layer_case test;
    char found[ERROR_PATH_SIZE + ERROR_MESSAGE_SIZE + 2];
    if (layer_case_try(&test, json, input)) fail_msg("%s was accepted", json);
    snprintf(found, sizeof found, "%s: %s", test.error.path, test.error.message);
    assert_string_equal(found, expected);
    assert_int_equal(test.error.code, ERROR_CONFIG);
    layer_case_close(&test);
}

void assert_output(const char *json, struct shape input, struct shape output) {
    struct layer_case test;
    char found[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    if (!layer_case_try(&test, json, input)) fail_msg("%s: %s: %s", json, test.error.path, test.error.message);
    assert_string_equal(shape_text(&test.layer.output, found, sizeof found),
                        shape_text(&output, expected, sizeof expected));
    layer_case_close(&test);
}

static void fill(float *values, const float *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = numbers ? numbers[i] : (float)(i + 1);
}

void layer_case_input(struct layer_case *test, const float *numbers) {
    fill(test->run.x, numbers, (size_t)test->run.images * test->run.input);
}

void layer_case_parameter(struct layer_case *test, int index, const float *numbers) {
    fill(test->run.parameters[index], numbers, test->run.sizes[index]);
}

void layer_case_dy(struct layer_case *test, float number) {
    for (size_t i = 0; i < (size_t)test->run.images * test->run.output; i++) test->run.dy[i] = number;
}

void assert_numbers(const float *found, const float *expected, size_t count, double tolerance) {
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)found[i] - (double)expected[i]) <= tolerance))
            fail_msg("number %zu is %.9g, expected %.9g", i, (double)found[i], (double)expected[i]);
}
