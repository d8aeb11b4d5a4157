/* Operations that take each number by itself, in one loop: its operands are loaded, one line follows for each
 * operation, and what later steps need is stored. */
#include "core/interop/c_elementwise.h"

#include <stdio.h>

/* A and B are operands, N the operation's number. */
static const char *const templates[GRAPH_OPERATIONS] = {
    [GRAPH_RELU] = "A > 0 ? A : 0",
    [GRAPH_LEAKY_RELU] = "A > 0 ? A : N * A",
    [GRAPH_ELU] = "A > 0 ? A : N * (expf(A) - 1)",
    [GRAPH_SIGMOID] = "1 / (1 + expf(-A))",
    [GRAPH_TANH] = "tanhf(A)",
    [GRAPH_ERF] = "erff(A)",
    [GRAPH_EXP] = "expf(A)",
    [GRAPH_SOFTPLUS] = "A > 0 ? A + log1pf(expf(-A)) : log1pf(expf(A))",
    [GRAPH_SQUARE_ROOT] = "sqrtf(A)",
    [GRAPH_ABSOLUTE] = "A < 0 ? -A : A",
    [GRAPH_SIGN] = "A > 0 ? 1 : A < 0 ? -1 : 0",
    [GRAPH_ADD] = "A + B",
    [GRAPH_SUBTRACT] = "A - B",
    [GRAPH_MULTIPLY] = "A * B",
    [GRAPH_DIVIDE] = "A / B",
    [GRAPH_MAXIMUM] = "A > B ? A : B",
    [GRAPH_MINIMUM] = "A < B ? A : B",
};

enum { OPERANDS_MAX = 2 * C_STEP_MOST };

/* The operands that stand in memory, each once, and the results that do. */
struct loop {
    struct c_source *source;
    const struct c_step *step;
    int operands[OPERANDS_MAX], operand_count;
    int results[C_STEP_MOST], result_count;
    size_t count;
};

static bool is_constant(const struct loop *loop, int value) {
    return loop->source->graph->values[value].data != NULL;
}

static bool is_computed_here(const struct loop *loop, int value) {
    for (int i = loop->step->first; i < loop->step->first + loop->step->count; i++)
        if (loop->source->graph->nodes[i].output == value) return true;
    return false;
}

static void add_once(int *list, int *count, int value) {
    for (int i = 0; i < *count; i++)
        if (list[i] == value) return;
    list[(*count)++] = value;
}

static void collect(struct loop *loop) {
    const struct graph *graph = loop->source->graph;
    for (int i = loop->step->first; i < loop->step->first + loop->step->count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        for (int k = 0; k < node->input_count; k++)
            if (!is_constant(loop, node->inputs[k]) && !is_computed_here(loop, node->inputs[k]))
                add_once(loop->operands, &loop->operand_count, node->inputs[k]);
        if (loop->source->plan->places[node->output].room != C_NOWHERE)
            add_once(loop->results, &loop->result_count, node->output);
    }
    loop->count = graph_elements(graph, graph->nodes[loop->step->first].output);
}

/* Which of the results an operand shares its memory with; -1: none. */
static int host_of(const struct loop *loop, int operand) {
    for (int i = 0; i < loop->result_count; i++)
        if (c_plan_shares(loop->source->plan, operand, loop->results[i])) return i;
    return -1;
}

/* "x1", or "x" where there is no other. */
enum { VARIABLE_SIZE = 16 };
static const char *variable(const char *letter, int index, int count, char buffer[VARIABLE_SIZE]) {
    snprintf(buffer, VARIABLE_SIZE, count > 1 ? "%s%d" : "%s", letter, index);
    return buffer;
}

/* "const float *x, float *y" */
static void add_arguments(const struct loop *loop, struct text *arguments) {
    char name[VARIABLE_SIZE];
    for (int i = 0; i < loop->operand_count; i++)
        if (host_of(loop, loop->operands[i]) < 0)
            text_print(arguments, "%sconst float *%s", arguments->length ? ", " : "",
                       variable("x", i, loop->operand_count, name));
    for (int i = 0; i < loop->result_count; i++)
        text_print(arguments, "%sfloat *%s", arguments->length ? ", " : "", variable("y", i, loop->result_count, name));
}

/* The number behind "a" of an operand or of what the loop computes. */
static int number_of(const struct loop *loop, int value) {
    for (int i = 0; i < loop->operand_count; i++)
        if (loop->operands[i] == value) return i;
    int i = 0;
    while (loop->source->graph->nodes[loop->step->first + i].output != value) i++;
    return loop->operand_count + i;
}

