#include "core/interop/c_functions.h"

#include "core/interop/c_elementwise.h"
#include "core/interop/c_windows.h"

static const struct shape *shape_of(const struct c_source *source, int value) {
    return &source->graph->values[value].shape;
}

static void begin_one(struct c_source *source, const struct c_step *step, const char *what) {
    const struct graph_node *node = &source->graph->nodes[step->first];
    const bool moves = node->operation == GRAPH_SAMPLE, shares = moves && node->input_count > 2;
    char pointer[C_POINTER_SIZE];
    c_begin_function(source, step, what,
                     shares  ? "const float *x, const float *moves, const float *shares, float *y"
                     : moves ? "const float *x, const float *moves, float *y"
                             : "const float *x, float *y");
    for (int i = 0; i < node->input_count; i++)
        if (!source->graph->values[node->inputs[i]].data)
            text_print(&source->calls, "%s, ", c_pointer(source, node->inputs[i], pointer));
    text_print(&source->calls, "%s);\n", c_pointer(source, node->output, pointer));
}

/* ---- frames ---- */

static void pad(struct c_source *source, const struct graph_node *node) {
    const int *size = shape_of(source, node->inputs[0])->size, *to = shape_of(source, node->output)->size;
    const int top = node->sides[GRAPH_TOP], left = node->sides[GRAPH_LEFT];
    struct text *text = &source->functions;
    text_print(text, "    for (int r = 0; r < %d; r++)\n        for (int s = 0; s < %d; s++, y += %d) {\n", to[0],
               to[1], size[2]);
    if (node->operation == GRAPH_PAD_WRAP) {
        text_print(text, "            const int row = (r + %d) %% %d, column = (s + %d) %% %d;\n",
                   (size[0] - top % size[0]) % size[0], size[0], (size[1] - left % size[1]) % size[1], size[1]);
        text_print(text, "            for (int c = 0; c < %d; c++) y[c] = x[(row * %d + column) * %d + c];\n", size[2],
                   size[1], size[2]);
    } else {
        text_print(text, "            const int row = r - %d, column = s - %d;\n", top, left);
        text_print(text, "            const int inside = row >= 0 && row < %d && column >= 0 && column < %d;\n",
                   size[0], size[1]);
        text_print(text,
                   "            for (int c = 0; c < %d; c++) y[c] = inside ? x[(row * %d + column) * %d + c] : 0;\n",
                   size[2], size[1], size[2]);
    }
    text_add(text, "        }\n}\n\n");
}

static void crop(struct c_source *source, const struct graph_node *node) {
    const int *size = shape_of(source, node->inputs[0])->size, *to = shape_of(source, node->output)->size;
    text_print(&source->functions,
               "    for (int r = 0; r < %d; r++)\n"
               "        for (int i = 0; i < %d; i++) y[r * %d + i] = x[((r + %d) * %d + %d) * %d + i];\n}\n\n",
               to[0], to[1] * to[2], to[1] * to[2], node->sides[GRAPH_TOP], size[1], node->sides[GRAPH_LEFT], size[2]);
}

static void enlarge_nearest(struct c_source *source, const struct graph_node *node) {
    const int *size = shape_of(source, node->inputs[0])->size, *to = shape_of(source, node->output)->size;
    text_print(&source->functions,
               "    for (int r = 0; r < %d; r++)\n"
               "        for (int s = 0; s < %d; s++, y += %d)\n"
               "            for (int c = 0; c < %d; c++) y[c] = x[(r / %d * %d + s / %d) * %d + c];\n}\n\n",
               to[0], to[1], size[2], size[2], node->times[0], size[1], node->times[1], size[2]);
}

/* The two cells around an output cell's centre, and the second one's share. */
static void add_between(struct text *text, const char *indent, const char *variable, const char *name, int times,
                        int size) {
    text_print(text, "%sconst float %s_at = ((float)%s + 0.5f) / %d.0f - 0.5f;\n", indent, name, variable, times);
    text_print(text, "%sconst int %s_before = (int)(%s_at + 1) - 1; /* rounded down, also below 0 */\n", indent, name,
               name);
    text_print(text, "%sconst float %s_share = %s_at - (float)%s_before;\n", indent, name, name, name);
    text_print(text, "%sconst int %s_0 = %s_before < 0 ? 0 : %s_before;\n", indent, name, name, name);
    text_print(text, "%sconst int %s_1 = %s_before + 1 > %d ? %d : %s_before + 1;\n", indent, name, name, size - 1,
               size - 1, name);
}

