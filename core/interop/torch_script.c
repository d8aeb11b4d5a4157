#include "core/interop/torch_script.h"

#include "core/json.h"

static void add_head(const struct torch_modules *torch, const struct shape *input, const char *weights,
                     struct text *text) {
    bool has_classes = torch->function_count > 0;
    for (int i = 0; i < TORCH_CLASSES; i++) has_classes = has_classes || torch->uses[i];
    if (weights)
        text_print(text, TORCH_SCRIPT_BEGINNING "%s, for PyTorch.", weights);
    else
        text_add(text, "# A network for PyTorch, untrained.");
    if (input->rank == 3)
        text_print(text, " Images are float32 (n, %d, %d, %d), channels first.\n", input->size[2], input->size[0],
                   input->size[1]);
    else
        text_print(text, " Images are float32 of %d numbers.\n", input->size[0]);
    if (weights) text_add(text, "# pip install torch safetensors\nimport pathlib\n\n");
    if (has_classes) text_add(text, "import torch\n");
    if (weights) text_add(text, "from safetensors.torch import load_file\n");
    text_add(text, "from torch import nn\n");
    if (has_classes) text_add(text, "from torch.nn import functional as F\n");
}

static void add_helpers(const struct torch_modules *torch, struct text *text) {
    const size_t length = text->length;
    for (int i = 0; i < TORCH_CLASSES; i++)
        if (torch->uses[i]) text_print(text, "\n\n%s", torch_class_text((enum torch_class)i));
    if (torch->functions.bytes) text_add(text, torch->functions.bytes);
    if (torch->uses_fixed)
        text_add(text, "\n\ndef fixed(module, *names):  # they stay as they are, in the state dict but no parameters\n"
                       "    for name in names:\n        value = getattr(module, name).detach()\n"
                       "        delattr(module, name)\n        module.register_buffer(name, value)\n"
                       "    return module\n");
    if (text->length > length) text_add(text, "\n");
}

void torch_script(const struct torch_modules *torch, const struct shape *input, const char *weights,
                  struct text *text) {
    add_head(torch, input, weights, text);
    add_helpers(torch, text);
    text_print(text, "\nmodel = nn.Sequential(\n%s)\n", torch->lines.bytes ? torch->lines.bytes : "");
    if (!weights) return;
    text_add(text, "model.load_state_dict(load_file(pathlib.Path(__file__).with_name(");
    json_write_string(weights, text);
    text_add(text, ")))\nmodel.eval()\n");
}
