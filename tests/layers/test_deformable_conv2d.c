/* DeformableConv2D: the numbers of torchvision.ops.deform_conv2d (scripts/golden/deformable.py), and what follows from
 * the definition. tests/core/test_parity.c trains with it. */
#include <math.h>

#include "tests/support/layer_case.h"

#define DEFORMABLE "{\"type\":\"DeformableConv2D\""

enum { KERNEL, OFFSET_KERNEL, OFFSET_BIAS, BIAS };

static const struct shape image = {3, {28, 28, 12}};

static void shapes_and_weights(void **state) {
    (void)state;
    struct layer_case test;
    char text[SHAPE_TEXT_SIZE];
    assert_output(DEFORMABLE ",\"filters\":4,\"kernel_size\":3}", image, (struct shape){3, {26, 26, 4}});
    assert_output(DEFORMABLE ",\"filters\":4,\"kernel_size\":[2,3],\"strides\":2,\"padding\":\"same\"}", image,
                  (struct shape){3, {14, 14, 4}});
    layer_case_open(&test, DEFORMABLE ",\"filters\":4,\"kernel_size\":[2,3],\"modulated\":true}", image, 1);
    assert_int_equal(test.layer.parameter_count, 4);
    static const char *const names[] = {"kernel", "offset_kernel", "offset_bias", "bias"};
    static const char *const shapes[] = {"(2,3,12,4)", "(2,3,12,18)", "(18)", "(4)"};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(test.layer.parameters[i].name, names[i]);
        assert_string_equal(shape_text(&test.layer.parameters[i].shape, text, sizeof text), shapes[i]);
    }
    assert_string_equal(test.layer.parameters[KERNEL].initializer.kind->name, "GlorotUniform");
    assert_string_equal(test.layer.parameters[OFFSET_KERNEL].initializer.kind->name, "Zeros");
    assert_true(test.layer.multiplications == 27.0 * 26 * (2 * 3 * 12) * (4 + 18 + 4));
    assert_string_equal(test.layer.note, "moves its taps by learned offsets, which the receptive field does not count");
    layer_case_close(&test);
}

/* ---- torchvision's numbers ---- */

/* 0.1, -0.2, 0.3, ... */
static void ramp(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = (float)(i + 1) / 10 * (i % 2 ? -1 : 1);
}

static const float said[] = {0, 0, 0.25F, -0.5F, -1, 2, 1.75F, 9, 0, 1, -1, 2}; /* offsets; the masks' logits */

struct expected {
    float y[18], dx[24], kernel[24], offset_kernel[96], offset_bias[12], bias[3];
};

static const struct expected plain = {
    .y = {2.58F, -2.91F, 3.24F, 1.85F, -2.23F, 2.61F, 6.66F, -7.47F, 8.28F, 3.61F, -4.31F, 5.01F, 9.61F, -10.7675F,
          11.925F, 4.07F, -4.9375F, 5.805F},
    .dx = {0.3275F, -0.575F,  0.1875F, -0.255F,  0.0825F, 0.35625F, -0.4575F, 0.62625F,
           1.29F,   -2.3025F, 0.79F,   -1.0825F, 1.55F,   -0.8525F, -1.15F,   1.5775F,
           2.37F,   -4.1925F, 1.51F,   -2.0725F, 2.99F,   -2.0225F, -1.87F,   2.5675F},
    .kernel = {-2.01F, 2.13F,  -2.25F, 2.1F,  -2.22F, 2.34F,  -1.925F, 2.035F, -2.145F, 2.0075F, -2.1175F, 2.2275F,
               3.69F,  -4.08F, 4.47F,  -3.9F, 4.32F,  -4.74F, 0,       0,      0,       0,       0,        0},
    .offset_kernel = {5.8824F,  -0.9042F, 16.4929F,  -2.09785F, -42.3038F, 5.8248F,  0, 0,
                      -6.0376F, 0.942F,   -16.9262F, 2.1919F,   44.3676F,  -6.2736F, 0, 0,
                      6.1928F,  -0.9798F, 17.3595F,  -2.28595F, -46.4314F, 6.7224F,  0, 0,
                      -6.348F,  1.0176F,  -17.7928F, 2.38F,     48.4952F,  -7.1712F, 0, 0,
                      -2.4112F, -0.6028F, -6.5008F,  -1.6252F,  11.5408F,  2.8852F,  0, 0,
                      2.512F,   0.628F,   6.7744F,   1.6936F,   -12.2912F, -3.0728F, 0, 0,
                      -2.6128F, -0.6532F, -7.048F,   -1.762F,   13.0416F,  3.2604F,  0, 0,
                      2.7136F,  0.6784F,  7.3216F,   1.8304F,   -13.792F,  -3.448F,  0, 0},
    .offset_bias = {1.552F, -0.378F, 4.333F, -0.9405F, -20.638F, 4.488F, 0, 0},
    .bias = {-0.9F, 0.9F, -0.9F},
};

