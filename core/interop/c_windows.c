#include "core/interop/c_windows.h"

static const int *size_of(const struct c_source *source, int value) {
    return source->graph->values[value].shape.size;
}

/* "r * 2 - 1 + i * 3", without what changes nothing. */
static void add_position(struct text *text, const char *output, const char *tap, int stride, int before, int dilation) {
    text_add(text, output);
    if (stride != 1) text_print(text, " * %d", stride);
    if (before) text_print(text, " - %d", before);
    text_print(text, " + %s", tap);
    if (dilation != 1) text_print(text, " * %d", dilation);
}

/* Whether windows reach beyond the image on this axis. */
static bool leaves(const struct graph_window *window, const int *input, int axis) {
    return window->before[axis] > 0 || graph_window_after(window, input[axis], axis) > 0;
}

/* Opens loops over a window's taps that lie inside the image, with their row and column. */
static void open_taps(struct text *text, const struct graph_window *window, const int *input, const char *indent) {
    static const char *const outputs[] = {"r", "s"}, *const taps[] = {"i", "j"}, *const names[] = {"row", "column"};
    for (int axis = 0; axis < 2; axis++) {
        const char *more = axis ? "    " : "";
        text_print(text, "%s%sfor (int %s = 0; %s < %d; %s++) {\n", indent, more, taps[axis], taps[axis],
                   window->size[axis], taps[axis]);
        text_print(text, "%s%s    const int %s = ", indent, more, names[axis]);
        add_position(text, outputs[axis], taps[axis], window->stride[axis], window->before[axis],
                     window->dilation[axis]);
        text_add(text, ";\n");
        if (leaves(window, input, axis))
            text_print(text, "%s%s    if (%s < 0 || %s >= %d) continue;\n", indent, more, names[axis], names[axis],
                       input[axis]);
    }
}

static void close_taps(struct text *text, const char *indent) {
    text_print(text, "%s    }\n%s}\n", indent, indent);
}

/* ---- convolutions ---- */

enum { TILE_MOST = 32, TILE_LEAST = 8, TILE_WHOLE = 1024 };

/* Outputs that are summed together: a number of them that compilers keep in registers, and that divides all. */
static int tile_of(int outputs) {
    if (outputs <= TILE_MOST) return outputs;
    for (int tile = TILE_MOST; tile >= TILE_LEAST; tile--)
        if (outputs % tile == 0) return tile;
    return outputs <= TILE_WHOLE ? outputs : 1;
}

/* A convolution's numbers: channels and filters of one group. */
struct convolution {
    const struct graph_window *window;
    const int *input;
    int channels, filters, all_filters, tile;
    const char *kernel, *bias; /* arrays; NULL: no bias */
};

/* sum[k] += one tap's share */
static void add_tap(struct text *text, const struct convolution *c) {
    const char *indent = "                        ";
    const bool by_channel = c->channels == 1 && c->window->groups > 1;
    text_print(text, "%sconst float *cell = x + (row * %d + column) * %d", indent, c->input[1], c->input[2]);
    if (c->window->groups > 1 && !by_channel) text_print(text, " + f / %d * %d", c->filters, c->channels);
    text_print(text, ";\n%sconst float *weight = %s + (i * %d + j) * %d + f;\n", indent, c->kernel, c->window->size[1],
               c->channels * c->all_filters);
    if (by_channel && c->filters == 1)
        text_print(text, "%sfor (int k = 0; k < %d; k++) sum[k] += cell[f + k] * weight[k];\n", indent, c->tile);
    else if (by_channel)
        text_print(text, "%sfor (int k = 0; k < %d; k++) sum[k] += cell[(f + k) / %d] * weight[k];\n", indent, c->tile,
                   c->filters);
    else
        text_print(text,
                   "%sfor (int c = 0; c < %d; c++, weight += %d)\n"
                   "%s    for (int k = 0; k < %d; k++) sum[k] += cell[c] * weight[k];\n",
                   indent, c->channels, c->all_filters, indent, c->tile);
}

/* y (oh,ow,f), some filters at a time: their sums over the window */
static void add_convolution(struct text *text, const struct convolution *c) {
    text_print(text,
               "    for (int r = 0; r < %d; r++)\n"
               "        for (int s = 0; s < %d; s++, y += %d)\n"
               "            for (int f = 0; f < %d; f += %d) {\n"
               "                float sum[%d];\n",
               c->window->output[0], c->window->output[1], c->all_filters, c->all_filters, c->tile, c->tile);
    text_print(text, "                for (int k = 0; k < %d; k++) sum[k] = %s%s;\n", c->tile, c->bias ? c->bias : "0",
               c->bias ? "[f + k]" : "");
    open_taps(text, c->window, c->input, "                ");
    add_tap(text, c);
    close_taps(text, "                ");
    text_print(text, "                for (int k = 0; k < %d; k++) y[f + k] = sum[k];\n            }\n}\n\n", c->tile);
}

