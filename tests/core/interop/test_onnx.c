/* A model written as ONNX: what stands in the file. Whether runtimes compute the same from it scripts/check-exchange
 * tells. */
#include <math.h>
#include <onnx.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/interop/exchange.h"
#include "core/text.h"
#include "tests/support/expect.h"
#include "tests/support/registries.h"
#include "tests/support/tiny.h"
#include "tests/support/tree.h"

extern const struct exchange_format onnx_format;

struct written {
    char *folder, *bytes;
    Onnx__ModelProto *model;
};

static char *class_names[] = {"zero", "one \"two\"", "d\xC3\xA9j\xC3\xA0"};

static void write_model(struct tiny *tiny, unsigned options, struct written *written) {
    struct error error = {0};
    struct text remarks = {0};
    const struct model_facts facts = {NULL, tiny->normalization, TINY_CLASSES, class_names};
    const struct exchange exchange = {.model = &tiny->model,
                                      .facts = &facts,
                                      .registries = &test_registries,
                                      .options = options,
                                      .version = "1.2.3",
                                      .remarks = &remarks};
    written->folder = expect_folder();
    char *path = expect_path(written->folder, "net.onnx");
    onnx_format.write(&exchange, path, &error);
    expect_no_error(&error);
    size_t length = 0;
    written->bytes = tree_read(written->folder, "net.onnx", &length);
    written->model = onnx__model_proto__unpack(NULL, length, (const uint8_t *)written->bytes);
    assert_non_null(written->model);
    text_free(&remarks);
    free(path);
}

static void gone(struct written *written) {
    onnx__model_proto__free_unpacked(written->model, NULL);
    free(written->bytes);
    tree_gone(written->folder);
}

static void open_tiny(struct tiny *tiny, const char *model) {
    const struct tiny_setup setup = {
        .model = model, .data = "'normalize': 'standardize'", .train = 9, .inference = true};
    tiny_open(tiny, &setup);
}

/* ---- looking at it ---- */

/* "Transpose Conv Relu" */
static void expect_nodes(const struct written *written, const char *expected) {
    struct text found = {0};
    const Onnx__GraphProto *graph = written->model->graph;
    for (size_t i = 0; i < graph->n_node; i++) text_print(&found, "%s%s", i ? " " : "", graph->node[i]->op_type);
    assert_string_equal(found.bytes, expected);
    text_free(&found);
}

static const Onnx__NodeProto *node_of(const struct written *written, const char *operation) {
    const Onnx__GraphProto *graph = written->model->graph;
    for (size_t i = 0; i < graph->n_node; i++)
        if (strcmp(graph->node[i]->op_type, operation) == 0) return graph->node[i];
    fail_msg("there is no %s", operation);
    return NULL;
}

/* "strides=2,3" */
static void expect_integers(const Onnx__NodeProto *node, const char *name, const char *expected) {
    struct text found = {0};
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Onnx__AttributeProto *attribute = node->attribute[i];
        if (strcmp(attribute->name, name) != 0) continue;
        if (attribute->has_i) text_print(&found, "%lld", (long long)attribute->i);
        for (size_t k = 0; k < attribute->n_ints; k++)
            text_print(&found, "%s%lld", k ? "," : "", (long long)attribute->ints[k]);
    }
    if (!found.bytes) fail_msg("%s has no %s", node->op_type, name);
    assert_string_equal(found.bytes, expected);
    text_free(&found);
}

/* "N,8,8,2" of floats called `name` */
static void expect_described(const Onnx__ValueInfoProto *value, const char *name, const char *expected) {
    assert_string_equal(value->name, name);
    assert_int_equal(value->type->tensor_type->elem_type, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    struct text found = {0};
    const Onnx__TensorShapeProto *shape = value->type->tensor_type->shape;
    for (size_t i = 0; i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = shape->dim[i];
        if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM)
            text_add(&found, dim->dim_param);
        else
            text_print(&found, ",%lld", (long long)dim->dim_value);
    }
    assert_string_equal(found.bytes, expected);
    text_free(&found);
}

static const char *metadata_of(const struct written *written, const char *key) {
    for (size_t i = 0; i < written->model->n_metadata_props; i++)
        if (strcmp(written->model->metadata_props[i]->key, key) == 0) return written->model->metadata_props[i]->value;
    return NULL;
}

static const float *numbers_of(const struct written *written, const char *name, const char *dims) {
    const Onnx__GraphProto *graph = written->model->graph;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Onnx__TensorProto *tensor = graph->initializer[i];
        if (strcmp(tensor->name, name) != 0) continue;
        struct text found = {0};
        size_t count = 1;
        for (size_t k = 0; k < tensor->n_dims; k++) {
            text_print(&found, "%s%lld", k ? "," : "", (long long)tensor->dims[k]);
            count *= (size_t)tensor->dims[k];
        }
        assert_string_equal(found.bytes ? found.bytes : "", dims);
        assert_int_equal(tensor->raw_data.len, count * sizeof(float));
        text_free(&found);
        return (const float *)(const void *)tensor->raw_data.data;
    }
    fail_msg("there is no %s", name);
    return NULL;
}

/* ---- tests ---- */

