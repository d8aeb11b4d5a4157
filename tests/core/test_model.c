#include "core/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/activation.h"
#include "core/config.h"
#include "core/run.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"

struct built {
    struct config config;
    struct model model;
};

/* Builds the layers (JSON with single quotes) for an input; the status is model_build's. */
static int try_build(struct built *built, const char *layers, struct shape input, struct error *error) {
    *built = (struct built){0};
    char text[4096];
    snprintf(text, sizeof text, "{'model': %s}", layers);
    char *json = tiny_json(text);
    struct config_request request = {.registries = &test_registries};
    struct error none = {0};
    config_parse(&built->config, json, "m.json", &request, &none);
    expect_no_error(&none);
    free(json);
    return model_build(&built->model, &built->config, &input, error);
}

static void build(struct built *built, const char *layers, struct shape input) {
    struct error error = {0};
    try_build(built, layers, input, &error);
    expect_no_error(&error);
}

static void take_down(struct built *built) {
    model_free(&built->model);
    config_free(&built->config);
}

static const struct shape small = {3, {8, 8, 4}};

static void expect_names(const char *layers, const char *const *names, int count) {
    struct built built;
    build(&built, layers, small);
    assert_int_equal(built.model.layer_count, count);
    for (int i = 0; i < count; i++) {
        assert_string_equal(built.model.layers[i].name, names[i]);
        assert_int_equal(built.model.layers[i].index, i);
    }
    take_down(&built);
}

static void test_automatic_names(void **state) {
    (void)state;
    expect_names(
        "[{'type': 'Conv2D', 'filters': 2, 'kernel_size': 1}, {'type': 'Conv2D', 'filters': 2, 'kernel_size': 1},"
        " {'type': 'DepthwiseConv2D', 'kernel_size': 1}, {'type': 'SeparableConv2D', 'filters': 2, 'kernel_size': 1},"
        " 'BatchNormalization', {'type': 'MaxPooling2D', 'pool_size': 1}, {'type': 'AveragePooling2D', 'pool_size': 1},"
        " {'type': 'MaxPooling2D', 'pool_size': 1}, {'type': 'Conv2D', 'filters': 2, 'kernel_size': 1},"
        " {'type': 'Activation', 'activation': 'relu'}, {'type': 'Reshape', 'target_shape': [8, 8, 2]},"
        " 'GlobalAveragePooling2D', 'Flatten', {'type': 'Dropout', 'rate': 0}, {'type': 'Dense', 'units': 2},"
        " {'type': 'Dense', 'units': 2}]",
        (const char *const[]){"conv2d", "conv2d_1", "depthwise_conv2d", "separable_conv2d", "batch_normalization",
                              "max_pooling2d", "average_pooling2d", "max_pooling2d_1", "conv2d_2", "activation",
                              "reshape", "global_average_pooling2d", "flatten", "dropout", "dense", "dense_1"},
        16);
    expect_names("['GlobalMaxPooling2D']", (const char *const[]){"global_max_pooling2d"}, 1);
}

/* Automatic names keep clear of given ones, wherever those stand. */
static void test_given_names(void **state) {
    (void)state;
    expect_names("['Flatten', {'type': 'Dense', 'units': 2}, {'type': 'Dense', 'units': 2, 'name': 'dense'},"
                 " {'type': 'Dense', 'units': 2}, {'type': 'Dense', 'units': 3, 'name': 'top layer'},"
                 " {'type': 'Dense', 'units': 2, 'name': 'dense_3'}]",
                 (const char *const[]){"flatten", "dense_1", "dense", "dense_2", "top layer", "dense_3"}, 6);
}

/* Repeated layers count as if they were written out. */
static void test_repeat(void **state) {
    (void)state;
    expect_names(
        "[{'repeat': 2, 'layers': [{'repeat': 2, 'layers': [{'type': 'Conv2D', 'filters': 2, 'kernel_size': 1}]},"
        " {'type': 'MaxPooling2D'}]}, 'Flatten']",
        (const char *const[]){"conv2d", "conv2d_1", "max_pooling2d", "conv2d_2", "conv2d_3", "max_pooling2d_1",
                              "flatten"},
        7);
}

#define STEM "{'type': 'Conv2D', 'filters': 4, 'kernel_size': 3, 'padding': 'same'}"

