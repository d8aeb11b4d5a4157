#include "core/interop/onnx_file.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

static void *take(struct onnx_file *file, size_t size) {
    return file->error->code == ERROR_NONE ? arena_allocate(&file->arena, size, file->error) : NULL;
}

static char *copied(struct onnx_file *file, const char *text) {
    return file->error->code == ERROR_NONE ? arena_string(&file->arena, text, file->error) : NULL;
}

/* A list of pointers with room for one more: it doubles where its count is a power of two. NULL without memory. */
static void *with_room(struct onnx_file *file, const void *list, size_t count) {
    if (count && (count & (count - 1))) return (void *)(uintptr_t)list;
    void *grown = take(file, 2 * (count + 1) * sizeof(void *));
    if (grown && count) memcpy(grown, list, count * sizeof(void *));
    return grown;
}

void onnx_file_open(struct onnx_file *file, struct error *error) {
    *file = (struct onnx_file){.error = error};
    onnx__model_proto__init(&file->model);
    onnx__graph_proto__init(&file->graph);
    Onnx__OperatorSetIdProto *set = take(file, sizeof *set);
    file->model.opset_import = take(file, sizeof(void *));
    if (!set || !file->model.opset_import) return;
    onnx__operator_set_id_proto__init(set);
    set->domain = copied(file, "");
    set->has_version = true;
    set->version = ONNX_OPSET;
    file->model.opset_import[file->model.n_opset_import++] = set;
    file->model.has_ir_version = true;
    file->model.ir_version = ONNX_IR_VERSION;
    file->model.graph = &file->graph;
}

void onnx_file_free(struct onnx_file *file) {
    arena_free(&file->arena);
    *file = (struct onnx_file){0};
}

char *onnx_text(struct onnx_file *file, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return copied(file, text);
}

/* ---- input, output, metadata ---- */

static Onnx__TensorShapeProto__Dimension *dimension(struct onnx_file *file, int64_t size) {
    Onnx__TensorShapeProto__Dimension *one = take(file, sizeof *one);
    if (!one) return NULL;
    onnx__tensor_shape_proto__dimension__init(one);
    one->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    one->dim_value = size;
    return one;
}

/* (N, sizes...) */
static Onnx__TensorShapeProto *shape(struct onnx_file *file, const int64_t *sizes, int count) {
    Onnx__TensorShapeProto *shape = take(file, sizeof *shape);
    Onnx__TensorShapeProto__Dimension **all = take(file, (size_t)(count + 1) * sizeof(void *));
    Onnx__TensorShapeProto__Dimension *batch = dimension(file, 0);
    if (!shape || !all || !batch) return NULL;
    onnx__tensor_shape_proto__init(shape);
    batch->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    batch->dim_param = copied(file, "N");
    all[0] = batch;
    for (int i = 0; i < count; i++) {
        all[i + 1] = dimension(file, sizes[i]);
        if (!all[i + 1]) return NULL;
    }
    shape->dim = all;
    shape->n_dim = (size_t)count + 1;
    return shape;
}

/* A list of one. */
static Onnx__ValueInfoProto **described(struct onnx_file *file, const char *name, const int64_t *sizes, int count) {
    Onnx__ValueInfoProto **list = take(file, sizeof(void *)), *value = take(file, sizeof *value);
    Onnx__TypeProto *type = take(file, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = take(file, sizeof *tensor);
    if (!list || !value || !type || !tensor) return NULL;
    onnx__value_info_proto__init(value);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = true;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = shape(file, sizes, count);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    value->name = copied(file, name);
    value->type = type;
    list[0] = value;
    return list;
}

void onnx_file_input(struct onnx_file *file, const char *name, const int64_t *sizes, int count) {
    file->graph.input = described(file, name, sizes, count);
    file->graph.n_input = file->graph.input != NULL;
}

void onnx_file_output(struct onnx_file *file, const char *name, const int64_t *sizes, int count) {
    file->graph.output = described(file, name, sizes, count);
    file->graph.n_output = file->graph.output != NULL;
}

void onnx_file_metadata(struct onnx_file *file, const char *key, const char *value) {
    Onnx__ModelProto *model = &file->model;
    Onnx__StringStringEntryProto *entry = take(file, sizeof *entry);
    Onnx__StringStringEntryProto **list = with_room(file, model->metadata_props, model->n_metadata_props);
    if (!entry || !list) return;
    onnx__string_string_entry_proto__init(entry);
    entry->key = copied(file, key);
    entry->value = copied(file, value);
    model->metadata_props = list;
    list[model->n_metadata_props++] = entry;
}

/* ---- constants ---- */

static bool is_constant(const struct onnx_file *file, const char *name) {
    for (size_t i = 0; i < file->graph.n_initializer; i++)
        if (strcmp(file->graph.initializer[i]->name, name) == 0) return true;
    return false;
}

static char *free_name(struct onnx_file *file, const char *name) {
    char *candidate = copied(file, name);
    for (int i = 2; candidate && is_constant(file, candidate); i++) candidate = onnx_text(file, "%s_%d", name, i);
    return candidate;
}

/* Little-endian, as this program's machines are. */
static const char *constant(struct onnx_file *file, const char *name, int type, const int64_t *sizes, int count,
                            const void *bytes, size_t length) {
    Onnx__GraphProto *graph = &file->graph;
    Onnx__TensorProto *tensor = take(file, sizeof *tensor);
    Onnx__TensorProto **list = with_room(file, graph->initializer, graph->n_initializer);
    int64_t *dims = take(file, (size_t)(count + 1) * sizeof *dims);
    char *own = free_name(file, name);
    if (!tensor || !list || !dims || !own) return NULL;
    onnx__tensor_proto__init(tensor);
    for (int i = 0; i < count; i++) dims[i] = sizes[i];
    tensor->name = own;
    tensor->dims = dims;
    tensor->n_dims = (size_t)count;
    tensor->has_data_type = true;
    tensor->data_type = type;
    tensor->has_raw_data = true;
    tensor->raw_data = (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)bytes};
    graph->initializer = list;
    list[graph->n_initializer++] = tensor;
    return tensor->name;
}

