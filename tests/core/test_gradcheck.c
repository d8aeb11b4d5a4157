/* The gradient check, and with it the gradients of every example of every layer under every instruction set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/gradcheck.h"
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
    print_message("%s %s %.1e %s\n", kernels->name, json, result.error, result.name);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_has_right_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