static const struct expected modulated = {
    .y = {1.148221F, -1.3586F, 1.568979F, 1.312346F, -1.591625F, 1.870905F, 2.966405F, -3.416784F, 3.867163F, 2.506585F,
          -2.982835F, 3.459084F, 3.958493F, -4.552006F, 5.14552F, 2.750449F, -3.312181F, 3.873913F},
    .dx = {0.2070735F, -0.3464199F, 0.1370735F, -0.1864199F, -0.2631697F, 0.5631264F, -0.3344593F, 0.4578254F,
           0.8275363F, -1.401371F,  0.5775363F, -0.7913709F, -0.2716954F, 0.8855851F, -0.8407174F, 1.153245F,
           1.533898F,  -2.575119F,  1.103898F,  -1.515119F,  -0.3003252F, 1.236372F,  -1.36708F,   1.876993F},
    .kernel = {-1.005F,    1.065F,     -1.125F,    1.05F,     -1.11F,     1.17F,      -1.407288F, 1.487704F,
               -1.568121F, 1.4676F,    -1.548017F, 1.628433F, 0.9923938F, -1.097281F, 1.202168F,  -1.048872F,
               1.161827F,  -1.274782F, 0,          0,         0,          0,          0,          0},
    .offset_kernel = {2.9412F,    -0.4521F,    12.05728F,  -1.533651F, -11.37724F, 1.56653F,   0,          0,
                      -2.619F,    -4.9509F,    11.22013F,  0,          -3.0188F,   0.471F,     -12.37404F, 1.602407F,
                      11.93229F,  -1.687231F,  0,          0,          2.7354F,    5.185178F,  -11.99341F, 0,
                      3.0964F,    -0.4899F,    12.69081F,  -1.671163F, -12.48733F, 1.807932F,  0,          0,
                      -2.8518F,   -5.419456F,  12.76668F,  0,          -3.174F,    0.5088F,    -13.00758F, 1.739919F,
                      13.04237F,  -1.928633F,  0,          0,          2.9682F,    5.653733F,  -13.53996F, 0,
                      -1.2056F,   -0.3014F,    -4.752466F, -1.188116F, 3.103799F,  0.7759498F, 0,          0,
                      -1.1664F,   -2.923344F,  3.573697F,  0,          1.256F,     0.314F,     4.952483F,  1.238121F,
                      -3.305613F, -0.8264032F, 0,          0,          1.2188F,    3.053383F,  -3.793667F, 0,
                      -1.3064F,   -0.3266F,    -5.152501F, -1.288125F, 3.507426F,  0.8768566F, 0,          0,
                      -1.2712F,   -3.183422F,  4.013636F,  0,          1.3568F,    0.3392F,    5.352518F,  1.33813F,
                      -3.70924F,  -0.92731F,   0,          0,          1.3236F,    3.313462F,  -4.233605F, 0},
    .offset_bias = {0.776F, -0.189F, 3.167677F, -0.6875606F, -5.550413F, 1.207009F, 0, 0, -1.164F, -2.342779F,
                    7.732747F, 0},
    .bias = {-0.9F, 0.9F, -0.9F},
};

static void assert_definition(const char *json, const struct expected *expected) {
    struct layer_case test;
    layer_case_open(&test, json, (struct shape){3, {3, 4, 2}}, 1);
    struct layer_run *run = &test.run;
    for (int i = 0; kernels_at(i); i++) {
        run->kernels = kernels_at(i);
        ramp(run->x, run->input);
        ramp(run->dy, run->output);
        ramp(run->parameters[KERNEL], run->sizes[KERNEL]);
        ramp(run->parameters[BIAS], run->sizes[BIAS]);
        layer_case_parameter(&test, OFFSET_BIAS, said);
        layer_run_forward(run, false);
        assert_numbers(run->y, expected->y, run->output, 1e-5);
        layer_run_forward(run, true);
        assert_numbers(run->y, expected->y, run->output, 1e-5);
        layer_run_backward(run);
        assert_numbers(run->dx, expected->dx, run->input, 1e-5);
        assert_numbers(run->gradients[KERNEL], expected->kernel, run->sizes[KERNEL], 1e-5);
        assert_numbers(run->gradients[OFFSET_KERNEL], expected->offset_kernel, run->sizes[OFFSET_KERNEL], 5e-5);
        assert_numbers(run->gradients[OFFSET_BIAS], expected->offset_bias, run->sizes[OFFSET_BIAS], 5e-5);
        assert_numbers(run->gradients[BIAS], expected->bias, run->sizes[BIAS], 1e-5);
    }
    layer_case_close(&test);
}