static const char *bias_of(struct c_source *source, const struct graph_node *node) {
    return node->input_count > 2 ? c_array(source, node->inputs[2], false) : NULL;
}

void c_add_convolve(struct c_source *source, const struct graph_node *node) {
    const int *kernel = size_of(source, node->inputs[1]);
    struct convolution convolution = {.window = &node->window,
                                      .input = size_of(source, node->inputs[0]),
                                      .channels = kernel[2],
                                      .filters = kernel[3] / node->window.groups,
                                      .all_filters = kernel[3],
                                      .kernel = c_array(source, node->inputs[1], false),
                                      .bias = bias_of(source, node)};
    const bool by_channel = kernel[2] == 1 && node->window.groups > 1;
    convolution.tile = tile_of(by_channel ? kernel[3] : convolution.filters);
    if (convolution.kernel) add_convolution(&source->functions, &convolution);
}

void c_add_matrix(struct c_source *source, const struct graph_node *node) {
    const int *matrix = size_of(source, node->inputs[1]);
    const int units = matrix[1], tile = tile_of(units);
    const char *weights = c_array(source, node->inputs[1], false), *bias = bias_of(source, node);
    if (!weights) return;
    text_print(&source->functions,
               "    for (int f = 0; f < %d; f += %d) {\n"
               "        float sum[%d];\n"
               "        const float *weight = %s + f;\n"
               "        for (int k = 0; k < %d; k++) sum[k] = %s%s;\n"
               "        for (int c = 0; c < %d; c++, weight += %d)\n"
               "            for (int k = 0; k < %d; k++) sum[k] += x[c] * weight[k];\n"
               "        for (int k = 0; k < %d; k++) y[f + k] = sum[k];\n"
               "    }\n}\n\n",
               units, tile, tile, weights, tile, bias ? bias : "0", bias ? "[f + k]" : "", matrix[0], units, tile,
               tile);
}

/* Every input cell goes through all taps to the output: the kernel is laid out as (kh,kw,c,f). */
void c_add_convolve_back(struct c_source *source, const struct graph_node *node) {
    const int *input = size_of(source, node->inputs[0]), *kernel = size_of(source, node->inputs[1]);
    const struct graph_window *window = &node->window;
    const int filters = kernel[2], channels = kernel[3], *output = window->output;
    const char *weights = c_array(source, node->inputs[1], true), *bias = bias_of(source, node);
    struct text *text = &source->functions;
    if (!weights) return;
    text_print(text, "    for (int i = 0; i < %d; i++)\n        for (int f = 0; f < %d; f++) y[i * %d + f] = %s%s;\n",
               output[0] * output[1], filters, filters, bias ? bias : "0", bias ? "[f]" : "");
    text_print(text, "    for (int r = 0; r < %d; r++)\n        for (int s = 0; s < %d; s++, x += %d)\n", input[0],
               input[1], channels);
    const struct graph_window there = {.size = {window->size[0], window->size[1]},
                                       .stride = {window->stride[0], window->stride[1]},
                                       .dilation = {window->dilation[0], window->dilation[1]},
                                       .before = {window->before[0], window->before[1]},
                                       .output = {input[0], input[1]}};
    open_taps(text, &there, output, "            ");
    text_print(text,
               "                    float *cell = y + (row * %d + column) * %d;\n"
               "                    const float *weight = %s + (i * %d + j) * %d;\n"
               "                    for (int c = 0; c < %d; c++, weight += %d) {\n"
               "                        const float number = x[c];\n"
               "                        for (int f = 0; f < %d; f++) cell[f] += number * weight[f];\n"
               "                    }\n",
               output[1], filters, weights, window->size[1], channels * filters, channels, filters, filters);
    close_taps(text, "            ");
    text_add(text, "}\n\n");
}

/* ---- pools ---- */