const char *onnx_floats(struct onnx_file *file, const char *name, const int64_t *sizes, int count,
                        const float *values) {
    size_t elements = 1;
    for (int i = 0; i < count; i++) elements *= (size_t)sizes[i];
    return constant(file, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, sizes, count, values, elements * sizeof *values);
}

const char *onnx_integers(struct onnx_file *file, const char *name, const int64_t *values, int count) {
    const size_t bytes = (size_t)count * sizeof *values;
    int64_t *copy = take(file, bytes);
    if (!copy) return NULL;
    memcpy(copy, values, bytes);
    return constant(file, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, (const int64_t[]){count}, 1, copy, bytes);
}

/* ---- nodes ---- */

/* Their names are texts of the file; "" is an input left out. */
static char **input_names(struct onnx_file *file, const char *const *inputs, int count) {
    char **names = take(file, (size_t)(count + 1) * sizeof *names);
    for (int i = 0; names && i < count; i++) {
        names[i] = inputs[i] ? copied(file, inputs[i]) : NULL;
        if (!names[i]) return NULL;
    }
    return names;
}

Onnx__NodeProto *onnx_node(struct onnx_file *file, const char *layer, const char *operation, const char *const *inputs,
                           int count) {
    Onnx__GraphProto *graph = &file->graph;
    Onnx__NodeProto *node = take(file, sizeof *node);
    Onnx__NodeProto **list = with_room(file, graph->node, graph->n_node);
    char **output = take(file, sizeof *output), **names = input_names(file, inputs, count);
    if (!node || !list || !output || !names) return NULL;
    onnx__node_proto__init(node);
    node->op_type = copied(file, operation);
    node->name = onnx_text(file, "%s%s%s_%zu", layer ? layer : "", layer ? "/" : "", operation, graph->n_node);
    node->input = names;
    node->n_input = (size_t)count;
    node->output = output;
    node->n_output = 1;
    output[0] = node->name;
    if (!node->op_type || !node->name) return NULL;
    graph->node = list;
    list[graph->n_node++] = node;
    return node;
}

const char *onnx_output(const Onnx__NodeProto *node) {
    return node ? node->output[0] : NULL;
}

static Onnx__AttributeProto *attribute(struct onnx_file *file, Onnx__NodeProto *node, const char *name,
                                       Onnx__AttributeProto__AttributeType type) {
    if (!node) return NULL;
    Onnx__AttributeProto *one = take(file, sizeof *one);
    Onnx__AttributeProto **list = with_room(file, node->attribute, node->n_attribute);
    char *own = copied(file, name);
    if (!one || !list || !own) return NULL;
    onnx__attribute_proto__init(one);
    one->name = own;
    one->has_type = true;
    one->type = type;
    node->attribute = list;
    list[node->n_attribute++] = one;
    return one;
}

void onnx_set_integer(struct onnx_file *file, Onnx__NodeProto *node, const char *name, int64_t value) {
    Onnx__AttributeProto *one = attribute(file, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (!one) return;
    one->has_i = true;
    one->i = value;
}

void onnx_set_integers(struct onnx_file *file, Onnx__NodeProto *node, const char *name, const int64_t *values,
                       int count) {
    Onnx__AttributeProto *one = attribute(file, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    int64_t *copy = take(file, (size_t)count * sizeof *copy);
    if (!one || !copy) return;
    memcpy(copy, values, (size_t)count * sizeof *copy);
    one->ints = copy;
    one->n_ints = (size_t)count;
}

void onnx_set_float(struct onnx_file *file, Onnx__NodeProto *node, const char *name, float value) {
    Onnx__AttributeProto *one = attribute(file, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (!one) return;
    one->has_f = true;
    one->f = value;
}

void onnx_set_text(struct onnx_file *file, Onnx__NodeProto *node, const char *name, const char *value) {
    Onnx__AttributeProto *one = attribute(file, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    char *copy = copied(file, value);
    if (!one || !copy) return;
    one->has_s = true;
    one->s = (ProtobufCBinaryData){strlen(copy), (uint8_t *)copy};
}

/* ---- the file ---- */

int onnx_file_write(struct onnx_file *file, const char *path, struct error *error) {
    if (error->code != ERROR_NONE) return -1;
    const size_t length = onnx__model_proto__get_packed_size(&file->model);
    if (length > INT_MAX)
        return error_set(error, ERROR_DATA, path, "would have %zu bytes; an ONNX file can have at most %d", length,
                         INT_MAX);
    uint8_t *bytes = malloc(length);
    if (!bytes) return error_set(error, ERROR_RUN, path, "not enough memory for a file of %zu bytes", length);
    onnx__model_proto__pack(&file->model, bytes);
    int status = file_replace(path, &(struct file_piece){bytes, length}, 1, error);
    free(bytes);
    return status;
}
