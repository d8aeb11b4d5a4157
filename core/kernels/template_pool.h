/* Pooling: vectors over channels, one position at a time. Part of template.h.
 *
 * What a function does with `lanes` neighbouring channels is written once and compiled for a whole vector, for four
 * channels and for any number; and for windows of four cells, whose loops then disappear. */

enum { FEW = 4 }; /* channels after the last whole vector are taken by so many */

KERNEL_INLINE void store_lanes(float *to, vector value, int lanes) {
    if (lanes == VECTOR)
        store(to, value);
    else if (lanes == FEW)
        memcpy(to, &value, FEW * sizeof *to);
    else
        store_part(to, value, lanes);
}

KERNEL_INLINE void store_cells(uint16_t *to, mask value, int lanes) {
    const marks narrow = __builtin_convertvector(value, marks);
    if (lanes == VECTOR) {
        *(marks_memory *)to = narrow;
        return;
    }
    if (lanes == FEW) {
        memcpy(to, &narrow, FEW * sizeof *to);
        return;
    }
    uint16_t each[KERNELS_VECTOR];
    *(marks_memory *)each = narrow;
    for (int v = 0; v < lanes; v++) to[v] = each[v];
}

/* `work` gets `lanes`, the channels from v on that it is to take. */
#define FOR_EACH_LANES(channels, work)                                                                                 \
    do {                                                                                                               \
        int v = 0;                                                                                                     \
        for (; v + VECTOR <= (channels); v += VECTOR) work(VECTOR);                                                    \
        for (; v + FEW <= (channels); v += FEW) work(FEW);                                                             \
        if (v < (channels)) work((channels)-v);                                                                        \
    } while (0)

/* The window's offsets, near at hand where there are four. */
struct taps {
    int count;
    ptrdiff_t four[4];
    const ptrdiff_t *all;
};

KERNEL_INLINE struct taps taps_of(const struct window *window, int count) {
    struct taps taps = {.count = count, .all = window->offsets};
    for (int t = 0; t < 4 && count == 4; t++) taps.four[t] = window->offsets[t];
    return taps;
}

KERNEL_INLINE ptrdiff_t tap_at(const struct taps *taps, int t) {
    return taps->count == 4 ? taps->four[t] : taps->all[t];
}

/* ---- the largest ---- */

KERNEL_INLINE void max_lanes(const struct taps *taps, const float *large, bool relu, int lanes, float *small,
                             uint16_t *cell) {
    vector best = load(large + tap_at(taps, 0));
    mask where = {0};
    for (int t = 1; t < taps->count; t++) {
        const vector x = load(large + tap_at(taps, t));
        /* larger, or the first NaN: not (x <= best), and best still a number */
        const mask better = ~(mask)(x <= best) & (mask)(best == best);
        best = choose(better, x, best);
        where = (better & every(t)) | (~better & where);
    }
    if (relu) {
        where |= ~(mask)(best > 0);
        best = choose(best <= 0, (vector){0}, best);
    }
    store_lanes(small, best, lanes);
    if (cell != NULL) store_cells(cell, where, lanes);
}

static void max_positions(const struct window *window, const float *large, bool relu, float *small, uint16_t *cell) {
    const struct taps taps = taps_of(window, window->taps);
    FOR_EACH_POSITION(window, x, y) {
#define WORK(lanes) max_lanes(&taps, large + x + v, relu, lanes, small + y + v, cell != NULL ? cell + y + v : NULL)
        FOR_EACH_LANES(window->channels, WORK);
#undef WORK
    }
}

/* Four cells of which none is a NaN: the larger of each pair, then of the two; of equals always the first. `sums`
 * becomes a NaN where a cell is one. */
KERNEL_INLINE void max_of_four(const vector *x, const bool relu, float *small, uint16_t *cell, vector *sums) {
    const vector upper = larger_of(x[1], x[0]), lower = larger_of(x[3], x[2]), best = larger_of(lower, upper);
    *sums += (x[0] + x[1]) + (x[2] + x[3]);
    store(small, relu ? larger_of(best, (vector){0}) : best);
    if (cell == NULL) return;
    const mask second = (mask)(x[1] > x[0]), fourth = (mask)(x[3] > x[2]);
    const mask below = (mask)(lower > upper), positive = (mask)(best > 0);
    const mask where = (below & ((fourth & every(1)) | every(2))) | (~below & second & every(1));
    store_cells(cell, relu ? where | ~positive : where, VECTOR);
}