static void enlarge_bilinear(struct c_source *source, const struct graph_node *node) {
    const int *size = shape_of(source, node->inputs[0])->size, *to = shape_of(source, node->output)->size;
    struct text *text = &source->functions;
    text_print(text, "    for (int r = 0; r < %d; r++) {\n", to[0]);
    add_between(text, "        ", "r", "row", node->times[0], size[0]);
    text_print(text, "        for (int s = 0; s < %d; s++, y += %d) {\n", to[1], size[2]);
    add_between(text, "            ", "s", "column", node->times[1], size[1]);
    for (int i = 0; i < 4; i++)
        text_print(text, "            const float *cell_%d = x + (row_%d * %d + column_%d) * %d;\n", i, i / 2, size[1],
                   i % 2, size[2]);
    text_print(
        text,
        "            for (int c = 0; c < %d; c++)\n"
        "                y[c] = (1 - row_share) * ((1 - column_share) * cell_0[c] + column_share * cell_1[c]) +\n"
        "                       row_share * ((1 - column_share) * cell_2[c] + column_share * cell_3[c]);\n",
        size[2]);
    text_add(text, "        }\n    }\n}\n\n");
}

/* ---- whole arrays ---- */

/* The largest value is taken off first, so that no exponential overflows. */
static void softmax(struct c_source *source, const struct graph_node *node) {
    const struct shape *shape = shape_of(source, node->output);
    const int columns = shape->rank ? shape->size[shape->rank - 1] : 1;
    const size_t rows = graph_elements(source->graph, node->output) / (size_t)columns;
    source->uses_math = true;
    text_print(&source->functions,
               "    for (int r = 0; r < %zu; r++, x += %d, y += %d) {\n"
               "        float largest = x[0], sum = 0;\n"
               "        for (int i = 1; i < %d; i++) largest = x[i] > largest ? x[i] : largest;\n"
               "        for (int i = 0; i < %d; i++) sum += y[i] = expf(x[i] - largest);\n"
               "        for (int i = 0; i < %d; i++) y[i] /= sum;\n"
               "    }\n}\n\n",
               rows, columns, columns, columns, columns, columns);
}

/* x (outer, count, inner) -> y (outer, inner) */
static void reduce(struct c_source *source, const struct graph_node *node) {
    const struct shape *shape = shape_of(source, node->inputs[0]);
    const bool mean = node->operation == GRAPH_REDUCE_MEAN;
    int outer = 1, count = 1, inner = 1;
    for (int i = 0; i < shape->rank; i++)
        *(i < node->axis ? &outer : i < node->axis + node->axes ? &count : &inner) *= shape->size[i];
    struct text *text = &source->functions;
    text_print(text, "    for (int r = 0; r < %d; r++, x += %lld, y += %d) {\n", outer, (long long)count * inner,
               inner);
    text_print(text, "        for (int c = 0; c < %d; c++) y[c] = %s;\n", inner, mean ? "0" : "x[c]");
    text_print(text, "        for (int i = %d; i < %d; i++)\n", !mean, count);
    text_print(text,
               mean ? "            for (int c = 0; c < %d; c++) y[c] += x[i * %d + c];\n"
                    : "            for (int c = 0; c < %d; c++) y[c] = x[i * %d + c] > y[c] ? x[i * %d + c] : y[c];\n",
               inner, inner, inner);
    if (mean) text_print(text, "        for (int c = 0; c < %d; c++) y[c] /= %d.0f;\n", inner, count);
    text_add(text, "    }\n}\n\n");
}

/* How an operation is written, and what its function is called behind the layer's name. */
static const struct {
    const char *what;
    void (*add)(struct c_source *source, const struct graph_node *node);
} writers[GRAPH_OPERATIONS] = {
    [GRAPH_CONVOLVE] = {"convolve", c_add_convolve},
    [GRAPH_CONVOLVE_BACK] = {"convolve_back", c_add_convolve_back},
    [GRAPH_POOL_MAXIMUM] = {"maximum", c_add_pool},
    [GRAPH_POOL_MEAN] = {"mean", c_add_pool},
    [GRAPH_POOL_SUM] = {"sum", c_add_pool},
    [GRAPH_SAMPLE] = {"sample", c_add_sample},
    [GRAPH_PAD_ZEROS] = {"pad", pad},
    [GRAPH_PAD_WRAP] = {"wrap", pad},
    [GRAPH_CROP] = {"crop", crop},
    [GRAPH_ENLARGE_NEAREST] = {"enlarge", enlarge_nearest},
    [GRAPH_ENLARGE_BILINEAR] = {"enlarge", enlarge_bilinear},
    [GRAPH_MATRIX] = {"product", c_add_matrix},
    [GRAPH_SOFTMAX] = {"softmax", softmax},
    [GRAPH_REDUCE_MEAN] = {"mean", reduce},
    [GRAPH_REDUCE_MAXIMUM] = {"maximum", reduce},
};

void c_add_step(struct c_source *source, const struct c_step *step) {
    const struct graph_node *node = &source->graph->nodes[step->first];
    if (graph_is_elementwise(node->operation)) {
        c_add_elementwise(source, step);
        return;
    }
    begin_one(source, step, writers[node->operation].what);
    writers[node->operation].add(source, node);
}