static void torchvision(void **state) {
    (void)state;
    assert_definition(DEFORMABLE ",\"filters\":3,\"kernel_size\":2,\"strides\":[1,2],\"padding\":\"same\"}", &plain);
    assert_definition(DEFORMABLE
                      ",\"filters\":3,\"kernel_size\":2,\"strides\":[1,2],\"padding\":\"same\",\"modulated\":true}",
                      &modulated);
}

/* ---- what follows from the definition ---- */

static float number_at(size_t i) {
    return (float)((i * 37 + 11) % 101) / 50 - 1;
}

/* Where the side says 0 it is a Conv2D; modulated, half of one. */
static void no_offsets(void **state) {
    (void)state;
    struct layer_case test, conv;
    const struct shape shape = {3, {9, 8, 20}};
    layer_case_open(&test, DEFORMABLE ",\"filters\":7,\"kernel_size\":3,\"padding\":\"same\",\"modulated\":true}",
                    shape, 2);
    layer_case_open(&conv, "{\"type\":\"Conv2D\",\"filters\":7,\"kernel_size\":3,\"padding\":\"same\"}", shape, 2);
    for (size_t i = 0; i < 2 * test.run.input; i++) conv.run.x[i] = test.run.x[i] = number_at(i);
    for (size_t i = 0; i < test.run.sizes[KERNEL]; i++)
        conv.run.parameters[0][i] = test.run.parameters[KERNEL][i] = number_at(i + 5);
    layer_run_forward(&test.run, false);
    layer_run_forward(&conv.run, false);
    for (size_t i = 0; i < 2 * conv.run.output; i++) conv.run.y[i] /= 2;
    assert_numbers(test.run.y, conv.run.y, 2 * conv.run.output, 1e-4);
    layer_case_close(&test);
    layer_case_close(&conv);
}

/* A tap that looks far beyond the image sees 0; one that is told no number makes none. */
static void wild_offsets(void **state) {
    (void)state;
    struct layer_case test;
    layer_case_open(&test, DEFORMABLE ",\"filters\":1,\"kernel_size\":1}", (struct shape){3, {3, 3, 1}}, 1);
    layer_case_input(&test, NULL);
    layer_case_parameter(&test, KERNEL, NULL);
    layer_case_dy(&test, 1);
    static const float far[][2] = {{1e30F, 0}, {0, -1e30F}, {INFINITY, 0}, {-3.5F, 0}, {0, 3}, {-4, 0.5F}};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        layer_case_parameter(&test, OFFSET_BIAS, far[i]);
        layer_run_forward(&test.run, true);
        layer_run_backward(&test.run);
        for (int p = 0; p < 9; p++) {
            assert_true(test.run.y[p] == 0);
            assert_true(test.run.dx[p] == 0);
        }
        assert_true(test.run.gradients[OFFSET_BIAS][0] == 0 && test.run.gradients[OFFSET_BIAS][1] == 0);
    }
    layer_case_parameter(&test, OFFSET_BIAS, (const float[]){NAN, 0});
    layer_run_forward(&test.run, false);
    for (int p = 0; p < 9; p++) assert_true(isnan(test.run.y[p]));
    layer_case_close(&test);
}

static void refusals(void **state) {
    (void)state;
    assert_refused(DEFORMABLE ",\"filters\":1,\"kernel_size\":3,\"padding\":\"circular\"}", image,
                   "test.json: model[0].padding: must be one of valid, same; got \"circular\"");
    assert_refused(DEFORMABLE ",\"filters\":1,\"kernel_size\":29}", image,
                   "test.json: model[0].kernel_size: (29,29) is larger than the input (28,28,12); use a smaller one or "
                   "\"padding\": \"same\"");
    assert_refused(
        DEFORMABLE ",\"filters\":1,\"kernel_size\":2,\"strides\":2,\"dilation_rate\":2}", image,
        "test.json: model[0].dilation_rate: dilation_rate (2,2) cannot go together with strides (2,2); set one "
        "of them to 1");
    assert_refused(
        DEFORMABLE ",\"filters\":1,\"kernel_size\":1200,\"padding\":\"same\"}", image,
        "test.json: model[0].kernel_size: (1200,1200) on this input needs more than 2147483647 numbers for the "
        "offsets; use a smaller one");
    assert_refused(
        DEFORMABLE ",\"filters\":1,\"kernel_size\":2}", (struct shape){1, {8}},
        "test.json: model[0]: DeformableConv2D needs an image (height,width,channels), got (8); put it before "
        "Flatten, or add Reshape");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_weights), cmocka_unit_test(torchvision), cmocka_unit_test(no_offsets),
        cmocka_unit_test(wild_offsets),       cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
