/* The gradient check, and with it the gradients of every example of every layer under every instruction set. */
#include "core/gradcheck.h"

#include <stdio.h>
#include <string.h>

#include "layers/registry.h"
#include "tests/support/layer_case.h"

static void check_example(const struct layer_kind *kind, const struct layer_example *example,
                          const struct kernels *kernels) {
    struct layer_case test;
    struct gradcheck_result result;
    char json[512];
    snprintf(json, sizeof json, "{\"type\": \"%s\"%s%s", kind->component.name,
             strcmp(example->config, "{}") == 0 ? "" : ", ", example->config + 1);
    if (!layer_case_try(&test, json, example->input)) fail_msg("%s: %s", json, test.error.message);
    assert_int_equal(gradcheck_layer(&test.layer, kernels, 7, &result, &test.error), 0);
    for (int i = 0; i < result.count; i++) {
        const struct gradcheck_tensor *tensor = &result.tensors[i];
        if (!tensor->passed)
            fail_msg("%s with %s: %s: error %g (analytic %g, numeric %g), %d checked, %d doubtful, zero %d", json,
                     kernels->name, tensor->name, tensor->error, tensor->analytic, tensor->numeric, tensor->checked,
                     tensor->doubtful, tensor->is_zero);
    }
    assert_true(result.passed);
    layer_case_close(&test);
}

static void every_layer_has_right_gradients(void **state) {
    (void)state;
    for (int table = 0; kernels_at(table); table++)
        for (const struct component_kind *const *at = layer_registry.kinds; *at; at++) {
            const struct layer_kind *kind = (const struct layer_kind *)(const void *)*at;
            int examples = 0;
            for (; kind->examples[examples].config; examples++)
                check_example(kind, &kind->examples[examples], kernels_at(table));
            assert_in_range(examples, 2, 100);
        }
}

/* Other seeds draw other inputs; none of them may be refused by chance. */
static void many_seeds(void **state) {
    (void)state;
    const char *const layers[] = {
        "{\"type\":\"Conv2D\",\"filters\":4,\"kernel_size\":3,\"activation\":\"relu\",\"padding\":\"same\"}",
        "{\"type\":\"SeparableConv2D\",\"filters\":4,\"kernel_size\":3,\"activation\":\"leaky_relu\"}",
        "{\"type\":\"MaxPooling2D\",\"pool_size\":3,\"strides\":1}",
        "{\"type\":\"GlobalMaxPooling2D\"}",
        "{\"type\":\"BatchNormalization\"}",
        "{\"type\":\"DeformableConv2D\",\"filters\":4,\"kernel_size\":3,\"padding\":\"same\",\"modulated\":true}",
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct layer_case test;
            struct gradcheck_result result;
            assert_true(layer_case_try(&test, layers[i], (struct shape){3, {6, 6, 3}}));
            assert_int_equal(gradcheck_layer(&test.layer, kernels_select(NULL), seed, &result, &test.error), 0);
            if (!result.passed) fail_msg("%s, seed %d: %s %g", layers[i], (int)seed, result.name, result.error);
            layer_case_close(&test);
        }
}

/* ---- a check that cannot fail is none: layers with mistakes in them ---- */

static const struct layer_kind *dense_kind;

static void halved_dx(const struct layer *layer, const struct pass *pass) {
    dense_kind->backward(layer, pass);
    for (int i = 0; pass->dx && i < pass->images * layer->input.size[0]; i++) pass->dx[i] *= 0.5F;
}

static void one_wrong_sign(const struct layer *layer, const struct pass *pass) {
    dense_kind->backward(layer, pass);
    if (pass->dx) pass->dx[1] = -pass->dx[1];
}

static void unwritten_dx(const struct layer *layer, const struct pass *pass) {
    (void)layer, (void)pass;
}

static void zero_dx(const struct layer *layer, const struct pass *pass) {
    memset(pass->dx, 0, (size_t)pass->images * (size_t)layer->input.size[0] * sizeof(float));
}

static void slightly_wrong_weights(const struct layer *layer, const struct pass *pass, int part, int parts) {
    dense_kind->batch_gradient(layer, pass, part, parts);
    if (part == 0) pass->gradients[0][0] *= 1.05F;
}

static void no_weights(const struct layer *layer, const struct pass *pass, int part, int parts) {
    (void)layer, (void)pass, (void)part, (void)parts;
}

static void assert_found(struct layer_kind wrong, const char *name) {
    struct layer_case test;
    struct gradcheck_result result;
    assert_true(
        layer_case_try(&test, "{\"type\":\"Dense\",\"units\":3,\"activation\":\"tanh\"}", (struct shape){1, {4}}));
    test.layer.kind = &wrong;
    assert_int_equal(gradcheck_layer(&test.layer, kernels_reference(), 7, &result, &test.error), 0);
    assert_false(result.passed);
    assert_true(result.error > GRADCHECK_TOLERANCE);
    assert_string_equal(result.name, name);
    layer_case_close(&test);
}

static void mistakes_are_found(void **state) {
    (void)state;
    dense_kind = (const struct layer_kind *)(const void *)registry_find(&layer_registry, "Dense");
    struct layer_kind wrong = *dense_kind;
    wrong.backward = halved_dx;
    assert_found(wrong, "input");
    wrong.backward = one_wrong_sign;
    assert_found(wrong, "input");
    wrong.backward = unwritten_dx;
    assert_found(wrong, "input");
    wrong.backward = zero_dx;
    assert_found(wrong, "input");
    wrong = *dense_kind;
    wrong.batch_gradient = slightly_wrong_weights;
    assert_found(wrong, "kernel");
    wrong.batch_gradient = no_weights;
    assert_found(wrong, "kernel");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_has_right_gradients),
        cmocka_unit_test(many_seeds),
        cmocka_unit_test(mistakes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