static void plain(void **state) {
    (void)state;
    struct tiny tiny;
    struct written written;
    open_tiny(&tiny, NULL);
    write_model(&tiny, 0, &written);
    const Onnx__ModelProto *model = written.model;
    assert_int_equal(model->ir_version, 8);
    assert_int_equal(model->n_opset_import, 1);
    assert_string_equal(model->opset_import[0]->domain, "");
    assert_int_equal(model->opset_import[0]->version, 17);
    assert_string_equal(model->producer_name, "cnntrain");
    assert_string_equal(model->producer_version, "1.2.3");
    assert_int_equal(model->graph->n_input, 1);
    expect_described(model->graph->input[0], "input", "N,8,8,2");
    expect_described(model->graph->output[0], "probabilities", "N,3");
    expect_nodes(&written, "Transpose Conv Relu Mul Add MaxPool Transpose Reshape Gemm Softmax");
    assert_string_equal(model->graph->node[9]->output[0], "probabilities");
    assert_string_equal(metadata_of(&written, "class_names"), "[\"zero\",\"one \\\"two\\\"\",\"d\xC3\xA9j\xC3\xA0\"]");
    assert_string_equal(metadata_of(&written, "input"), "(pixel * scale - mean) / std");
    assert_string_equal(metadata_of(&written, "layout"), "NHWC");
    assert_non_null(metadata_of(&written, "mean"));
    gone(&written);
    tiny_close(&tiny);
}

/* A kernel (kh,kw,c,f) becomes (f,c,kh,kw); scale and offset follow from four tensors. */
static void weights(void **state) {
    (void)state;
    struct tiny tiny;
    struct written written;
    open_tiny(&tiny, NULL);
    const struct layer *layers = tiny.model.layers;
    float *variance = model_parameter(&tiny.model, &layers[1], 3), *mean = model_parameter(&tiny.model, &layers[1], 2);
    variance[2] = 3;
    mean[2] = 0.5F;
    write_model(&tiny, 0, &written);
    const float *kernel = model_parameter(&tiny.model, &layers[0], 0);
    const float *moved = numbers_of(&written, "conv2d/kernel", "4,2,3,3");
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int c = 0; c < 2; c++)
                for (int f = 0; f < 4; f++)
                    assert_true(moved[((f * 2 + c) * 3 + i) * 3 + j] == kernel[((i * 3 + j) * 2 + c) * 4 + f]);
    const double scale = 1 / sqrt(3 + 1e-3);
    assert_true(numbers_of(&written, "batch_normalization/scale", "4,1,1")[2] == (float)scale);
    assert_true(numbers_of(&written, "batch_normalization/offset", "4,1,1")[2] == (float)(-0.5 * scale));
    gone(&written);
    tiny_close(&tiny);
}

static void options(void **state) {
    (void)state;
    struct tiny tiny;
    struct written written;
    open_tiny(&tiny, NULL);
    write_model(&tiny, EXCHANGE_LOGITS | EXCHANGE_NCHW | EXCHANGE_PREPROCESSING, &written);
    expect_described(written.model->graph->input[0], "input", "N,2,8,8");
    expect_described(written.model->graph->output[0], "logits", "N,3");
    expect_nodes(&written, "Mul Add Conv Relu Mul Add MaxPool Transpose Reshape Gemm");
    assert_string_equal(metadata_of(&written, "layout"), "NCHW");
    assert_string_equal(metadata_of(&written, "input"), "pixels as in the picture, 0 to 255");
    assert_null(metadata_of(&written, "mean"));
    const struct normalization *pixels = &tiny.normalization;
    const float *scale = numbers_of(&written, "pixels/scale", "2,1,1");
    assert_true(scale[1] == (float)((double)pixels->scale / (double)pixels->std[1]));
    gone(&written);
    tiny_close(&tiny);
}

/* Borders of an even kernel and strides, groups, and a window that drops a row. */
static void windows(void **state) {
    (void)state;
    struct tiny tiny;
    struct written written;
    open_tiny(&tiny,
              "[{'type': 'Conv2D', 'filters': 4, 'kernel_size': [2, 4], 'strides': [1, 3], 'padding': 'same',"
              " 'groups': 2, 'use_bias': false}, {'type': 'AveragePooling2D', 'pool_size': 3, 'padding': 'same'},"
              " {'type': 'Conv2DTranspose', 'filters': 2, 'kernel_size': 3, 'strides': 2, 'padding': 'same'},"
              " {'type': 'Flatten'}, {'type': 'Dense', 'units': 3, 'activation': 'softmax'}]");
    write_model(&tiny, 0, &written);
    const Onnx__NodeProto *conv = node_of(&written, "Conv"), *pool = node_of(&written, "AveragePool");
    const Onnx__NodeProto *back = node_of(&written, "ConvTranspose");
    expect_integers(conv, "kernel_shape", "2,4");
    expect_integers(conv, "strides", "1,3");
    expect_integers(conv, "pads", "0,1,1,1");
    expect_integers(conv, "group", "2");
    assert_int_equal(conv->n_input, 2);
    expect_integers(pool, "count_include_pad", "0");
    expect_integers(pool, "pads", "0,0,1,0");
    expect_integers(back, "pads", "0,0,1,1");
    expect_integers(back, "output_padding", "0,0");
    gone(&written);
    tiny_close(&tiny);
}

static void refusal(void **state) {
    (void)state;
    struct tiny tiny;
    struct error error = {0};
    struct text remarks = {0};
    open_tiny(&tiny, NULL);
    const struct model_facts facts = {NULL, tiny.normalization, TINY_CLASSES, NULL};
    const struct exchange exchange = {.model = &tiny.model, .facts = &facts, .version = "1", .remarks = &remarks};
    struct layer_kind silent = *tiny.model.layers[2].kind;
    silent.describe = NULL;
    tiny.model.layers[2].kind = &silent;
    assert_int_equal(onnx_format.write(&exchange, "no/net.onnx", &error), -1);
    expect_error(&error, ERROR_DATA, "max_pooling2d: MaxPooling2D layers cannot be exported to this format");
    tiny_close(&tiny);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(plain), cmocka_unit_test(weights), cmocka_unit_test(options),
                                       cmocka_unit_test(windows), cmocka_unit_test(refusal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