/* A window that the edge cuts off has fewer cells, and only those count. */
void c_add_pool(struct c_source *source, const struct graph_node *node) {
    const struct graph_window *window = &node->window;
    const int *input = size_of(source, node->inputs[0]), channels = input[2];
    const bool largest = node->operation == GRAPH_POOL_MAXIMUM;
    const bool mean = node->operation == GRAPH_POOL_MEAN;
    const bool counts = mean && (leaves(window, input, 0) || leaves(window, input, 1));
    struct text *text = &source->functions;
    text_print(text, "    for (int r = 0; r < %d; r++)\n        for (int s = 0; s < %d; s++, y += %d) {\n",
               window->output[0], window->output[1], channels);
    if (counts) text_add(text, "            int cells = 0;\n");
    text_print(text, "            for (int c = 0; c < %d; c++) y[c] = %s;\n", channels,
               largest ? "-3.402823466e+38f" : "0");
    open_taps(text, window, input, "            ");
    text_print(text, "                    const float *cell = x + (row * %d + column) * %d;\n", input[1], channels);
    text_print(text, "                    for (int c = 0; c < %d; c++) %s;\n", channels,
               largest ? "y[c] = cell[c] > y[c] ? cell[c] : y[c]" : "y[c] += cell[c]");
    if (counts) text_add(text, "                    cells++;\n");
    close_taps(text, "            ");
    const int all = window->size[0] * window->size[1];
    if (counts) text_print(text, "            for (int c = 0; c < %d; c++) y[c] /= (float)cells;\n", channels);
    if (mean && !counts) text_print(text, "            for (int c = 0; c < %d; c++) y[c] /= %d.0f;\n", channels, all);
    text_add(text, "        }\n}\n\n");
}

/* ---- moved cells ---- */

/* Four pixels around a place, each with its share; what lies beyond the image is 0. A place far away is not one that an
 * int can hold. */
static void add_blend(struct text *text, const int *input, bool shares, int taps) {
    const char *indent = "                    ";
    text_print(text,
               "%sfor (int c = 0; c < %d; c++) y[c] = 0;\n"
               "%sif (!(row > -1 && row < %d && column > -1 && column < %d)) continue;\n"
               "%sconst int above = (int)(row + 1) - 1, left = (int)(column + 1) - 1; /* rounded down */\n"
               "%sconst float down = row - (float)above, right = column - (float)left;\n"
               "%sfor (int k = 0; k < 4; k++) {\n",
               indent, input[2], indent, input[0], input[1], indent, indent, indent);
    text_print(text,
               "%s    const int at_row = above + k / 2, at_column = left + k %% 2;\n"
               "%s    const float share = (k / 2 ? down : 1 - down) * (k %% 2 ? right : 1 - right);\n"
               "%s    if (at_row < 0 || at_row >= %d || at_column < 0 || at_column >= %d) continue;\n",
               indent, indent, indent, input[0], input[1]);
    text_print(text, "%s    for (int c = 0; c < %d; c++) y[c] += share * x[(at_row * %d + at_column) * %d + c];\n%s}\n",
               indent, input[2], input[1], input[2], indent);
    if (shares)
        text_print(text, "%sfor (int c = 0; c < %d; c++) y[c] *= shares[i * %d + j];\n", indent, input[2], taps);
}

/* y (oh,ow,kh,kw,c) from x (h,w,c), moves (oh,ow,kh,kw,2), shares (oh,ow,kh,kw) */
void c_add_sample(struct c_source *source, const struct graph_node *node) {
    const struct graph_window *window = &node->window;
    const int *input = size_of(source, node->inputs[0]), taps = window->size[0] * window->size[1];
    const bool shares = node->input_count > 2;
    struct text *text = &source->functions;
    text_print(text, "    for (int r = 0; r < %d; r++)\n        for (int s = 0; s < %d; s++, moves += %d",
               window->output[0], window->output[1], 2 * taps);
    if (shares) text_print(text, ", shares += %d", taps);
    text_print(text, ")\n            for (int i = 0; i < %d; i++)\n", window->size[0]);
    text_print(text, "                for (int j = 0; j < %d; j++, y += %d) {\n", window->size[1], input[2]);
    text_add(text, "                    const float row = (float)(");
    add_position(text, "r", "i", window->stride[0], window->before[0], window->dilation[0]);
    text_print(text, ") + moves[2 * (i * %d + j)];\n", window->size[1]);
    text_add(text, "                    const float column = (float)(");
    add_position(text, "s", "j", window->stride[1], window->before[1], window->dilation[1]);
    text_print(text, ") + moves[2 * (i * %d + j) + 1];\n", window->size[1]);
    add_blend(text, input, shares, window->size[1]);
    text_add(text, "                }\n}\n\n");
}
