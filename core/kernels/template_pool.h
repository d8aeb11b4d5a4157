/* Pooling: vectors over channels, one position at a time. Part of template.h. */

KERNEL_INLINE void max_lanes(const struct window *window, const float *large, int lanes, float *small, uint16_t *cell) {
    vector best = load(large + window->offsets[0]);
    mask where = {0};
    for (int t = 1; t < window->taps; t++) {
        const vector x = load(large + window->offsets[t]);
        /* larger, or the first NaN: not (x <= best), and best still a number */
        const mask better = ~(mask)(x <= best) & (mask)(best == best);
        best = choose(better, x, best);
        where = (better & every(t)) | (~better & where);
    }
    const cells narrow = __builtin_convertvector(where, cells);
    if (lanes == VECTOR) {
        store(small, best);
        *(cells_memory *)cell = narrow;
        return;
    }
    store_part(small, best, lanes);
    uint16_t each[KERNELS_VECTOR];
    *(cells_memory *)each = narrow;
    for (int v = 0; v < lanes; v++) cell[v] = each[v];
}

static void max_forward(const struct window *window, const float *large, float *small, uint16_t *cell) {
    FOR_EACH_POSITION(window, x, y) {
        for (int v = 0; v < window->channels; v += VECTOR) {
            max_lanes(window, large + x + v, lanes_left(window->channels, v), small + y + v, cell + y + v);
        }
    }
}

/* Adds to the chosen lanes of each cell, and -0, which changes nothing, to the others. */
KERNEL_INLINE void max_scatter(const struct window *window, vector dy, mask where, float *large) {
    const vector nothing = broadcast(-0.0f);
    for (int t = 0; t < window->taps; t++) {
        float *to = large + window->offsets[t];
        store(to, load(to) + choose(where == every(t), dy, nothing));
    }
}

enum { SCATTER_MOST = 2 * VECTOR }; /* taps up to which visiting every cell beats visiting the chosen ones */

static void max_backward(const struct window *window, const float *small, const uint16_t *cell, float *large) {
    const int whole = window->taps > SCATTER_MOST ? 0 : window->channels / VECTOR * VECTOR;
    FOR_EACH_POSITION(window, x, y) {
        for (int v = 0; v < whole; v += VECTOR) {
            const mask where = __builtin_convertvector(*(const cells_memory *)(cell + y + v), mask);
            max_scatter(window, load(small + y + v), where, large + x + v);
        }
        for (int v = whole; v < window->channels; v++) large[x + window->offsets[cell[y + v]] + v] += small[y + v];
    }
}

static void sum_forward(const struct window *window, const float *large, float scale, float *small) {
    const vector scales = broadcast(scale);
    FOR_EACH_POSITION(window, x, y) {
        for (int v = 0; v < window->channels; v += VECTOR) {
            vector sum = {0};
            for (int t = 0; t < window->taps; t++) sum += load(large + x + window->offsets[t] + v);
            const int lanes = lanes_left(window->channels, v);
            if (lanes == VECTOR)
                store(small + y + v, scales * sum);
            else
                store_part(small + y + v, scales * sum, lanes);
        }
    }
}

static void sum_backward(const struct window *window, const float *small, float scale, float *large) {
    const int whole = window->channels / VECTOR * VECTOR;
    FOR_EACH_POSITION(window, x, y) {
        for (int v = 0; v < whole; v += VECTOR) {
            const vector share = broadcast(scale) * load(small + y + v);
            for (int t = 0; t < window->taps; t++) {
                float *to = large + x + window->offsets[t] + v;
                store(to, load(to) + share);
            }
        }
        for (int v = whole; v < window->channels; v++) {
            const float share = scale * small[y + v];
            for (int t = 0; t < window->taps; t++) large[x + window->offsets[t] + v] += share;
        }
    }
}
