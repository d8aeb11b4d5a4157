/* Depthwise convolution forward, and the sum that its data gradient shares with it. Part of template.h.
 *
 * Vectors run over channels; up to eight neighbouring positions keep their sums in registers while the terms pass, and
 * share each vector of the kernel. Where channels do not fill vectors and neighbouring positions lie side by side,
 * several positions are taken as one of more channels, with the kernel repeated. */

enum {
    BLOCK = 8,            /* positions that share a vector of the kernel */
    RUN_MOST = 3,         /* terms that share loads: a row of a 3x3 kernel at stride 1 */
    TERMS_MOST = 64,      /* terms in one go; a longer sum waits in the output, which keeps every bit */
    REPEATED_MOST = 4096, /* floats of a repeated kernel, on the stack */
};

/* One term of a depthwise sum: from[term.from] * kernel[term.kernel], offsets in floats. */
struct term {
    ptrdiff_t from, kernel;
};

/* to[p,v] = start + sum over the terms, for a row (or column) of positions */
struct strip {
    int positions, channels, count;
    const struct term *terms; /* (count) */
    ptrdiff_t from_step, to_step;
    const float *kernel;
    const float *bias; /* (channels) or NULL */
    bool accumulate;   /* start is to[p,v], else bias[v] or 0 */
    bool runs;         /* the terms come in runs */
};

/* `positions` (a constant) neighbours, from channel 0 to the last whole vector; returns the first channel left. Terms
 * are taken `run` (a constant) at a time; position p sees in term i of a run what position p + 1 sees in term i - 1, so
 * that each vector is loaded once a run. */
KERNEL_INLINE int strip_vectors(const struct strip *strip, const float *from, float *to, const int positions,
                                const int run) {
    const ptrdiff_t steps[4] = {0, opaque_step(strip->from_step), opaque_step(2 * strip->from_step),
                                opaque_step(3 * strip->from_step)};
    const ptrdiff_t to_step = strip->to_step;
    const struct term *const end = strip->terms + strip->count;
    const float *kernel = strip->kernel;
    const float *bias = strip->bias;
    const bool accumulate = strip->accumulate;
    int left = strip->channels;
    for (; left >= VECTOR; left -= VECTOR, from += VECTOR, kernel += VECTOR, to += VECTOR) {
        vector sum[BLOCK];
        const vector start = bias != NULL ? load(bias + strip->channels - left) : (vector){0};
        KERNEL_UNROLL for (int p = 0; p < positions; p++) sum[p] = accumulate ? load(to + p * to_step) : start;
        for (const struct term *term = strip->terms; term != end; term += run) {
            const float *x[3];
            x[0] = opaque(from + term->from);
            x[1] = opaque(x[0] + 2 * steps[2]);
            x[2] = opaque(x[1] + 2 * steps[2]);
            vector weight[RUN_MOST];
            KERNEL_UNROLL for (int i = 0; i < run; i++) weight[i] = load(kernel + term[i].kernel);
            KERNEL_UNROLL for (int c = 0; c < positions + run - 1; c++) {
                const vector cell = load(x[c / 4] + steps[c % 4]);
                KERNEL_UNROLL for (int i = 0; i < run; i++) {
                    if (c >= i && c - i < positions) sum[c - i] += cell * weight[i];
                }
            }
        }
        KERNEL_UNROLL for (int p = 0; p < positions; p++) store(to + p * to_step, sum[p]);
    }
    return strip->channels - left;
}

/* The channels from v on, which do not fill a vector, one by one. */
static void strip_rest(const struct strip *strip, const float *from, float *to, int positions, int first) {
    for (int p = 0; p < positions; p++, from += strip->from_step, to += strip->to_step) {
        for (int v = first; v < strip->channels; v++) {
            float sum = strip->bias != NULL ? strip->bias[v] : 0.0f;
            if (strip->accumulate) sum = to[v];
            for (int t = 0; t < strip->count; t++) {
                sum += from[strip->terms[t].from + v] * strip->kernel[strip->terms[t].kernel + v];
            }
            to[v] = sum;
        }
    }
}

#define STRIP_POSITIONS(positions)                                                                                     \
    static void strip_positions_##positions(const struct strip *strip, const float *from, float *to) {                 \
        const int done = strip->runs ? strip_vectors(strip, from, to, positions, RUN_MOST)                             \
                                     : strip_vectors(strip, from, to, positions, 1);                                   \
        if (done < strip->channels) strip_rest(strip, from, to, positions, done);                                      \
    }

