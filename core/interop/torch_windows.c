/* Operations that slide windows, and frames, as modules of PyTorch. */
#include <stdio.h>
#include <string.h>

#include "core/interop/torch_modules.h"

enum { HEIGHT, WIDTH };

struct window_view {
    const struct graph_node *node;
    const struct graph_window *window;
    struct shape x;
    int after[2];
};

static struct window_view view_of(const struct torch_modules *torch, const struct graph_node *node) {
    struct window_view view = {node, &node->window, torch->graph->values[node->inputs[0]].shape, {0, 0}};
    for (int axis = 0; axis < 2; axis++) view.after[axis] = graph_window_after(view.window, view.x.size[axis], axis);
    return view;
}

static bool is_even(const struct window_view *view) {
    return view->window->before[HEIGHT] == view->after[HEIGHT] && view->window->before[WIDTH] == view->after[WIDTH];
}

/* ", stride=(2, 2)", or nothing where both are `neutral`. */
static void add_pair(struct text *text, const char *key, const int pair[2], int neutral) {
    if (pair[0] == neutral && pair[1] == neutral) return;
    text_print(text, ", %s=(%d, %d)", key, pair[0], pair[1]);
}

static void take_text(struct torch_modules *torch, struct text *text) {
    if (text->failed) error_fill(torch->error, ERROR_RUN, NULL, "not enough memory for the modules");
    if (text->bytes) torch_module(torch, "%s", text->bytes);
    text_free(text);
}

/* kernel (taps,rows,columns) -> weight (columns,rows,taps), or (rows,columns,taps) */
static void copy_kernel(const float *kernel, int taps, int rows, int columns, bool rows_first, float *weight) {
    for (int t = 0; t < taps; t++)
        for (int r = 0; r < rows; r++)
            for (int s = 0; s < columns; s++) {
                const size_t at =
                    rows_first ? (size_t)r * (size_t)columns + (size_t)s : (size_t)s * (size_t)rows + (size_t)r;
                weight[at * (size_t)taps + (size_t)t] = *kernel++;
            }
}

static int add_weights(struct torch_modules *torch, const struct graph_node *node, bool rows_first) {
    const struct graph_value *kernel = &torch->graph->values[node->inputs[1]];
    const int *size = kernel->shape.size;
    const int first = rows_first ? size[2] : size[3], second = rows_first ? size[3] : size[2];
    float *weight = torch_tensor(torch, "weight", (struct shape){4, {first, second, size[0], size[1]}});
    if (!weight) return -1;
    copy_kernel(kernel->data, size[0] * size[1], size[2], size[3], rows_first, weight);
    const int bias = node->input_count > 2 ? node->inputs[2] : GRAPH_NONE;
    if (bias == GRAPH_NONE) return 0;
    const struct graph_value *value = &torch->graph->values[bias];
    float *numbers = torch_tensor(torch, "bias", (struct shape){1, {value->shape.size[value->shape.rank - 1]}});
    if (!numbers) return -1;
    memcpy(numbers, value->data, graph_elements(torch->graph, bias) * sizeof(float));
    return 0;
}

static bool has_bias(const struct graph_node *node) {
    return node->input_count > 2 && node->inputs[2] != GRAPH_NONE;
}

/* Around the image zeros, or what `value` says: ", 1". */
static void pad(struct torch_modules *torch, const struct window_view *view, const char *value) {
    const int *before = view->window->before;
    torch_module(torch, "nn.%s((%d, %d, %d, %d)%s)", *value ? "ConstantPad2d" : "ZeroPad2d", before[WIDTH],
                 view->after[WIDTH], before[HEIGHT], view->after[HEIGHT], value);
}

static int convolve(struct torch_modules *torch, const struct graph_node *node) {
    const struct window_view view = view_of(torch, node);
    const struct graph_window *window = view.window;
    static const int none[2];
    const bool even = is_even(&view);
    if (!even) pad(torch, &view, "");
    const int filters = torch->graph->values[node->output].shape.size[2];
    if (add_weights(torch, node, false) != 0) return 0;
    struct text text = {0};
    text_print(&text, "nn.Conv2d(%d, %d, (%d, %d)", view.x.size[2], filters, window->size[0], window->size[1]);
    add_pair(&text, "stride", window->stride, 1);
    add_pair(&text, "padding", even ? window->before : none, 0);
    add_pair(&text, "dilation", window->dilation, 1);
    if (window->groups > 1) text_print(&text, ", groups=%d", window->groups);
    text_add(&text, has_bias(node) ? ")" : ", bias=False)");
    take_text(torch, &text);
    return 1;
}

