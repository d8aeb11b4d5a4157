/* An ONNX model in the making, by protobuf-c and the published onnx.proto: nodes, constants and descriptions are added,
 * then the file is written. Names and numbers that are handed in must outlive it, other arguments are copied. On
 * failure a function returns NULL, the error is set and further calls do nothing: check it once, at the end. */
#ifndef CNNTRAIN_CORE_INTEROP_ONNX_FILE_H
#define CNNTRAIN_CORE_INTEROP_ONNX_FILE_H

#include <onnx.pb-c.h>
#include <stdint.h>

#include "core/error.h"
#include "core/memory.h"

enum { ONNX_OPSET = 17, ONNX_IR_VERSION = 8, ONNX_RANK_MAX = 8 };

struct onnx_file {
    struct arena arena;
    struct error *error;
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
};

/* An empty model; onnx_file_free it. */
void onnx_file_open(struct onnx_file *file, struct error *error);
void onnx_file_free(struct onnx_file *file);

/* The model's input and output: floats of (N, sizes...). */
void onnx_file_input(struct onnx_file *file, const char *name, const int64_t *sizes, int count);
void onnx_file_output(struct onnx_file *file, const char *name, const int64_t *sizes, int count);
/* A line of the model's metadata. */
void onnx_file_metadata(struct onnx_file *file, const char *key, const char *value);

/* Constants; each returns the name, with a number behind it where another constant has it already. */
const char *onnx_floats(struct onnx_file *file, const char *name, const int64_t *sizes, int count, const float *values);
const char *onnx_integers(struct onnx_file *file, const char *name, const int64_t *values, int count);

/* A node with one output, of which the name is made from `layer` (NULL: none) and `operation`. Inputs are names. */
Onnx__NodeProto *onnx_node(struct onnx_file *file, const char *layer, const char *operation, const char *const *inputs,
                           int count);
/* The name of its output; NULL for NULL. */
const char *onnx_output(const Onnx__NodeProto *node);
/* Attributes of a node, which may be NULL. */
void onnx_set_integer(struct onnx_file *file, Onnx__NodeProto *node, const char *name, int64_t value);
void onnx_set_integers(struct onnx_file *file, Onnx__NodeProto *node, const char *name, const int64_t *values,
                       int count);
void onnx_set_float(struct onnx_file *file, Onnx__NodeProto *node, const char *name, float value);
void onnx_set_text(struct onnx_file *file, Onnx__NodeProto *node, const char *name, const char *value);

/* Text owned by the file. */
char *onnx_text(struct onnx_file *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Replaces the file at `path` in one move. ERROR_DATA where it would be larger than protobuf's files may be. */
int onnx_file_write(struct onnx_file *file, const char *path, struct error *error);

#endif