STRIP_POSITIONS(1)
STRIP_POSITIONS(2)
STRIP_POSITIONS(3)
STRIP_POSITIONS(4)
STRIP_POSITIONS(5)
STRIP_POSITIONS(6)
STRIP_POSITIONS(7)
STRIP_POSITIONS(8)

/* Whether the terms come in runs of RUN_MOST, each term from_step after the one before. */
static bool strip_has_runs(const struct strip *strip) {
    for (int t = 0; t < strip->count; t++) {
        if (t % RUN_MOST != 0 && strip->terms[t].from - strip->terms[t - 1].from != strip->from_step) return false;
    }
    return strip->count % RUN_MOST == 0;
}

static void strip_run(const struct strip *strip, const float *from, float *to) {
    static void (*const blocks[BLOCK])(const struct strip *strip, const float *from, float *to) = {
        strip_positions_1, strip_positions_2, strip_positions_3, strip_positions_4,
        strip_positions_5, strip_positions_6, strip_positions_7, strip_positions_8,
    };
    const struct parts parts = parts_of(strip->positions, BLOCK);
    for (int part = 0, p = 0, count; part < parts.count; part++, p += count) {
        count = part_size(parts, part);
        blocks[count - 1](strip, from + p * strip->from_step, to + p * strip->to_step);
    }
}

/* The strip with `together` positions as one; kernel and bias are repeated as often. */
static void strip_run_together(const struct strip *strip, int together, const float *from, float *to) {
    if (together == 1) {
        strip_run(strip, from, to);
        return;
    }
    struct strip wide = *strip;
    wide.runs = false;
    wide.positions = strip->positions / together;
    wide.channels = together * strip->channels;
    wide.from_step = together * strip->from_step;
    wide.to_step = together * strip->to_step;
    strip_run(&wide, from, to);
    const int left = strip->positions % together;
    if (left == 0) return;
    wide.channels = left * strip->channels;
    wide.positions = 1;
    const ptrdiff_t done = strip->positions - left;
    strip_run(&wide, from + done * strip->from_step, to + done * strip->to_step);
}

/* How many of `positions` that lie side by side make whole vectors of channels; 1 where there is nothing to gain or no
 * room for the kernel. */
static int positions_together(int channels, int taps, int positions) {
    int together = 1;
    while (together * (channels % VECTOR) % VECTOR != 0) together *= 2;
    if (together > positions) together = positions;
    if (together < 1) return 1;
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

/* All rows of the window; `whole` has everything but its terms. */
static void forward_rows(const struct window *window, const struct strip *whole, int together, const float *large,
                         float *small) {
    struct term terms[TERMS_MOST];
    struct strip strip = *whole;
    strip.terms = terms;
    const ptrdiff_t row = (ptrdiff_t)window->pixels * window->channels;
    for (int first = 0; first == 0 || first < window->taps; first += TERMS_MOST) {
        const int left = window->taps - first;
        strip.count = left < TERMS_MOST ? left : TERMS_MOST;
        strip.accumulate = first > 0;
        for (int t = 0; t < strip.count; t++) {
            terms[t] = (struct term){window->offsets[first + t], (ptrdiff_t)(first + t) * together * window->channels};
        }
        strip.runs = strip_has_runs(&strip);
        for (int r = 0; r < window->rows; r++) {
            strip_run_together(&strip, together, large + r * window->row_step, small + r * row);
        }
    }
}

static void depthwise_forward(const struct window *window, const float *large, const float *kernel, const float *bias,
                              float *small) {
    const int channels = window->channels;
    struct strip strip = {
        .positions = window->pixels,
        .channels = channels,
        .from_step = window->pixel_step,
        .to_step = channels,
        .kernel = kernel,
        .bias = bias,
    };
    const int together =
        window->pixel_step == channels ? positions_together(channels, window->taps, window->pixels) : 1;
    if (together == 1) {
        forward_rows(window, &strip, 1, large, small);
        return;
    }
    float repeated[REPEATED_MOST + VECTOR];
    float *repeated_bias = repeated + (ptrdiff_t)window->taps * together * channels;
    repeat_rows(kernel, window->taps, together, channels, repeated);
    strip.kernel = repeated;
    if (bias != NULL) {
        repeat_rows(bias, 1, together, channels, repeated_bias);
        strip.bias = repeated_bias;
    }
    forward_rows(window, &strip, together, large, small);
}
