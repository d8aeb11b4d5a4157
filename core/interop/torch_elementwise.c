/* Operations that take each number by itself, as modules of PyTorch: those that it has by their names, all others as a
 * class of their own whose forward has a line for each operation. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/interop/torch_modules.h"

bool torch_begins(const struct graph_node *node, int count, const enum graph_operation *operations, int length) {
    if (count < length) return false;
    for (int i = 0; i < length; i++)
        if (node[i].operation != operations[i]) return false;
    return true;
}

/* ---- what PyTorch has ---- */

static int apply(struct torch_modules *torch, const struct graph_node *node) {
    static const char *const names[GRAPH_OPERATIONS] = {
        [GRAPH_RELU] = "ReLU()", [GRAPH_SIGMOID] = "Sigmoid()",   [GRAPH_TANH] = "Tanh()",
        [GRAPH_LEAKY_RELU] = "", [GRAPH_SOFTPLUS] = "Softplus()", [GRAPH_ELU] = "",
    };
    if (node->operation == GRAPH_DROP || node->operation == GRAPH_DROP_CHANNELS) {
        torch_module(torch, "nn.Dropout%s(%.9g)", node->operation == GRAPH_DROP ? "" : "2d", node->number);
        return 1;
    }
    if (!names[node->operation]) return 0;
    if (*names[node->operation])
        torch_module(torch, "nn.%s", names[node->operation]);
    else
        torch_module(torch, "nn.%s(%.9g)", node->operation == GRAPH_ELU ? "ELU" : "LeakyReLU", node->number);
    return 1;
}

/* The single number that is the operation's second; NAN where it is none. */
static double number_beside(const struct torch_modules *torch, const struct graph_node *node) {
    const struct graph_value *value = &torch->graph->values[node->inputs[1]];
    return value->data && graph_elements(torch->graph, node->inputs[1]) == 1 ? (double)value->data[0] : (double)NAN;
}

static bool is_near(double a, double b) {
    return fabs(a - b) <= 1e-6 * fabs(b);
}

/* x times and plus a number; without the second operation, times alone. */
static int scale(struct torch_modules *torch, const struct graph_node *node, int count) {
    if (node->operation != GRAPH_MULTIPLY || node->inputs[0] != torch->value || isnan(number_beside(torch, node)) ||
        count > 2)
        return 0;
    const bool is_sum = count > 1 && node[1].operation == GRAPH_ADD && node[1].inputs[0] == node->output &&
                        !isnan(number_beside(torch, &node[1]));
    if (count > 1 && !is_sum) return 0;
    torch_module(torch, "Scale(%.9g, %.9g)", number_beside(torch, node), is_sum ? number_beside(torch, &node[1]) : 0);
    torch->uses[TORCH_SCALE] = true;
    return count;
}

/* max(x, 0) + slope*min(x, 0), with one slope for all, for each channel, or for each number of a vector. */
static int prelu(struct torch_modules *torch, const struct graph_node *node) {
    const struct graph_value *alpha = &torch->graph->values[node[2].inputs[1]];
    const struct shape *x = &torch->graph->values[node->inputs[0]].shape;
    const int channels = x->size[x->rank - 1], rank = alpha->shape.rank;
    const size_t slopes = graph_elements(torch->graph, node[2].inputs[1]);
    if (slopes == 1 && alpha->data && torch->layer && torch->layer->parameter_count == 0) {
        torch_module(torch, "nn.LeakyReLU(%.9g)", (double)alpha->data[0]);
        return 4;
    }
    const bool by_channel = rank > 0 && alpha->shape.size[rank - 1] == channels && slopes == (size_t)channels;
    if (!alpha->data || (slopes != 1 && !by_channel) || (x->rank != 1 && x->rank != 3)) return 0;
    if (!torch_vector(torch, "weight", alpha->data, 0, (int)slopes)) return 0;
    torch_module(torch, "nn.PReLU(%zu)", slopes);
    return 4;
}

static int clipped(struct torch_modules *torch, const struct graph_node *node) {
    const double most = number_beside(torch, &node[1]);
    if (isnan(most)) return 0;
    if (is_near(most, 6))
        torch_module(torch, "nn.ReLU6()");
    else
        torch_module(torch, "nn.Hardtanh(0, %.9g)", most);
    return 2;
}

