/* A trained model as an ONNX file: the operations of core/graph.h as nodes of opset 17, the weights in it. */
#include <stdio.h>

#include "core/interop/exchange.h"
#include "core/interop/onnx_nodes.h"
#include "core/model_graph.h"
#include "core/text.h"

static bool asks_for(const struct exchange *exchange, enum exchange_option option) {
    return (exchange->options & (unsigned)option) != 0;
}

/* ---- metadata ---- */

/* ["cat","dog"]; classes without names go by their numbers. */
static void add_class_names(struct onnx_file *file, const struct model_facts *facts) {
    cJSON *list = cJSON_CreateArray();
    bool complete = list != NULL;
    for (int i = 0; i < facts->classes && complete; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        const char *name = facts->class_names ? facts->class_names[i] : number;
        complete = cJSON_AddItemToArray(list, cJSON_CreateString(name));
    }
    char *text = complete ? cJSON_PrintUnformatted(list) : NULL;
    if (text)
        onnx_file_metadata(file, "class_names", text);
    else
        error_set(file->error, ERROR_RUN, NULL, "not enough memory for the class names");
    cJSON_free(text);
    cJSON_Delete(list);
}

/* "[0.5,0.25,0.125]" */
static void add_numbers(struct onnx_file *file, const char *key, const float *values, int count) {
    struct text text = {0};
    for (int i = 0; i < count; i++) text_print(&text, "%s%.9g", i ? "," : "[", (double)values[i]);
    text_add(&text, "]");
    if (text.failed)
        error_set(file->error, ERROR_RUN, NULL, "not enough memory for the metadata");
    else
        onnx_file_metadata(file, key, text.bytes);
    text_free(&text);
}

/* What the user does with pixels: nothing, or value = (pixel * scale - mean) / std. */
static void add_pixels(struct onnx_file *file, const struct exchange *exchange) {
    const struct normalization *pixels = &exchange->facts->normalization;
    if (asks_for(exchange, EXCHANGE_PREPROCESSING)) {
        onnx_file_metadata(file, "input", "pixels as in the picture, 0 to 255");
        return;
    }
    onnx_file_metadata(file, "input", "(pixel * scale - mean) / std");
    add_numbers(file, "scale", &pixels->scale, 1);
    add_numbers(file, "mean", pixels->mean, pixels->channels);
    add_numbers(file, "std", pixels->std, pixels->channels);
}

/* ---- the model ---- */

static void add_ends(struct onnx_file *file, const struct exchange *exchange, const char *output) {
    const struct model *model = exchange->model;
    static const int first[] = {2, 0, 1}; /* (c,h,w) */
    const bool moves = asks_for(exchange, EXCHANGE_NCHW) && model->input.rank == 3;
    int64_t sizes[SHAPE_RANK_MAX];
    for (int i = 0; i < model->input.rank; i++) sizes[i] = model->input.size[moves ? first[i] : i];
    onnx_file_input(file, "input", sizes, model->input.rank);
    for (int i = 0; i < model->output.rank; i++) sizes[i] = model->output.size[i];
    onnx_file_output(file, output, sizes, model->output.rank);
}

static int fill(struct onnx_file *file, const struct graph *graph, const struct exchange *exchange) {
    const char *output = asks_for(exchange, EXCHANGE_LOGITS) ? "logits" : "probabilities";
    file->graph.name = onnx_text(file, "cnntrain");
    file->model.producer_name = onnx_text(file, "cnntrain");
    file->model.producer_version = onnx_text(file, "%s", exchange->version);
    add_ends(file, exchange, output);
    add_class_names(file, exchange->facts);
    add_pixels(file, exchange);
    onnx_file_metadata(file, "layout", asks_for(exchange, EXCHANGE_NCHW) ? "NCHW" : "NHWC");
    onnx_nodes(file, graph, "input", asks_for(exchange, EXCHANGE_NCHW), output);
    return file->error->code == ERROR_NONE ? 0 : -1;
}

static int write_onnx(const struct exchange *exchange, const char *path, struct error *error) {
    const struct model_graph_options options = {
        .pixels = asks_for(exchange, EXCHANGE_PREPROCESSING) ? &exchange->facts->normalization : NULL,
        .logits = asks_for(exchange, EXCHANGE_LOGITS)};
    struct graph graph;
    struct onnx_file file;
    int status = model_graph(&graph, exchange->model, &options, error);
    onnx_file_open(&file, error);
    if (status == 0) status = fill(&file, &graph, exchange);
    if (status == 0) status = onnx_file_write(&file, path, error);
    onnx_file_free(&file);
    graph_free(&graph);
    return status;
}

const struct exchange_format onnx_format = {
    .name = "onnx",
    .extensions = (const char *const[]){".onnx", NULL},
    .summary = "ONNX, opset 17: onnxruntime and many others",
    .honours = EXCHANGE_LOGITS | EXCHANGE_NCHW | EXCHANGE_PREPROCESSING,
    .write = write_onnx,
};