/* Layers inside of a block stand in the one line of all layers, before the sum. */
static void test_residual(void **state) {
    (void)state;
    static const char layers[] = "[" STEM ", {'type': 'Residual', 'layers': [" STEM ", {'type': 'Residual', 'layers': ["
                                 "{'type': 'MaxPooling2D', 'padding': 'same'}, " STEM "]}]}, 'Flatten']";
    expect_names(
        layers,
        (const char *const[]){"conv2d", "conv2d_1", "max_pooling2d", "conv2d_2", "residual", "residual_1", "flatten"},
        7);
    struct built built;
    build(&built, layers, small);
    static const int owners[] = {LAYER_NO_OWNER, 5, 4, 4, 5, LAYER_NO_OWNER, LAYER_NO_OWNER};
    for (int i = 0; i < 7; i++) assert_true(built.model.layers[i].owner == owners[i]);
    assert_int_equal(built.model.layers[4].second_tensor, 2);
    assert_int_equal(built.model.layers[5].second_tensor, 1);
    assert_int_equal(built.model.layers[5].second.size[0], 8);
    assert_int_equal(built.model.layers[5].second_stride[0], 2);
    take_down(&built);
}

/* Strides of 4 turn 5 cells into 2, as 3 would: the block's own count. */
static void test_strides_of_a_block(void **state) {
    (void)state;
    struct built built;
    build(&built,
          "[{'type': 'Residual', 'layers': [{'type': 'Conv2D', 'filters': 3, 'kernel_size': 3, 'padding': 'same', "
          "'strides': 2}, {'type': 'MaxPooling2D', 'padding': 'same'}]}]",
          (struct shape){3, {5, 5, 3}});
    assert_int_equal(built.model.layers[2].second_stride[0], 4);
    take_down(&built);
}

/* A frozen block keeps the weights of all that is inside. */
static void test_frozen_block(void **state) {
    (void)state;
    struct built built;
    build(&built,
          "[" STEM ", {'type': 'Residual', 'trainable': false, 'layers': [{'type': 'Residual', 'layers': [" STEM "]}, "
          "{'type': 'Conv2D', 'filters': 5, 'kernel_size': 1}]}]",
          small);
    static const bool frozen[] = {false, true, true, true, true};
    for (int i = 0; i < 5; i++) assert_int_equal(built.model.layers[i].frozen, frozen[i]);
    assert_int_equal(built.model.trainable_count, 4 * 9 * 4 + 4);
    take_down(&built);
}

/* As re.sub("(.)([A-Z][a-z]+)", r"\1_\2") and then re.sub("([a-z])([A-Z])", r"\1_\2") leave them, in lower case. */
static void test_snake_case(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"Conv2D", "conv2d"},
        {"Conv2DTranspose", "conv2d_transpose"},
        {"GlobalAveragePooling2D", "global_average_pooling2d"},
        {"ZeroPadding2D", "zero_padding2d"},
        {"UpSampling2D", "up_sampling2d"},
        {"ReLU", "re_lu"},
        {"PReLU", "p_re_lu"},
        {"LeakyReLU", "leaky_re_lu"},
        {"ELU", "elu"},
        {"RGB2Gray", "rgb2_gray"},
        {"SpatialDropout2D", "spatial_dropout2d"},
        {"A", "a"},
        {"ABc", "a_bc"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[LAYER_NAME_SIZE];
        model_snake_case(rows[i][0], name, sizeof name);
        assert_string_equal(name, rows[i][1]);
    }
    char cut[5];
    model_snake_case("AbCdEf", cut, sizeof cut);
    assert_true(strlen(cut) < sizeof cut);
}

static void refuse(const char *layers, struct shape input, const char *text) {
    struct built built;
    struct error error = {0};
    assert_int_equal(try_build(&built, layers, input, &error), -1);
    expect_error(&error, ERROR_CONFIG, text);
    assert_true(!built.model.layers && !built.model.parameters && built.model.layer_count == 0);
    take_down(&built);
}

