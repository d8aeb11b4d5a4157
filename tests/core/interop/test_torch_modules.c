/* A model as modules of PyTorch: the text, and where each number of the weights stands. */
#include "core/interop/torch_modules.h"

#include <stdlib.h>
#include <string.h>

#include "core/model_graph.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"

struct world {
    struct config config;
    struct model model;
    struct graph graph;
    struct torch_modules torch;
    struct error error;
};

/* The modules of the layers for images (6,5,3); each weight is its own index. */
static void translate_for(struct world *world, const char *layers, bool training) {
    static const struct config_request request = {.registries = &test_registries};
    const struct model_graph_options options = {.logits = true, .training = training};
    struct text text = {0};
    *world = (struct world){0};
    text_print(&text, "{'name': 'x', 'model': [%s]}", layers);
    char *json = tiny_json(text.bytes);
    config_parse(&world->config, json, "x.json", &request, &world->error);
    expect_no_error(&world->error);
    model_build(&world->model, &world->config, &(struct shape){3, {6, 5, 3}}, &world->error);
    expect_no_error(&world->error);
    for (int i = 0; i < world->model.layer_count; i++)
        for (int k = 0; k < world->model.layers[i].parameter_count; k++) {
            float *numbers = model_parameter(&world->model, &world->model.layers[i], k);
            for (size_t n = 0; n < world->model.layers[i].parameters[k].size; n++) numbers[n] = (float)n;
        }
    model_graph(&world->graph, &world->model, &options, &world->error);
    if (world->error.code == ERROR_NONE) torch_modules_make(&world->torch, &world->graph, &world->model, &world->error);
    free(json);
    text_free(&text);
}

static void translate(struct world *world, const char *layers) {
    translate_for(world, layers, false);
}

static void drop(struct world *world) {
    torch_modules_free(&world->torch);
    graph_free(&world->graph);
    model_free(&world->model);
    config_free(&world->config);
}

