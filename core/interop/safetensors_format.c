/* A trained model's weights as a safetensors file: in Keras' layout, with what cnntrain needs to use them again in the
 * metadata; or as the state dict of an nn.Sequential of PyTorch, which is written beside it. Unlike a checkpoint
 * neither has the state of a training. */
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/interop/exchange.h"
#include "core/interop/torch_script.h"
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

/* Nobody asked for the script by its name: one that stands there is replaced only where it came from here. */
static int check_script(const char *script, const char *path, struct error *error) {
    char start[sizeof TORCH_SCRIPT_BEGINNING] = "";
    size_t length = 0, size = 0;
    if (strcmp(script, path) == 0)
        return error_set(error, ERROR_CONFIG, path,
                         "is the name of the script beside the weights; name the weights, which end in .safetensors");
    if (!file_exists(script)) return 0;
    if (file_read_start(script, start, sizeof start - 1, &length, &size, error) != 0) return -1;
    if (strcmp(start, TORCH_SCRIPT_BEGINNING) == 0) return 0;
    return error_set(error, ERROR_CONFIG, path,
                     "would have its network in %s, which is there and is something else; choose another name", script);
}

static int write_script(const struct torch_modules *torch, const struct exchange *exchange, const char *path,
                        const char *script, struct error *error) {
    struct text text = {0};
    torch_script(torch, &exchange->model->input, file_name_of(path), &text);
    int status = text.failed ? error_set(error, ERROR_RUN, script, "not enough memory for the modules")
                             : file_replace_text(script, text.bytes, error);
    if (status == 0) text_print(exchange->remarks, "%s: the nn.Sequential that takes these weights\n", script);
    text_free(&text);
    return status;
}

static int write_torch_layout(const struct exchange *exchange, const char *path, struct error *error) {
    static const struct safetensors_pair metadata[] = {{"format", "pt"}};
    const struct model_graph_options options = {.logits = exchange->options & EXCHANGE_LOGITS};
    struct graph graph = {0};
    struct torch_modules torch = {0};
    char *script = script_path(path, error);
    int status = script ? check_script(script, path, error) : -1;
    if (status == 0) status = model_graph(&graph, exchange->model, &options, error);
    if (status == 0) status = torch_modules_make(&torch, &graph, exchange->model, error);
    if (status == 0) status = safetensors_write(path, torch.tensors, torch.tensor_count, metadata, 1, error);
    if (status == 0) status = write_script(&torch, exchange, path, script, error);
    torch_modules_free(&torch);
    graph_free(&graph);
    free(script);
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