KERNEL_INLINE bool are_numbers(vector sums) {
    bool finite = true;
    for (int v = 0; v < VECTOR; v++) finite = finite && sums[v] == sums[v];
    return finite;
}

/* False where a NaN may have been among the cells: then nothing written counts. */
KERNEL_INLINE bool max_fours(const struct window *window, const float *large, const bool relu, const bool noted,
                             float *small, uint16_t *cell) {
    const struct taps taps = taps_of(window, 4);
    vector sums = {0};
    FOR_EACH_POSITION(window, x, y) {
        for (int v = 0; v + VECTOR <= window->channels; v += VECTOR) {
            vector values[4];
            for (int t = 0; t < 4; t++) values[t] = load(large + x + v + taps.four[t]);
            max_of_four(values, relu, small + y + v, noted ? cell + y + v : NULL, &sums);
        }
        const int v = window->channels / VECTOR * VECTOR;
        if (v == window->channels) continue;
        if (window->channels - v == FEW)
            max_lanes(&taps, large + x + v, relu, FEW, small + y + v, noted ? cell + y + v : NULL);
        else
            max_lanes(&taps, large + x + v, relu, window->channels - v, small + y + v, noted ? cell + y + v : NULL);
    }
    return are_numbers(sums);
}

static bool max_tried(const struct window *window, const float *large, bool relu, float *small, uint16_t *cell) {
    if (window->taps != 4) return false;
    if (relu && cell != NULL) return max_fours(window, large, true, true, small, cell);
    if (relu) return max_fours(window, large, true, false, small, NULL);
    if (cell != NULL) return max_fours(window, large, false, true, small, cell);
    return max_fours(window, large, false, false, small, NULL);
}

static void max_forward(const struct window *window, const float *large, bool relu, float *small, uint16_t *cell) {
    if (!max_tried(window, large, relu, small, cell)) max_positions(window, large, relu, small, cell);
}

/* The chosen lanes of each cell get dy; the others 0, or -0 added, which changes nothing. */
KERNEL_INLINE void max_scatter(const struct taps *taps, bool apart, const float *small, const uint16_t *cell, int lanes,
                               float *large) {
    const vector dy = load(small), nothing = broadcast(apart ? 0.0f : -0.0f);
    const mask where = __builtin_convertvector(*(const marks_memory *)cell, mask);
    for (int t = 0; t < taps->count; t++) {
        float *to = large + tap_at(taps, t);
        const vector share = choose(where == every(t), dy, nothing);
        store_lanes(to, apart ? share : load(to) + share, lanes);
    }
}

KERNEL_INLINE void max_scatter_positions(const struct window *window, const int count, const bool apart,
                                         const float *small, const uint16_t *cell, float *large) {
    const struct taps taps = taps_of(window, count);
    FOR_EACH_POSITION(window, x, y) {
#define WORK(lanes) max_scatter(&taps, apart, small + y + v, cell + y + v, lanes, large + x + v)
        FOR_EACH_LANES(window->channels, WORK);
#undef WORK
    }
}

enum { SCATTER_MOST = 2 * VECTOR }; /* taps up to which visiting every cell beats visiting the chosen ones */

static void max_visit_chosen(const struct window *window, const float *small, const uint16_t *cell, float *large) {
    FOR_EACH_POSITION(window, x, y) {
        for (int t = 0; t < window->taps && window->apart; t++) {
            memset(large + x + window->offsets[t], 0, (size_t)window->channels * sizeof *large);
        }
        for (int v = 0; v < window->channels; v++) {
            if (cell[y + v] != KERNELS_NO_CELL) large[x + window->offsets[cell[y + v]] + v] += small[y + v];
        }
    }
}