static const float *tensor(const struct world *world, const char *name, const char *shape) {
    char text[SHAPE_TEXT_SIZE];
    for (size_t i = 0; i < world->torch.tensor_count; i++) {
        if (strcmp(world->torch.tensors[i].name, name) != 0) continue;
        assert_string_equal(shape_text(&world->torch.tensors[i].shape, text, sizeof text), shape);
        return world->torch.tensors[i].data;
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

static void expect_line(const struct world *world, const char *line) {
    if (!strstr(world->torch.lines.bytes, line)) fail_msg("no \"%s\" in\n%s", line, world->torch.lines.bytes);
}

#define DENSE "{'type': 'Flatten'}, {'type': 'Dense', 'units': 2}"

/* kernel (2,3,3,4) -> (4,3,2,3); matrix (5*3*4,2) -> (2,60) with columns in the order (4,5,3) */
static void kernels_and_matrices(void **state) {
    (void)state;
    struct world world;
    translate(&world, "{'type': 'Conv2D', 'filters': 4, 'kernel_size': [2, 3], 'activation': 'relu'}, " DENSE);
    expect_no_error(&world.error);
    assert_string_equal(world.torch.lines.bytes, "    nn.Conv2d(3, 4, (2, 3)),  # 0: conv2d\n"
                                                 "    nn.ReLU(),  # 1: conv2d\n"
                                                 "    nn.Flatten(),  # 2: flatten\n"
                                                 "    nn.Linear(60, 2),  # 3: dense\n");
    const float *weight = tensor(&world, "0.weight", "(4,3,2,3)");
    for (int f = 0; f < 4; f++)
        for (int c = 0; c < 3; c++)
            for (int t = 0; t < 6; t++) assert_true(weight[(f * 3 + c) * 6 + t] == (float)((t * 3 + c) * 4 + f));
    assert_true(tensor(&world, "0.bias", "(4)")[3] == 3);
    weight = tensor(&world, "3.weight", "(2,60)");
    for (int unit = 0; unit < 2; unit++)
        for (int c = 0; c < 4; c++)
            for (int p = 0; p < 15; p++) assert_true(weight[unit * 60 + c * 15 + p] == (float)((p * 4 + c) * 2 + unit));
    assert_int_equal(world.torch.tensor_count, 4);
    drop(&world);
}

/* Depthwise (2,2,3,2): channel c*2 + m of the output is kernel [..][c][m]. */
static void depthwise_is_groups(void **state) {
    (void)state;
    struct world world;
    translate(&world, "{'type': 'SeparableConv2D', 'filters': 2, 'kernel_size': 2, 'depth_multiplier': 2, "
                      "'padding': 'same'}, {'type': 'GlobalAveragePooling2D'}, {'type': 'Dense', 'units': 2}");
    expect_no_error(&world.error);
    expect_line(&world, "nn.ZeroPad2d((0, 1, 0, 1)),  # 0: separable_conv2d\n");
    expect_line(&world, "nn.Conv2d(3, 6, (2, 2), groups=3, bias=False),  # 1: separable_conv2d\n");
    expect_line(&world, "nn.Conv2d(6, 2, (1, 1)),  # 2: separable_conv2d\n");
    expect_line(&world, "nn.AdaptiveAvgPool2d(1),  # 3: global_average_pooling2d\n");
    const float *weight = tensor(&world, "1.weight", "(6,1,2,2)");
    for (int channel = 0; channel < 6; channel++)
        for (int t = 0; t < 4; t++) assert_true(weight[channel * 4 + t] == (float)(t * 6 + channel));
    tensor(&world, "2.bias", "(2)");
    drop(&world);
}

/* A normalization of what Flatten lined up is in the same new order; what is not learned is 1 and 0. */
static void batch_normalization(void **state) {
    (void)state;
    struct world world;
    translate(&world, "{'type': 'BatchNormalization', 'scale': false, 'epsilon': 0.25, 'momentum': 0.75}, "
                      "{'type': 'Flatten'}, {'type': 'BatchNormalization'}, {'type': 'Dense', 'units': 2}");
    expect_no_error(&world.error);
    expect_line(&world, "nn.BatchNorm2d(3, eps=0.25, momentum=0.25),  # 0: batch_normalization\n");
    expect_line(&world, "nn.BatchNorm1d(90, eps=0.001, momentum=0.01),  # 2: batch_normalization_1\n");
    assert_true(tensor(&world, "0.weight", "(3)")[2] == 1);
    assert_true(tensor(&world, "0.bias", "(3)")[2] == 2);
    assert_true(tensor(&world, "0.running_var", "(3)")[1] == 1);
    const float *mean = tensor(&world, "2.running_mean", "(90)");
    assert_true(mean[1] == 3 && mean[30] == 1);
    drop(&world);
}

static void other_modules(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{'type': 'MaxPooling2D', 'pool_size': 2, 'padding': 'same'}",
         "nn.MaxPool2d((2, 2), stride=(2, 2), ceil_mode=True)"},
        {"{'type': 'AveragePooling2D', 'pool_size': 3, 'strides': 1, 'padding': 'same'}",
         "nn.AvgPool2d((3, 3), stride=(1, 1), padding=(1, 1), count_include_pad=False)"},
        {"{'type': 'MaxPooling2D', 'pool_size': 2, 'strides': 1, 'padding': 'same'}",
         "nn.ConstantPad2d((0, 1, 0, 1), float(\"-inf\"))"},
        {"{'type': 'SumPooling2D'}", "nn.AvgPool2d((2, 2), stride=(2, 2), divisor_override=1)"},
        {"{'type': 'UpSampling2D', 'size': [2, 3]}", "nn.Upsample(scale_factor=(2, 3), mode=\"nearest\")"},
        {"{'type': 'ZeroPadding2D', 'padding': [[1, 2], [3, 4]]}", "nn.ZeroPad2d((3, 4, 1, 2))"},
        {"{'type': 'Cropping2D', 'cropping': [[1, 2], [0, 1]]}", "nn.ZeroPad2d((0, -1, -1, -2))"},
        {"{'type': 'Activation', 'activation': 'silu'}", "nn.SiLU()"},
        {"{'type': 'Activation', 'activation': 'gelu'}", "nn.GELU()"},
        {"{'type': 'Activation', 'activation': {'type': 'leaky_relu', 'negative_slope': 0.5}}", "nn.LeakyReLU(0.5)"},
        {"{'type': 'PReLU', 'shared_axes': [1, 2]}", "nn.PReLU(3)"},
        {"{'type': 'ReLU', 'max_value': 6}", "nn.ReLU6()"},
        {"{'type': 'ReLU', 'max_value': 2.5}", "nn.Hardtanh(0, 2.5)"},
        {"{'type': 'ReLU', 'negative_slope': 0.25}", "nn.LeakyReLU(0.25)"},
        {"{'type': 'Conv2D', 'filters': 2, 'kernel_size': 1, 'activation': 'relu6'}", "nn.ReLU6(),  # 1: conv2d"},
        {"{'type': 'Activation', 'activation': 'softplus'}", "nn.Softplus()"},
        {"{'type': 'Activation', 'activation': 'softsign'}", "nn.Softsign()"},
        {"{'type': 'Rescaling', 'scale': 0.5, 'offset': -1}", "Scale(0.5, -1)"},
        {"{'type': 'Activation', 'activation': 'selu'}", "nn.SELU()"},
        {"{'type': 'AveragePooling2D', 'pool_size': 2, 'strides': 1, 'padding': 'same'}",
         "MeanPool((2, 2), (1, 1), (0, 1, 0, 1))"},
        {"{'type': 'Conv2DTranspose', 'filters': 2, 'kernel_size': 3, 'strides': 2}",
         "nn.ConvTranspose2d(3, 2, (3, 3), stride=(2, 2))"},
        {"{'type': 'Conv2D', 'filters': 2, 'kernel_size': 3, 'padding': 'same', 'use_bias': false}",
         "nn.Conv2d(3, 2, (3, 3), padding=(1, 1), bias=False)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world world;
        struct text layers = {0};
        text_print(&layers, "%s, " DENSE, cases[i][0]);
        translate(&world, layers.bytes);
        expect_no_error(&world.error);
        expect_line(&world, cases[i][1]);
        text_free(&layers);
        drop(&world);
    }
}

/* Dropout is there in training alone, and what is not to be learned is told. */
static void for_training(void **state) {
    (void)state;
    static const char layers[] =
        "{'type': 'Conv2D', 'filters': 2, 'kernel_size': 2, 'padding': 'same', 'trainable': false}, "
        "{'type': 'BatchNormalization', 'scale': false}, {'type': 'BatchNormalization', 'center': false}, "
        "{'type': 'SpatialDropout2D', 'rate': 0.25}, {'type': 'Flatten'}, {'type': 'Dropout', 'rate': 0.5}, "
        "{'type': 'Dense', 'units': 2}";
    struct world world;
    translate_for(&world, layers, true);
    expect_no_error(&world.error);
    assert_string_equal(
        world.torch.lines.bytes,
        "    nn.ZeroPad2d((0, 1, 0, 1)),  # 0: conv2d\n"
        "    nn.Conv2d(3, 2, (2, 2)).requires_grad_(False),  # 1: conv2d\n"
        "    fixed(nn.BatchNorm2d(2, eps=0.001, momentum=0.01), \"weight\"),  # 2: batch_normalization\n"
        "    fixed(nn.BatchNorm2d(2, eps=0.001, momentum=0.01), \"bias\"),  # 3: batch_normalization_1\n"
        "    nn.Dropout2d(0.25),  # 4: spatial_dropout2d\n"
        "    nn.Flatten(),  # 5: flatten\n"
        "    nn.Dropout(0.5),  # 6: dropout\n"
        "    nn.Linear(60, 2),  # 7: dense\n");
    assert_true(world.torch.uses_fixed);
    drop(&world);
    translate(&world, layers);
    expect_no_error(&world.error);
    assert_null(strstr(world.torch.lines.bytes, "Dropout"));
    expect_line(&world, "    nn.Conv2d(3, 2, (2, 2)),  # 1: conv2d\n");
    expect_line(&world, "    nn.BatchNorm2d(2, eps=0.001, momentum=0.01),  # 2: batch_normalization\n");
    drop(&world);
    translate_for(
        &world,
        "{'type': 'LayerNormalization', 'center': false}, {'type': 'Residual', 'layers': [{'type': "
        "'Conv2D', 'filters': 4, 'kernel_size': 1, 'trainable': false}, {'type': 'Dropout', 'rate': 0.5}]}, " DENSE,
        true);
    expect_no_error(&world.error);
    expect_line(&world, "    fixed(LayerNorm((3), eps=0.001), \"bias\"),  # 0: layer_normalization\n");
    expect_line(&world, "            nn.Conv2d(3, 4, (1, 1)).requires_grad_(False),  # 0: conv2d\n");
    expect_line(&world, "            nn.Dropout(0.5),  # 1: dropout\n");
    expect_line(&world, "        nn.Conv2d(3, 4, (1, 1)),  # 1: residual\n");
    drop(&world);
    translate_for(&world, "{'type': 'GaussianNoise', 'stddev': 0.5}, " DENSE, true);
    expect_error(&world.error, ERROR_CONFIG,
                 "layer \"gaussian_noise\": no module of PyTorch stands for this GaussianNoise; leave it out, or "
                 "convert to another format");
    drop(&world);
}

static void expect_text(const char *text, const char *part) {
    if (!text || !strstr(text, part)) fail_msg("no \"%s\" in\n%s", part, text ? text : "nothing");
}

/* Images are normalized along the axes that they have here, vectors in the order of nn.Flatten. */
static void layer_normalization(void **state) {
    (void)state;
    struct world world;
    translate(&world, "{'type': 'LayerNormalization'}, {'type': 'LayerNormalization', 'axis': [1, 2, 3], 'center': "
                      "false, 'epsilon': 0.25}, {'type': 'LayerNormalization', 'axis': [2, 3], 'center': false, "
                      "'scale': false}, {'type': 'Flatten'}, {'type': 'LayerNormalization'}, "
                      "{'type': 'Dense', 'units': 2}");
    expect_no_error(&world.error);
    expect_line(&world, "    LayerNorm((3), eps=0.001),  # 0: layer_normalization\n");
    expect_line(&world, "    nn.LayerNorm((3,6,5), eps=0.25),  # 1: layer_normalization_1\n");
    expect_line(&world, "    LayerNorm((5,3), eps=0.001, elementwise_affine=False),  # 2: layer_normalization_2\n");
    expect_line(&world, "    nn.LayerNorm((90), eps=0.001),  # 4: layer_normalization_3\n");
    assert_true(tensor(&world, "0.weight", "(3)")[2] == 2);
    const float *gamma = tensor(&world, "1.weight", "(3,6,5)"), *beta = tensor(&world, "1.bias", "(3,6,5)");
    assert_true(gamma[1] == 3 && gamma[30] == 1 && beta[7] == 0);
    assert_true(tensor(&world, "4.bias", "(90)")[30] == 1);
    assert_true(world.torch.uses[TORCH_LAYER_NORM] && !world.torch.uses[TORCH_RESHAPE]);
    drop(&world);
}

/* Blocks within blocks; a projection is a module of its own name. */
static void residual(void **state) {
    (void)state;
    struct world world;
    translate(&world, "{'type': 'Residual', 'layers': [{'type': 'Residual', 'layers': [{'type': 'ReLU'}]}, "
                      "{'type': 'Conv2D', 'filters': 4, 'kernel_size': 3, 'strides': 2, 'padding': 'same'}], "
                      "'activation': 'tanh'}, " DENSE);
    expect_no_error(&world.error);
    assert_string_equal(world.torch.lines.bytes, "    Residual(\n"
                                                 "        nn.Sequential(\n"
                                                 "            Residual(\n"
                                                 "                nn.Sequential(\n"
                                                 "                    nn.ReLU(),  # 0: re_lu\n"
                                                 "                ),\n"
                                                 "            ),  # 0: residual\n"
                                                 "            nn.ZeroPad2d((1, 1, 0, 1)),  # 1: conv2d\n"
                                                 "            nn.Conv2d(3, 4, (3, 3), stride=(2, 2)),  # 2: conv2d\n"
                                                 "        ),\n"
                                                 "        nn.Conv2d(3, 4, (1, 1), stride=(2, 2)),  # 0: residual_1\n"
                                                 "    ),  # 0: residual_1\n"
                                                 "    nn.Tanh(),  # 1: residual_1\n"
                                                 "    nn.Flatten(),  # 2: flatten\n"
                                                 "    nn.Linear(36, 2),  # 3: dense\n");
    const float *block = tensor(&world, "0.block.2.weight", "(4,3,3,3)");
    assert_true(block[1] == 12 && block[27] == 1);
    assert_true(tensor(&world, "0.projection.weight", "(4,3,1,1)")[3] == 1);
    tensor(&world, "0.projection.bias", "(4)");
    tensor(&world, "3.weight", "(2,36)");
    assert_int_equal(world.torch.tensor_count, 6);
    assert_true(world.torch.uses[TORCH_RESIDUAL]);
    drop(&world);
}

/* What a way around a matrix takes along must not change its order. */
static void order_is_kept_around_matrices(void **state) {
    (void)state;
    struct world world;
    translate(&world, "{'type': 'Flatten'}, {'type': 'Residual', 'layers': [{'type': 'Dense', 'units': 90}]}, "
                      "{'type': 'Reshape', 'target_shape': [5, 6, 3]}, " DENSE);
    expect_no_error(&world.error);
    expect_line(&world, "    Reshape(90),  # 0: flatten\n");
    expect_line(&world, "    Reshape(5,6,3),  # 2: reshape\n");
    expect_line(&world, "    nn.Flatten(),  # 3: flatten_1\n");
    assert_true(tensor(&world, "1.block.0.weight", "(90,90)")[1] == 90);
    drop(&world);
}

static void deformable(void **state) {
    (void)state;
    struct world world;
    translate(&world, "{'type': 'DeformableConv2D', 'filters': 4, 'kernel_size': [2, 3], 'padding': 'same', "
                      "'modulated': true}, " DENSE);
    expect_no_error(&world.error);
    expect_line(&world, "    DeformableConv2d(3, 4, (2, 3), (1, 1), (1, 1, 0, 1), (1, 1), modulated=True, bias=True),");
    const float *weight = tensor(&world, "0.weight", "(4,3,2,3)");
    assert_true(weight[1] == 12 && weight[18] == 1);
    weight = tensor(&world, "0.offset.weight", "(18,3,2,3)");
    assert_true(weight[1] == 54 && weight[18] == 1);
    assert_true(tensor(&world, "0.offset.bias", "(18)")[17] == 17);
    tensor(&world, "0.bias", "(4)");
    drop(&world);
    translate(&world, "{'type': 'DeformableConv2D', 'filters': 4, 'kernel_size': 3, 'use_bias': false}, " DENSE);
    expect_line(&world, "modulated=False, bias=False),");
    assert_int_equal(world.torch.tensor_count, 5);
    drop(&world);
}

/* Numbers one by one that no module does become a class. One slope for all is a module's. */
static void functions(void **state) {
    (void)state;
    struct world world;
    translate(&world, "{'type': 'PReLU', 'shared_axes': [1, 2, 3]}, {'type': 'PReLU', 'shared_axes': [1]}, "
                      "{'type': 'ReLU', 'threshold': 0.5}, " DENSE);
    expect_no_error(&world.error);
    expect_line(&world,
                "    nn.PReLU(1),  # 0: p_re_lu\n    Function1(),  # 1: p_re_lu_1\n    Function2(),  # 2: re_lu\n");
    expect_text(world.torch.functions.bytes, "class Function1(nn.Module):  # p_re_lu_1\n"
                                             "    def __init__(self):\n"
                                             "        super().__init__()\n"
                                             "        self.alpha = nn.Parameter(torch.zeros(3,1,5))\n\n"
                                             "    def forward(self, x):\n");
    expect_text(world.torch.functions.bytes, " * self.alpha\n");
    expect_text(world.torch.functions.bytes, "class Function2(nn.Module):  # re_lu\n    def forward(self, x):\n");
    assert_true(tensor(&world, "1.alpha", "(3,1,5)")[5] == 1);
    assert_true(tensor(&world, "0.weight", "(1)")[0] == 0);
    drop(&world);
}

static void no_module_for_it(void **state) {
    (void)state;
    struct world world;
    translate(&world,
              "{'type': 'Reshape', 'target_shape': [30, 3]}, {'type': 'BatchNormalization', 'name': 'norm'}, " DENSE);
    expect_error(&world.error, ERROR_CONFIG,
                 "layer \"norm\": no module of PyTorch stands for this BatchNormalization; convert to ONNX, which "
                 "PyTorch's users can run as well");
    drop(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_and_matrices),
        cmocka_unit_test(depthwise_is_groups),
        cmocka_unit_test(batch_normalization),
        cmocka_unit_test(other_modules),
        cmocka_unit_test(layer_normalization),
        cmocka_unit_test(residual),
        cmocka_unit_test(deformable),
        cmocka_unit_test(order_is_kept_around_matrices),
        cmocka_unit_test(functions),
        cmocka_unit_test(for_training),
        cmocka_unit_test(no_module_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