/* PyTorch takes off `before` on both sides, and gives back at the end what was too much. */
static int convolve_back(struct torch_modules *torch, const struct graph_node *node) {
    const struct window_view view = view_of(torch, node);
    const struct graph_window *window = view.window;
    const struct shape *y = &torch->graph->values[node->output].shape;
    int more[2], crop[2];
    for (int axis = 0; axis < 2; axis++) {
        const int natural = (view.x.size[axis] - 1) * window->stride[axis] +
                            (window->size[axis] - 1) * window->dilation[axis] + 1 - 2 * window->before[axis];
        const int rest = y->size[axis] - natural;
        if (rest > 0 && rest >= window->stride[axis] && rest >= window->dilation[axis]) return torch_refuse(torch);
        more[axis] = rest > 0 ? rest : 0;
        crop[axis] = rest < 0 ? rest : 0;
    }
    if (add_weights(torch, node, false) != 0) return 0;
    struct text text = {0};
    text_print(&text, "nn.ConvTranspose2d(%d, %d, (%d, %d)", view.x.size[2], y->size[2], window->size[0],
               window->size[1]);
    add_pair(&text, "stride", window->stride, 1);
    add_pair(&text, "padding", window->before, 0);
    add_pair(&text, "output_padding", more, 0);
    add_pair(&text, "dilation", window->dilation, 1);
    text_add(&text, has_bias(node) ? ")" : ", bias=False)");
    take_text(torch, &text);
    if (crop[0] || crop[1]) torch_module(torch, "nn.ZeroPad2d((0, %d, 0, %d))", crop[WIDTH], crop[HEIGHT]);
    return 1;
}

/* Whether PyTorch's pool, with `before` on both sides, has as many windows as ours. With ceil_mode windows may reach
 * beyond that where they begin before it. */
static bool has_windows(const struct torch_modules *torch, const struct window_view *view, bool ceil_mode) {
    const struct graph_window *window = view->window;
    for (int axis = 0; axis < 2; axis++) {
        const int before = window->before[axis], stride = window->stride[axis], in = view->x.size[axis];
        int out = (in + 2 * before - window->size[axis] + (ceil_mode ? stride - 1 : 0)) / stride + 1;
        if (ceil_mode && (out - 1) * stride >= in + before) out--;
        if (out != torch->graph->values[view->node->output].shape.size[axis]) return false;
        if (2 * before > window->size[axis]) return false;
    }
    return true;
}

static int mean_pool(struct torch_modules *torch, const struct window_view *view) {
    const struct graph_window *window = view->window;
    torch_module(torch, "MeanPool((%d, %d), (%d, %d), (%d, %d, %d, %d))", window->size[0], window->size[1],
                 window->stride[0], window->stride[1], window->before[WIDTH], view->after[WIDTH],
                 window->before[HEIGHT], view->after[HEIGHT]);
    torch->uses[TORCH_MEAN_POOL] = true;
    return 1;
}

static int pool(struct torch_modules *torch, const struct graph_node *node) {
    static const int none[2];
    const struct window_view view = view_of(torch, node);
    const struct graph_window *window = view.window;
    const bool is_maximum = node->operation == GRAPH_POOL_MAXIMUM, is_sum = node->operation == GRAPH_POOL_SUM;
    const bool plain = has_windows(torch, &view, false), beyond = !plain && has_windows(torch, &view, true);
    const bool is_padded = !plain && !beyond;
    if (is_padded && !is_maximum && !is_sum) return mean_pool(torch, &view);
    if (is_padded) pad(torch, &view, is_maximum ? ", float(\"-inf\")" : "");
    struct text text = {0};
    text_print(&text, "nn.%s((%d, %d)", is_maximum ? "MaxPool2d" : "AvgPool2d", window->size[0], window->size[1]);
    text_print(&text, ", stride=(%d, %d)", window->stride[0], window->stride[1]);
    add_pair(&text, "padding", is_padded ? none : window->before, 0);
    if (beyond) text_add(&text, ", ceil_mode=True");
    if (is_sum) text_add(&text, ", divisor_override=1");
    if (!is_maximum && !is_sum && (beyond || window->before[0] || window->before[1]))
        text_add(&text, ", count_include_pad=False");
    text_add(&text, ")");
    take_text(torch, &text);
    return 1;
}

