/* A trained model's weights as a safetensors file: in Keras' layout, with what cnntrain needs to use them again in the
 * metadata; or as the state dict of an nn.Sequential of PyTorch, which is written beside it. Unlike a checkpoint
 * neither has the state of a training. */
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/interop/exchange.h"
#include "core/interop/torch_modules.h"
#include "core/model_graph.h"

static int write_keras_layout(const struct exchange *exchange, const char *path, struct error *error) {
    return model_file_save(path, exchange->model, exchange->facts, NULL, 0, NULL, 0, error);
}

/* ---- PyTorch ---- */

/* The path with .py for its ending; malloc'd, NULL without memory. */
static char *script_path(const char *path, struct error *error) {
    struct text text = {0};
    const char *name = file_name_of(path), *dot = strrchr(name, '.');
    text_add_bytes(&text, path, dot && dot > name ? (size_t)(dot - path) : strlen(path));
    text_add(&text, ".py");
    if (!text.failed) return text.bytes;
    text_free(&text);
    error_fill(error, ERROR_RUN, path, "not enough memory for a path");
    return NULL;
}

static void add_script(const struct torch_modules *torch, const char *path, const struct shape *input,
                       struct text *text) {
    text_print(text, "# The network whose weights are in %s, for PyTorch. Images are float32 ", file_name_of(path));
    if (input->rank == 3)
        text_print(text, "(n, %d, %d, %d), channels first.\n", input->size[2], input->size[0], input->size[1]);
    else
        text_print(text, "of %d numbers.\n", input->size[0]);
    const bool has_functions = torch->function_count > 0;
    bool has_classes = has_functions;
    for (int i = 0; i < TORCH_CLASSES; i++) has_classes = has_classes || torch->uses[i];
    text_add(text, "# pip install torch safetensors\nimport pathlib\n\n");
    if (has_classes) text_add(text, "import torch\n");
    text_add(text, "from safetensors.torch import load_file\nfrom torch import nn\n");
    if (has_classes) text_add(text, "from torch.nn import functional as F\n");
    for (int i = 0; i < TORCH_CLASSES; i++)
        if (torch->uses[i]) text_print(text, "\n\n%s", torch_class_text((enum torch_class)i));
    if (has_functions) text_add(text, torch->functions.bytes);
    if (has_classes) text_add(text, "\n");
    text_print(text, "\nmodel = nn.Sequential(\n%s)\n", torch->lines.bytes ? torch->lines.bytes : "");
    text_add(text, "model.load_state_dict(load_file(pathlib.Path(__file__).with_name(");
    json_write_string(file_name_of(path), text);
    text_add(text, ")))\nmodel.eval()\n");
}

static int write_script(const struct torch_modules *torch, const struct exchange *exchange, const char *path,
                        struct error *error) {
    struct text text = {0};
    char *script = script_path(path, error);
    if (!script) return -1;
    add_script(torch, path, &exchange->model->input, &text);
    int status = text.failed ? error_set(error, ERROR_RUN, script, "not enough memory for the modules")
                             : file_replace_text(script, text.bytes, error);
    if (status == 0) text_print(exchange->remarks, "%s: the nn.Sequential that takes these weights\n", script);
    text_free(&text);
    free(script);
    return status;
}

static int write_torch_layout(const struct exchange *exchange, const char *path, struct error *error) {
    static const struct safetensors_pair metadata[] = {{"format", "pt"}};
    const struct model_graph_options options = {.logits = exchange->options & EXCHANGE_LOGITS};
    struct graph graph;
    struct torch_modules torch = {0};
    int status = model_graph(&graph, exchange->model, &options, error);
    if (status == 0) status = torch_modules_make(&torch, &graph, exchange->model, error);
    if (status == 0) status = safetensors_write(path, torch.tensors, torch.tensor_count, metadata, 1, error);
    if (status == 0) status = write_script(&torch, exchange, path, error);
    torch_modules_free(&torch);
    graph_free(&graph);
    return status;
}

static int write_either(const struct exchange *exchange, const char *path, struct error *error) {
    if (exchange->options & EXCHANGE_TORCH) return write_torch_layout(exchange, path, error);
    if (exchange->options & EXCHANGE_LOGITS)
        return error_set(error, ERROR_CONFIG, "--logits", "weights in Keras' layout are without layers; leave it out");
    return write_keras_layout(exchange, path, error);
}

const struct exchange_format safetensors_format = {
    .name = "safetensors",
    .extensions = (const char *const[]){".safetensors", NULL},
    .summary = "the weights, as Keras or PyTorch has them",
    .honours = EXCHANGE_TORCH | EXCHANGE_LOGITS,
    .is_opened = true,
    .write = write_either,
};