static void max_backward(const struct window *window, const float *small, const uint16_t *cell, float *large) {
    if (window->taps == 4 && window->apart)
        max_scatter_positions(window, 4, true, small, cell, large);
    else if (window->taps <= SCATTER_MOST)
        max_scatter_positions(window, window->taps, window->apart, small, cell, large);
    else
        max_visit_chosen(window, small, cell, large);
}

/* ---- the sum ---- */

/* The sum so far, and what is noted of its cells. */
struct sum {
    vector total;
    mask positive;
};

KERNEL_INLINE void sum_cell(struct sum *sum, int t, vector x, const bool relu, const bool noted) {
    if (noted) sum->positive |= (mask)(x > 0) & every(1 << (t & 15));
    if (relu) x = larger_of((vector){0}, x); /* a NaN stays one */
    sum->total += x;
}

KERNEL_INLINE void sum_lanes(const struct taps *taps, const float *large, vector scale, bool relu, bool noted,
                             int lanes, float *small, uint16_t *positive) {
    struct sum sum = {0};
    for (int t = 0; t < taps->count; t++) sum_cell(&sum, t, load(large + tap_at(taps, t)), relu, noted);
    store_lanes(small, scale * sum.total, lanes);
    if (noted) store_cells(positive, sum.positive, lanes);
}

KERNEL_INLINE void sum_positions(const struct window *window, const int count, const float *large, float scale,
                                 bool relu, bool noted, float *small, uint16_t *positive) {
    const struct taps taps = taps_of(window, count);
    const vector scales = broadcast(scale);
    FOR_EACH_POSITION(window, x, y) {
#define WORK(lanes)                                                                                                    \
    sum_lanes(&taps, large + x + v, scales, relu, noted, lanes, small + y + v, noted ? positive + y + v : NULL)
        FOR_EACH_LANES(window->channels, WORK);
#undef WORK
    }
}

static void sum_forward(const struct window *window, const float *large, float scale, bool relu, float *small,
                        uint16_t *positive) {
    const bool noted = relu && positive != NULL;
    if (window->taps == 4 && noted)
        sum_positions(window, 4, large, scale, true, true, small, positive);
    else if (window->taps == 4 && relu)
        sum_positions(window, 4, large, scale, true, false, small, NULL);
    else if (window->taps == 4)
        sum_positions(window, 4, large, scale, false, false, small, NULL);
    else
        sum_positions(window, window->taps, large, scale, relu, noted, small, positive);
}

KERNEL_INLINE void sum_share(const struct taps *taps, bool apart, const float *small, vector scale,
                             const uint16_t *positive, int lanes, float *large) {
    const vector share = scale * load(small);
    mask bits = {0};
    if (positive != NULL) bits = __builtin_convertvector(*(const marks_memory *)positive, mask);
    for (int t = 0; t < taps->count; t++) {
        float *to = large + tap_at(taps, t);
        vector mine = share;
        if (positive != NULL) mine = choose((bits & every(1 << (t & 15))) != 0, share, broadcast(apart ? 0.0f : -0.0f));
        store_lanes(to, apart ? mine : load(to) + mine, lanes);
    }
}

KERNEL_INLINE void sum_share_positions(const struct window *window, const int count, const bool apart,
                                       const float *small, float scale, const uint16_t *positive, float *large) {
    const struct taps taps = taps_of(window, count);
    const vector scales = broadcast(scale);
    FOR_EACH_POSITION(window, x, y) {
#define WORK(lanes)                                                                                                    \
    sum_share(&taps, apart, small + y + v, scales, positive != NULL ? positive + y + v : NULL, lanes, large + x + v)
        FOR_EACH_LANES(window->channels, WORK);
#undef WORK
    }
}

static void sum_backward(const struct window *window, const float *small, float scale, const uint16_t *positive,
                         float *large) {
    if (window->taps == 4 && window->apart && positive != NULL)
        sum_share_positions(window, 4, true, small, scale, positive, large);
    else if (window->taps == 4 && window->apart)
        sum_share_positions(window, 4, true, small, scale, NULL, large);
    else
        sum_share_positions(window, window->taps, window->apart, small, scale, positive, large);
}