static void test_refused(void **state) {
    (void)state;
    refuse("[]", small, "m.json: model: has no layers; a model needs at least one");
    refuse("['Flatten', {'type': 'Dense', 'units': 2, 'name': 'a'}, {'type': 'Dense', 'units': 2, 'name': 'a'}]", small,
           "m.json: model[2].name: \"a\" names another layer too; names must differ");
    refuse("[{'type': 'Residual', 'layers': ['ReLU', {'type': 'Conv2D', 'filters': 3, 'kernel_size': 9}]}]", small,
           "m.json: model[0].layers[1].kernel_size: (9,9) is larger than the input (8,8,4); use a smaller one or "
           "\"padding\": \"same\"");
    refuse("['Flatten', {'repeat': 2, 'layers': [{'type': 'Dense', 'units': 2, 'name': 'a'}]}]", small,
           "m.json: model[1].layers[0].name: names a layer that is repeated, and names must differ; leave it out");
    refuse(
        "[{'type': 'ReLU'}, {'repeat': 3, 'layers': [{'repeat': 2, 'layers': ['ELU', 'MaxPooling2D']}]}]", small,
        "m.json: model[1].layers[0].layers[1].pool_size: (2,2) is larger than the input (1,1,4); use a smaller one or "
        "\"padding\": \"same\"");
    refuse("['Flatten', {'type': 'Dense', 'units': 2, 'bias_constraint': {'type': 'UnitNorm', 'axis': 1}}]", small,
           "m.json: model[1]: the UnitNorm of bias has axis 1, but bias has the shape (2); give it -1 to 0");
    refuse(
        "['Flatten', {'type': 'Dense', 'units': 2, 'activation': 'softmax', 'activity_regularizer': 'l1'}]", small,
        "m.json: model[1].activity_regularizer: cannot be on the last layer, whose softmax is a part of the loss; put "
        "it on a layer before");
    refuse("['Flatten', {'type': 'Dropout', 'rate': 0, 'name': ''}]", small,
           "m.json: model[1].name: must be 1 to 63 characters without slashes, quotes and control characters");
    refuse("[{'type': 'Flatten', 'name': 'a/b'}]", small,
           "m.json: model[0].name: must be 1 to 63 characters without slashes, quotes and control characters");
    refuse("[{'type': 'Flatten', 'name': '0123456789012345678901234567890123456789012345678901234567890123'}]", small,
           "m.json: model[0].name: must be 1 to 63 characters without slashes, quotes and control characters");
    refuse("[{'type': 'MaxPooling2D'}, {'type': 'Dense', 'units': 2}]", small,
           "m.json: model[1]: Dense needs a flat input, got (4,4,4); add Flatten before it");
    refuse("['Flatten', {'type': 'Conv2D', 'filters': 2, 'kernel_size': 1}]", small,
           "m.json: model[1]: Conv2D needs an image (height,width,channels), got (256); put it before Flatten, or add "
           "Reshape");
    refuse("[{'type': 'Conv2D', 'filters': 2, 'kernel_size': 9}]", small,
           "m.json: model[0].kernel_size: (9,9) is larger than the input (8,8,4); use a smaller one or \"padding\": "
           "\"same\"");
}

/* Sizes are refused before anything is allocated. */
static void test_too_large(void **state) {
    (void)state;
    refuse("['Flatten', {'type': 'Dense', 'units': 2147483647}]", small,
           "m.json: model[1]: kernel would be (256,2147483647), more than 2147483647 numbers; make the layer smaller");
    const struct shape huge = {3, {65536, 32767, 1}};
    refuse("[{'type': 'Conv2D', 'filters': 8, 'kernel_size': 1}]", huge,
           "m.json: model[0]: the output would be (65536,32767,8), more than 2147483647 numbers an image; make it "
           "smaller");
    refuse("['Flatten']", (struct shape){3, {65536, 65536, 65536}},
           "m.json: model: images of (65536,65536,65536) are larger than any layer takes; make them smaller");
    char *many = malloc(16 * 1100);
    assert_non_null(many);
    strcpy(many, "['Flatten'");
    for (int i = 0; i < MODEL_LAYERS_MAX; i++) strcat(many, ",'Flatten'");
    strcat(many, "]");
    struct built built = {0};
    struct error error = {0};
    char *text = malloc(16 * 1100);
    assert_non_null(text);
    snprintf(text, 16 * 1100, "{'model': %s}", many);
    char *json = tiny_json(text);
    struct config_request request = {.registries = &test_registries};
    config_parse(&built.config, json, "m.json", &request, &error);
    expect_no_error(&error);
    assert_int_equal(model_build(&built.model, &built.config, &small, &error), -1);
    expect_error(&error, ERROR_CONFIG, "m.json: model: has 1025 layers, at most 1024 are allowed; leave some out");
    free(json);
    free(text);
    free(many);
    take_down(&built);
}