static int frame(struct torch_modules *torch, const struct graph_node *node) {
    const int sign = node->operation == GRAPH_CROP ? -1 : 1, *sides = node->sides;
    torch_module(torch, "nn.%s((%d, %d, %d, %d))", node->operation == GRAPH_PAD_WRAP ? "CircularPad2d" : "ZeroPad2d",
                 sign * sides[GRAPH_LEFT], sign * sides[GRAPH_RIGHT], sign * sides[GRAPH_TOP],
                 sign * sides[GRAPH_BOTTOM]);
    return 1;
}

static int enlarge(struct torch_modules *torch, const struct graph_node *node) {
    const bool is_nearest = node->operation == GRAPH_ENLARGE_NEAREST;
    torch_module(torch, "nn.Upsample(scale_factor=(%d, %d), mode=\"%s\")", node->times[0], node->times[1],
                 is_nearest ? "nearest" : "bilinear");
    return 1;
}

/* ---- deformable convolution: where to look, how much it counts, what is seen there, and a product ---- */

static const enum graph_operation plain[] = {GRAPH_CONVOLVE, GRAPH_SAMPLE, GRAPH_CONVOLVE};
static const enum graph_operation modulated[] = {GRAPH_CONVOLVE, GRAPH_CONVOLVE, GRAPH_SIGMOID, GRAPH_SAMPLE,
                                                 GRAPH_CONVOLVE};

bool torch_is_deformable(const struct graph_node *node, int count) {
    return torch_begins(node, count, plain, 3) || torch_begins(node, count, modulated, 5);
}

/* The layer's own kernel (kh,kw,c,f) and vector (f), as "<role>weight" and "<role>bias". */
static bool add_convolution(struct torch_modules *torch, const char *prefix, const char *role, const int size[2],
                            int channels, int filters) {
    char name[32];
    snprintf(name, sizeof name, "%skernel", prefix);
    const float *kernel = torch_parameter(torch, name);
    snprintf(name, sizeof name, "%sbias", prefix);
    const float *bias = torch_parameter(torch, name);
    snprintf(name, sizeof name, "%sweight", role);
    float *weight = torch_tensor(torch, name, (struct shape){4, {filters, channels, size[0], size[1]}});
    if (!weight) return false;
    copy_kernel(kernel, size[0] * size[1], channels, filters, false, weight);
    snprintf(name, sizeof name, "%sbias", role);
    return !bias || torch_vector(torch, name, bias, 0, filters);
}

int torch_deformable(struct torch_modules *torch, const struct graph_node *node, int count) {
    const bool is_modulated = torch_begins(node, count, modulated, 5);
    const struct window_view view = view_of(torch, node);
    const struct graph_window *window = view.window;
    const int *size = window->size, *stride = window->stride, *dilation = window->dilation;
    const int taken = is_modulated ? 5 : 3, channels = view.x.size[2];
    const int filters = torch->graph->values[node[taken - 1].output].shape.size[2];
    if (!torch_parameter(torch, "offset_kernel") || !torch_parameter(torch, "kernel")) return torch_refuse(torch);
    if (!add_convolution(torch, "offset_", "offset.", size, channels, (is_modulated ? 3 : 2) * size[0] * size[1]) ||
        !add_convolution(torch, "", "", size, channels, filters))
        return 0;
    torch_module(torch,
                 "DeformableConv2d(%d, %d, (%d, %d), (%d, %d), (%d, %d, %d, %d), (%d, %d), modulated=%s, bias=%s)",
                 channels, filters, size[0], size[1], stride[0], stride[1], window->before[WIDTH], view.after[WIDTH],
                 window->before[HEIGHT], view.after[HEIGHT], dilation[0], dilation[1], is_modulated ? "True" : "False",
                 torch_parameter(torch, "bias") ? "True" : "False");
    torch->uses[TORCH_DEFORMABLE] = true;
    return taken;
}

int torch_window(struct torch_modules *torch, const struct graph_node *node) {
    static int (*const translations[GRAPH_OPERATIONS])(struct torch_modules *, const struct graph_node *) = {
        [GRAPH_CONVOLVE] = convolve,       [GRAPH_CONVOLVE_BACK] = convolve_back,
        [GRAPH_POOL_MAXIMUM] = pool,       [GRAPH_POOL_MEAN] = pool,
        [GRAPH_POOL_SUM] = pool,           [GRAPH_PAD_ZEROS] = frame,
        [GRAPH_PAD_WRAP] = frame,          [GRAPH_CROP] = frame,
        [GRAPH_ENLARGE_NEAREST] = enlarge, [GRAPH_ENLARGE_BILINEAR] = enlarge,
    };
    return translations[node->operation] ? translations[node->operation](torch, node) : torch_refuse(torch);
}
