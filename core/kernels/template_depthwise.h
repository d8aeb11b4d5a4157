/* Depthwise convolution forward. Part of template.h.
 *
 * Vectors run over channels; up to eight neighbouring positions keep their sums in registers while the taps pass, and
 * share each vector of the kernel. Where channels do not fill vectors and neighbouring positions lie side by side
 * (pixel_step == channels), several positions are taken as one of more channels, with the kernel repeated. */

enum {
    BLOCK = 8,            /* positions that share a vector of the kernel */
    REPEATED_MOST = 4096, /* floats of a repeated kernel, on the stack */
};

/* A depthwise convolution along one row of positions. */
struct strip {
    int pixels, channels, taps;
    const ptrdiff_t *offsets;
    ptrdiff_t large_step, small_step; /* from position to position */
    const float *kernel;
    ptrdiff_t kernel_row; /* from tap to tap */
    const float *bias;    /* (channels) or NULL */
};

/* One vector of `pixels` (a constant) positions. large, small and kernel point at its first channel. */
KERNEL_INLINE void forward_block(const struct strip *strip, const float *large, const float *kernel, vector start,
                                 int lanes, float *small, const int pixels) {
    vector sum[BLOCK];
    const ptrdiff_t step = strip->large_step;
    KERNEL_UNROLL for (int p = 0; p < pixels; p++) sum[p] = start;
    for (int t = 0; t < strip->taps; t++) {
        const float *x = large + strip->offsets[t];
        const vector weight = load(kernel);
        KERNEL_UNROLL for (int p = 0; p < pixels; p++) sum[p] += load(x + p * step) * weight;
        kernel += strip->kernel_row;
    }
    KERNEL_UNROLL for (int p = 0; p < pixels; p++) {
        if (lanes == VECTOR)
            store(small + p * strip->small_step, sum[p]);
        else
            store_part(small + p * strip->small_step, sum[p], lanes);
    }
}

#define FORWARD_PIXELS(pixels)                                                                                         \
    static void forward_pixels_##pixels(const struct strip *strip, const float *large, float *small) {                 \
        for (int v = 0; v < strip->channels; v += VECTOR) {                                                            \
            const vector start = strip->bias != NULL ? load(strip->bias + v) : (vector){0};                            \
            forward_block(strip, large + v, strip->kernel + v, start, lanes_left(strip->channels, v), small + v,       \
                          pixels);                                                                                     \
        }                                                                                                              \
    }

FORWARD_PIXELS(1)
FORWARD_PIXELS(2)
FORWARD_PIXELS(3)
FORWARD_PIXELS(4)
FORWARD_PIXELS(5)
FORWARD_PIXELS(6)
FORWARD_PIXELS(7)
FORWARD_PIXELS(8)

static void forward_strip(const struct strip *strip, const float *large, float *small) {
    static void (*const blocks[BLOCK])(const struct strip *strip, const float *large, float *small) = {
        forward_pixels_1, forward_pixels_2, forward_pixels_3, forward_pixels_4,
        forward_pixels_5, forward_pixels_6, forward_pixels_7, forward_pixels_8,
    };
    for (int p = 0, count; p < strip->pixels; p += count) {
        count = part_size(strip->pixels, p, BLOCK);
        blocks[count - 1](strip, large + p * strip->large_step, small + p * strip->small_step);
    }
}

/* How many positions make whole vectors of channels; 1 where there is nothing to gain or no room for the kernel. */
static int positions_together(int channels, int taps, int pixels, bool side_by_side) {
    if (!side_by_side) return 1;
    int together = 1;
    while (together * (channels % VECTOR) % VECTOR != 0) together *= 2;
    if (together > pixels) together = pixels;
    return (taps + 1) * (int64_t)together * channels <= REPEATED_MOST ? together : 1;
}

/* to (rows, times, channels) from (rows, channels) */
static void repeat_rows(const float *from, int rows, int times, int channels, float *to) {
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < times; j++, to += channels) {
            for (int v = 0; v < channels; v++) to[v] = from[(ptrdiff_t)i * channels + v];
        }
    }
}

/* All rows of the window, `together` positions as one. */
static void forward_rows(const struct window *window, struct strip *strip, int together, const float *large,
                         float *small) {
    const int left = window->pixels % together;
    const ptrdiff_t done = window->pixels - left;
    for (int r = 0; r < window->rows; r++) {
        const float *x = large + r * window->row_step;
        float *y = small + (ptrdiff_t)r * window->pixels * window->channels;
        strip->pixels = window->pixels / together;
        strip->channels = together * window->channels;
        forward_strip(strip, x, y);
        strip->pixels = left > 0 ? 1 : 0;
        strip->channels = left * window->channels;
        forward_strip(strip, x + done * window->pixel_step, y + done * window->channels);
    }
}

static void depthwise_forward(const struct window *window, const float *large, const float *kernel, const float *bias,
                              float *small) {
    const int channels = window->channels;
    const int together =
        positions_together(channels, window->taps, window->pixels, window->pixel_step == window->channels);
    const int wide = together * channels;
    struct strip strip = {
        .taps = window->taps,
        .offsets = window->offsets,
        .large_step = together * window->pixel_step,
        .small_step = wide,
        .kernel = kernel,
        .kernel_row = wide,
        .bias = bias,
    };
    if (together <= 1) {
        forward_rows(window, &strip, 1, large, small);
        return;
    }
    float repeated[REPEATED_MOST + VECTOR];
    repeat_rows(kernel, window->taps, together, channels, repeated);
    strip.kernel = repeated;
    if (bias != NULL) {
        strip.bias = repeated + (ptrdiff_t)window->taps * wide;
        repeat_rows(bias, 1, together, channels, repeated + (ptrdiff_t)window->taps * wide);
    }
    forward_rows(window, &strip, together, large, small);
}