static int selu(struct torch_modules *torch, const struct graph_node *node) {
    if (!is_near(node->number, 1.6732632423543772) || !is_near(number_beside(torch, &node[1]), 1.0507009873554805))
        return 0;
    torch_module(torch, "nn.SELU()");
    return 2;
}

/* All `count` operations as one module of PyTorch's; 0 where it has none. */
static int known(struct torch_modules *torch, const struct graph_node *node, int count) {
    static const enum graph_operation silu[] = {GRAPH_SIGMOID, GRAPH_MULTIPLY};
    static const enum graph_operation learned[] = {GRAPH_RELU, GRAPH_MINIMUM, GRAPH_MULTIPLY, GRAPH_ADD};
    static const enum graph_operation gelu[] = {GRAPH_MULTIPLY, GRAPH_ERF, GRAPH_ADD, GRAPH_MULTIPLY, GRAPH_MULTIPLY};
    static const enum graph_operation gelu_tanh[] = {GRAPH_MULTIPLY, GRAPH_MULTIPLY, GRAPH_ADD,
                                                     GRAPH_MULTIPLY, GRAPH_MULTIPLY, GRAPH_TANH,
                                                     GRAPH_ADD,      GRAPH_MULTIPLY, GRAPH_MULTIPLY};
    static const enum graph_operation softsign[] = {GRAPH_ABSOLUTE, GRAPH_ADD, GRAPH_DIVIDE};
    static const enum graph_operation scaled_elu[] = {GRAPH_ELU, GRAPH_MULTIPLY};
    static const enum graph_operation relu_most[] = {GRAPH_RELU, GRAPH_MINIMUM};
    const char *name = NULL;
    if (count == 4 && torch_begins(node, count, learned, 4)) return prelu(torch, node);
    if (count == 2 && torch_begins(node, count, relu_most, 2)) return clipped(torch, node);
    if (count == 2 && torch_begins(node, count, scaled_elu, 2)) return selu(torch, node);
    if (count == 2 && torch_begins(node, count, silu, 2)) name = "SiLU()";
    if (count == 3 && torch_begins(node, count, softsign, 3)) name = "Softsign()";
    if (count == 5 && torch_begins(node, count, gelu, 5)) name = "GELU()";
    if (count == 9 && torch_begins(node, count, gelu_tanh, 9)) name = "GELU(approximate=\"tanh\")";
    if (name) torch_module(torch, "nn.%s", name);
    if (name) return count;
    if (count == 1 && node->operation < GRAPH_ADD) return apply(torch, node);
    return scale(torch, node, count);
}

/* ---- what it does not have ---- */

/* A and B stand for what is taken, N for the operation's number. */
static const char *const templates[GRAPH_OPERATIONS] = {
    [GRAPH_RELU] = "torch.relu(A)",
    [GRAPH_LEAKY_RELU] = "F.leaky_relu(A, N)",
    [GRAPH_ELU] = "F.elu(A, N)",
    [GRAPH_SIGMOID] = "torch.sigmoid(A)",
    [GRAPH_TANH] = "torch.tanh(A)",
    [GRAPH_ERF] = "torch.erf(A)",
    [GRAPH_EXP] = "torch.exp(A)",
    [GRAPH_SOFTPLUS] = "F.softplus(A)",
    [GRAPH_SQUARE_ROOT] = "torch.sqrt(A)",
    [GRAPH_ABSOLUTE] = "torch.abs(A)",
    [GRAPH_SIGN] = "torch.sign(A)",
    [GRAPH_ADD] = "A + B",
    [GRAPH_SUBTRACT] = "A - B",
    [GRAPH_MULTIPLY] = "A * B",
    [GRAPH_DIVIDE] = "A / B",
    [GRAPH_MAXIMUM] = "torch.clamp(A, min=B)",
    [GRAPH_MINIMUM] = "torch.clamp(A, max=B)",
};

enum { OPERAND_SIZE = 32 };

/* "alpha" of "p_re_lu/alpha" */
static const char *role_of(const struct graph_value *constant) {
    const char *slash = constant->name ? strrchr(constant->name, '/') : NULL;
    return slash ? slash + 1 : "weight";
}