/* Every parameter begins a cache line, the trainable ones come first, and nobody shares. */
static void test_parameter_block(void **state) {
    (void)state;
    struct built built;
    build(&built,
          "[{'type': 'Conv2D', 'filters': 5, 'kernel_size': 3}, 'BatchNormalization', 'Flatten',"
          " {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]",
          small);
    const struct model *model = &built.model;
    assert_int_equal(model->trainable_count, 3 * 3 * 4 * 5 + 5 + 10 + 180 * 3 + 3);
    assert_int_equal(model->non_trainable_count, 10);
    assert_true(model->ends_in_softmax);
    assert_true(shape_equal(&model->output, &(struct shape){1, {3}}));
    char *used = calloc(model->parameter_floats, 1);
    assert_non_null(used);
    for (int i = 0; i < model->layer_count; i++)
        for (int k = 0; k < model->layers[i].parameter_count; k++) {
            const struct parameter *parameter = &model->layers[i].parameters[k];
            assert_int_equal(parameter->offset % 16, 0);
            assert_true(parameter->trainable == (parameter->offset < model->trainable_floats));
            assert_true(parameter->offset + parameter->size <= model->parameter_floats);
            assert_ptr_equal(model_parameter(model, &model->layers[i], k), model->parameters + parameter->offset);
            for (size_t at = 0; at < parameter->size; at++) assert_int_equal(used[parameter->offset + at]++, 0);
        }
    for (size_t i = 0; i < model->parameter_floats; i++) assert_true(model->parameters[i] == 0);
    char name[PARAMETER_NAME_SIZE];
    assert_string_equal(model_parameter_name(&model->layers[1], 3, name, sizeof name),
                        "batch_normalization/moving_variance");
    free(used);
    take_down(&built);
}

static void test_initialize(void **state) {
    (void)state;
    static const char layers[] = "[{'type': 'Conv2D', 'filters': 5, 'kernel_size': 3}, {'type': 'Conv2D', 'filters': 5,"
                                 " 'kernel_size': 3, 'bias_initializer': 'ones'}, 'BatchNormalization']";
    const struct shape input = {3, {8, 8, 5}};
    struct error error = {0};
    struct built built[3];
    for (int i = 0; i < 3; i++) {
        build(&built[i], layers, input);
        assert_int_equal(model_initialize(&built[i].model, i == 2 ? 8 : 7, &error), 0);
    }
    const struct model *model = &built[0].model;
    size_t bytes = model->parameter_floats * sizeof(float);
    assert_memory_equal(model->parameters, built[1].model.parameters, bytes);
    assert_memory_not_equal(model->parameters, built[2].model.parameters, bytes);
    /* the two kernels have the same shape and yet streams of their own */
    assert_memory_not_equal(model_parameter(model, &model->layers[0], 0), model_parameter(model, &model->layers[1], 0),
                            225 * sizeof(float));
    float limit = sqrtf(6.0F / (45 + 45));
    for (int i = 0; i < 225; i++) assert_true(fabsf(model_parameter(model, &model->layers[0], 0)[i]) <= limit);
    assert_true(model_parameter(model, &model->layers[0], 1)[0] == 0);
    assert_true(model_parameter(model, &model->layers[1], 1)[4] == 1);
    assert_true(model_parameter(model, &model->layers[2], 3)[0] == 1);
    for (int i = 0; i < 3; i++) take_down(&built[i]);
}

static void test_penalty(void **state) {
    (void)state;
    struct built built;
    build(&built,
          "['Flatten', {'type': 'Dense', 'units': 1, 'kernel_regularizer': {'type': 'L1', 'l1': 0.5},"
          " 'bias_regularizer': {'type': 'L2', 'l2': 0.25}}]",
          (struct shape){3, {1, 1, 3}});
    assert_true(model_penalty(&built.model) == 0);
    memcpy(model_parameter(&built.model, &built.model.layers[1], 0), (const float[]){1, -2, 3}, 3 * sizeof(float));
    *model_parameter(&built.model, &built.model.layers[1], 1) = 4;
    assert_true(fabs(model_penalty(&built.model) - (0.5 * 6 + 0.25 * 16)) < 1e-12);
    take_down(&built);
}