static void add_call(const struct loop *loop) {
    struct text *calls = &loop->source->calls;
    char pointer[C_POINTER_SIZE];
    const char *comma = "";
    for (int i = 0; i < loop->operand_count; i++) {
        if (host_of(loop, loop->operands[i]) >= 0) continue;
        text_print(calls, "%s%s", comma, c_pointer(loop->source, loop->operands[i], pointer));
        comma = ", ";
    }
    for (int i = 0; i < loop->result_count; i++) {
        text_print(calls, "%s%s", comma, c_pointer(loop->source, loop->results[i], pointer));
        comma = ", ";
    }
    text_add(calls, ");\n");
}

/* How the loop's variables read number i of the result: r rows of `inner`, v within a row. */
static const char *index_of(const struct loop *loop, int operand) {
    switch (c_access_of(loop->source->graph, operand, loop->source->graph->nodes[loop->step->first].output)) {
    case C_EACH:
        return "[i]";
    case C_REPEATED:
        return "[v]";
    case C_LASTING:
        return "[r]";
    case C_SINGLE:
        return "[0]";
    }
    return "";
}

static void add_load(const struct loop *loop, int index, const char *indent) {
    const int operand = loop->operands[index], host = host_of(loop, operand);
    char name[VARIABLE_SIZE];
    if (host < 0)
        variable("x", index, loop->operand_count, name);
    else
        variable("y", host, loop->result_count, name);
    text_print(&loop->source->functions, "%sconst float a%d = %s%s;\n", indent, index, name, index_of(loop, operand));
}

/* "a3", "0.5f", "conv2d_scale[v]" */
static void add_operand(const struct loop *loop, int value) {
    struct c_source *source = loop->source;
    struct text *text = &source->functions;
    char number[C_NUMBER_SIZE];
    if (!is_constant(loop, value)) {
        text_print(text, "a%d", number_of(loop, value));
    } else if (graph_elements(source->graph, value) == 1) {
        const double single = (double)source->graph->values[value].data[0];
        text_print(text, single < 0 ? "(%s)" : "%s", c_number(single, number));
    } else {
        const char *name = c_array(source, value, false);
        text_print(text, "%s%s", name ? name : "", index_of(loop, value));
    }
}

static void add_operation(const struct loop *loop, const struct graph_node *node, const char *indent) {
    struct text *text = &loop->source->functions;
    char number[C_NUMBER_SIZE];
    text_print(text, "%sconst float a%d = ", indent, number_of(loop, node->output));
    for (const char *at = templates[node->operation]; *at; at++) {
        if (*at == 'A' || *at == 'B')
            add_operand(loop, node->inputs[*at - 'A']);
        else if (*at == 'N')
            text_add(text, c_number(node->number, number));
        else
            text_add_bytes(text, at, 1);
        if (*at == 'f' && at[1] == '(') loop->source->uses_math = true;
    }
    text_add(text, ";\n");
}

static void add_body(const struct loop *loop, const char *indent) {
    const struct graph *graph = loop->source->graph;
    char name[VARIABLE_SIZE];
    for (int i = 0; i < loop->operand_count; i++) add_load(loop, i, indent);
    for (int i = loop->step->first; i < loop->step->first + loop->step->count; i++)
        add_operation(loop, &graph->nodes[i], indent);
    for (int i = 0; i < loop->result_count; i++)
        text_print(&loop->source->functions, "%s%s[i] = a%d;\n", indent, variable("y", i, loop->result_count, name),
                   number_of(loop, loop->results[i]));
}

void c_add_elementwise(struct c_source *source, const struct c_step *step) {
    struct loop loop = {.source = source, .step = step};
    struct text *text = &source->functions, arguments = {0};
    collect(&loop);
    add_arguments(&loop, &arguments);
    if (arguments.failed) text->failed = true;
    c_begin_function(source, step, "elementwise", arguments.failed || !arguments.bytes ? "" : arguments.bytes);
    add_call(&loop);
    if (step->inner) {
        text_print(text, "    for (int r = 0; r < %zu; r++)\n        for (int v = 0; v < %d; v++) {\n",
                   loop.count / (size_t)step->inner, step->inner);
        text_print(text, "            const int i = r * %d + v;\n", step->inner);
        add_body(&loop, "            ");
        text_add(text, "        }\n}\n\n");
    } else {
        text_print(text, "    for (int i = 0; i < %zu; i++) {\n", loop.count);
        add_body(&loop, "        ");
        text_add(text, "    }\n}\n\n");
    }
    text_free(&arguments);
}
