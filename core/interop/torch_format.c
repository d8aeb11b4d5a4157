/* A model's layers as an nn.Sequential of PyTorch, to be trained there: with what happens in training alone, without
 * weights, and so of a config as well. Trained weights go into a state dict, see safetensors_format.c. */
#include <stdlib.h>

#include "core/file.h"
#include "core/interop/exchange.h"
#include "core/interop/torch_script.h"
#include "core/model_graph.h"

static int write_text(const struct torch_modules *torch, const struct shape *input, const char *path,
                      struct error *error) {
    struct text text = {0};
    torch_script(torch, input, NULL, &text);
    int status = text.failed ? error_set(error, ERROR_RUN, path, "not enough memory for the modules")
                             : file_replace_text(path, text.bytes, error);
    text_free(&text);
    return status;
}

/* `model` has parameters. */
static int write_modules(const struct exchange *exchange, const struct model *model, const char *path,
                         struct error *error) {
    const struct model_graph_options options = {.logits = exchange->options & EXCHANGE_LOGITS, .training = true};
    struct graph graph = {0};
    struct torch_modules torch = {0};
    int status = model_graph(&graph, model, &options, error);
    if (status == 0) status = torch_modules_make(&torch, &graph, model, error);
    if (status == 0) status = write_text(&torch, &model->input, path, error);
    torch_modules_free(&torch);
    graph_free(&graph);
    return status;
}

/* What a planned model is translated with: no number of it is written. */
static int write_planned(const struct exchange *exchange, const char *path, struct error *error) {
    struct model model = *exchange->model;
    model.parameters = memory_allocate(model.parameter_floats, sizeof *model.parameters, "weights", error);
    int status = model.parameters ? write_modules(exchange, &model, path, error) : -1;
    free(model.parameters);
    return status;
}

static int write_torch(const struct exchange *exchange, const char *path, struct error *error) {
    return exchange->model->parameters ? write_modules(exchange, exchange->model, path, error)
                                       : write_planned(exchange, path, error);
}

const struct exchange_format torch_format = {
    .name = "torch",
    .extensions = (const char *const[]){".py", NULL},
    .summary = "the layers alone, for PyTorch; of a config, too",
    .honours = EXCHANGE_LOGITS,
    .without_weights = true,
    .write = write_torch,
};