static void test_activations(void **state) {
    (void)state;
    struct built built;
    build(&built,
          "['Flatten', {'type': 'Dense', 'units': 2, 'activation': 'linear'}, {'type': 'Dense', 'units': 2},"
          " {'type': 'Dense', 'units': 2, 'activation': 'relu'}]",
          small);
    assert_null(layer_activation(&built.model.layers[0]));
    assert_null(layer_activation(&built.model.layers[1]));
    assert_null(layer_activation(&built.model.layers[2]));
    assert_string_equal(layer_activation(&built.model.layers[3])->component.name, "relu");
    assert_false(built.model.ends_in_softmax);
    take_down(&built);
}

/* Rows of the acceptance table: parameters and multiplications of the configs that come with the program. */
static void test_shipped_configs(void **state) {
    (void)state;
    static const struct {
        const char *name;
        long long parameters;
        double convolution; /* multiplications of layer 0 */
    } rows[] = {
        {"conv_avg", 72906, 777600},
        {"conv_max", 72906, 777600},
        {"dw_avg", 6790, 24300},
        {"dw_max", 6790, 24300},
        {"sep_avg", 72165, 110700},
        {"sep_max", 72165, 110700},
        {"lesson", 832, 28 * 56 * 27 * 8},
        {"deep_conv_avg", 356810, 32 * 32 * 27 * 32},
        {"deep_conv_max", 356810, 32 * 32 * 27 * 32},
        {"deep_sep_avg", 275013, 32 * 32 * (27 + 96)},
        {"deep_sep_max", 275013, 32 * 32 * (27 + 96)},
        {"deep_dw_avg", 397154, 32 * 32 * 108},
        {"deep_dw_max", 397154, 32 * 32 * 108},
        {"spatial_max", 310280, 32 * 32 * 27},
        {"down_max", 356810, 32 * 32 * 27 * 32},
        {"down_avg", 356810, 32 * 32 * 27 * 32},
        {"down_stride", 356810, 16 * 16 * 27 * 32},
        {"down_conv", 443050, 32 * 32 * 27 * 32},
        {"residual", 78426, 32 * 32 * 27 * 16},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        struct model model;
        struct error error = {0};
        struct shape none = {0}, input;
        char path[64];
        snprintf(path, sizeof path, "configs/%s.json", rows[i].name);
        struct config_request request = {.path = path, .registries = &test_registries};
        config_read(&config, &request, &error);
        expect_no_error(&error);
        config_input_shape(&config, &none, &input, &error);
        run_build_model(&config, &input, 0, &model, &error);
        expect_no_error(&error);
        assert_int_equal(model.trainable_count + model.non_trainable_count, rows[i].parameters);
        assert_true(model.layers[0].multiplications == rows[i].convolution);
        double sum = 0;
        for (int k = 0; k < model.layer_count; k++) sum += model.layers[k].multiplications;
        assert_true(model_multiplications(&model) == sum && sum > rows[i].convolution);
        model_free(&model);
        config_free(&config);
    }
}

/* Planning makes no room: a model of any size can be looked at. */
static void test_plan(void **state) {
    (void)state;
    struct built built = {0};
    struct error error = {0};
    build(&built, "[{'type': 'Dense', 'units': 3}]", (struct shape){1, {4}});
    const struct layer *layer = &built.model.layers[0];
    assert_ptr_equal(model_parameter(&built.model, layer, 0), built.model.parameters + layer->parameters[0].offset);
    struct model planned;
    assert_int_equal(model_plan(&planned, &built.config, &(struct shape){1, {4}}, &error), 0);
    assert_null(planned.parameters);
    assert_null(model_parameter(&planned, &planned.layers[0], 1));
    assert_int_equal(planned.parameter_floats, built.model.parameter_floats);
    assert_int_equal(planned.trainable_count, 15);
    assert_int_equal(model_allocate(&planned, &error), 0);
    assert_non_null(planned.parameters);
    model_free(&planned);
    take_down(&built);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_automatic_names),
        cmocka_unit_test(test_given_names),
        cmocka_unit_test(test_repeat),
        cmocka_unit_test(test_residual),
        cmocka_unit_test(test_strides_of_a_block),
        cmocka_unit_test(test_frozen_block),
        cmocka_unit_test(test_snake_case),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_parameter_block),
        cmocka_unit_test(test_initialize),
        cmocka_unit_test(test_penalty),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_shipped_configs),
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