/* "x", "x3", "0.5" or "self.alpha" for a value. */
static const char *operand(const struct torch_modules *torch, int value, char text[OPERAND_SIZE]) {
    const struct graph_value *known_value = &torch->graph->values[value];
    if (value == torch->value)
        snprintf(text, OPERAND_SIZE, "x");
    else if (!known_value->data)
        snprintf(text, OPERAND_SIZE, "x%d", value);
    else if (graph_elements(torch->graph, value) == 1)
        snprintf(text, OPERAND_SIZE, "%.9g", (double)known_value->data[0]);
    else
        snprintf(text, OPERAND_SIZE, "self.%s", role_of(known_value));
    return text;
}

static void add_expression(struct torch_modules *torch, const struct graph_node *node) {
    char text[OPERAND_SIZE];
    for (const char *at = templates[node->operation]; *at; at++) {
        if (*at == 'A' || *at == 'B')
            text_add(&torch->functions, operand(torch, node->inputs[*at == 'B'], text));
        else if (*at == 'N')
            text_print(&torch->functions, "%.9g", node->number);
        else
            text_add_bytes(&torch->functions, at, 1);
    }
}

/* A constant that belongs to the last axes of images, or of vectors, as a tensor that PyTorch spreads over the rest. */
static bool add_weight(struct torch_modules *torch, int value, const struct shape *x, bool *first) {
    const struct graph_value *constant = &torch->graph->values[value];
    struct shape shape = {.rank = 3, .size = {1, 1, 1}};
    const char *name = role_of(constant);
    char size[SHAPE_TEXT_SIZE];
    if (x->rank == 3)
        for (int i = 0; i < constant->shape.rank; i++)
            shape.size[3 - constant->shape.rank + i] = constant->shape.size[i];
    const bool written = x->rank == 3 ? torch_image(torch, name, constant->data, &shape)
                                      : torch_vector(torch, name, constant->data, 0, x->size[0]);
    if (!written) return false;
    shape_text(&torch->tensors[torch->tensor_count - 1].shape, size, sizeof size);
    if (*first) text_add(&torch->functions, "    def __init__(self):\n        super().__init__()\n");
    *first = false;
    text_print(&torch->functions, "        self.%s = nn.Parameter(torch.zeros%s)\n", name, size);
    return true;
}

static bool add_weights(struct torch_modules *torch, const struct graph_node *node, int count) {
    const struct shape *x = &torch->graph->values[torch->value].shape;
    bool first = true;
    for (int i = 0; i < count; i++) {
        const int value = node[i].input_count > 1 ? node[i].inputs[1] : GRAPH_NONE;
        if (value == GRAPH_NONE || !torch->graph->values[value].data || graph_elements(torch->graph, value) == 1)
            continue;
        if ((x->rank != 1 && x->rank != 3) || torch->graph->values[value].shape.rank > x->rank)
            return torch_refuse(torch);
        if (!add_weight(torch, value, x, &first)) return false;
    }
    if (!first) text_add(&torch->functions, "\n");
    return true;
}

static int function(struct torch_modules *torch, const struct graph_node *node, int count) {
    struct text *text = &torch->functions;
    for (int i = 0; i < count; i++)
        if (!templates[node[i].operation]) return torch_refuse(torch);
    const int number = ++torch->function_count;
    text_print(text, "\n\nclass Function%d(nn.Module):  # %s\n", number, torch->layer ? torch->layer->name : "output");
    if (!add_weights(torch, node, count)) return 0;
    text_add(text, "    def forward(self, x):\n");
    for (int i = 0; i < count; i++) {
        text_print(text, "        x%d = ", node[i].output);
        add_expression(torch, &node[i]);
        text_add(text, "\n");
    }
    text_print(text, "        return x%d\n", node[count - 1].output);
    torch_module(torch, "Function%d()", number);
    return count;
}

int torch_elementwise(struct torch_modules *torch, const struct graph_node *node, int count) {
    int length = 0;
    while (length < count && graph_is_elementwise(node[length].operation)) length++;
    const int taken = known(torch, node, length);
    return taken > 0 || torch->error->code != ERROR_NONE ? taken : function(torch, node, length);
}
