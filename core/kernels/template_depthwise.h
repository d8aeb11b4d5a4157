/* Depthwise convolutions of one row; README.md draws them. Part of template.h.
 *
 * A row is one line of floats that is cut into periods, each a pixel (or several) with all its channels. Vectors run
 * over a period. A sum goes through up to eight periods at a time, which share each vector of the kernel; a gradient
 * through all of them, with nine taps in registers. */

enum {
    BLOCK = 8,     /* periods that share a vector of the kernel */
    RUN_MOST = 3,  /* taps that share loads: a row of a 3x3 kernel */
    TAPS_MOST = 9, /* whose gradient stays in registers while a row passes */
    REPEATS = 5,   /* constants 1, 2, 4, 8, 16 */
};

/* Two vectors' elements by index, those of b after those of a. */
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (mask){__VA_ARGS__})
#endif

#if KERNELS_VECTOR == 4
#define EVENS 0, 2, 4, 6
#define ODDS 1, 3, 5, 7
#define IN_PAIRS 0, 1, 2, 3
#define IN_FOURS 0, 1, 2, 3
#define TWICE 0, 0, 1, 1
#define FOUR_TIMES 0, 0, 0, 0
#define EIGHT_TIMES 0, 0, 0, 0
#elif KERNELS_VECTOR == 8
#define EVENS 0, 2, 8, 10, 4, 6, 12, 14
#define ODDS 1, 3, 9, 11, 5, 7, 13, 15
#define IN_PAIRS 0, 1, 4, 5, 2, 3, 6, 7
#define IN_FOURS 0, 4, 1, 5, 2, 6, 3, 7
/* of pieces of four (two) floats that stand in each half: no element crosses over to the other half */
#define TWICE 0, 0, 1, 1, 6, 6, 7, 7
#define FOUR_TIMES 0, 0, 0, 0, 5, 5, 5, 5
#define EIGHT_TIMES 0, 0, 0, 0, 0, 0, 0, 0
#else
#define EVENS 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30
#define ODDS 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31
#define IN_PAIRS 0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15
#define IN_FOURS 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15
#define TWICE 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7
#define FOUR_TIMES 0, 0, 0, 0, 5, 5, 5, 5, 10, 10, 10, 10, 15, 15, 15, 15
#define EIGHT_TIMES 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9
#endif

typedef int64_t pairs_vector __attribute__((vector_size(KERNELS_VECTOR * 4)));

/* Two floats, again and again. */
KERNEL_INLINE vector broadcast_two(const float *from) {
    int64_t two;
    memcpy(&two, from, sizeof two);
    return (vector)(two - (pairs_vector){0});
}

/* Four floats, again and again. */
KERNEL_INLINE vector broadcast_four(const float *from) {
    four few;
    memcpy(&few, from, sizeof few);
#if KERNELS_VECTOR == 4
    return few;
#elif KERNELS_VECTOR == 8
    return __builtin_shufflevector(few, few, 0, 1, 2, 3, 0, 1, 2, 3);
#else
    return __builtin_shufflevector(few, few, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
#endif
}

/* A vector that begins with `repeat` (a constant power of two) times from[0], as often from[1], and so on. */
KERNEL_INLINE vector load_repeated(const float *from, const int repeat) {
    if (repeat == 1) return load(from);
    if (repeat >= VECTOR) return broadcast(from[0]);
    if (repeat == 8) return SHUFFLE(broadcast_two(from), broadcast_two(from), EIGHT_TIMES);
    if (VECTOR == 4) return SHUFFLE(broadcast_two(from), broadcast_two(from), TWICE);
    if (VECTOR == 8 && repeat == 4) return SHUFFLE(broadcast_two(from), broadcast_two(from), FOUR_TIMES);
    if (repeat == 4) return SHUFFLE(broadcast_four(from), broadcast_four(from), FOUR_TIMES);
    if (VECTOR == 8) return SHUFFLE(broadcast_four(from), broadcast_four(from), TWICE);
    return SHUFFLE(load(from), load(from), TWICE);
}

/* The float of the input that element f of a period sees; `repeat`, a constant, is at most a vector. */
KERNEL_INLINE int input_of(const struct depthwise_row *row, int f, const int repeat) {
    return repeat < VECTOR ? f / repeat : f / row->repeat;
}

/* Which of the functions for 1, 2, 4, 8, 16 serves a row: from a vector on they are all alike. */
static int repeat_index(int repeat) {
    int index = 0;
    while (index < REPEATS - 1 && 1 << index < repeat && 1 << index < VECTOR) index++;
    return index;
}

/* All bits of the first `lanes` elements. */
KERNEL_INLINE mask first_mask(int lanes) {
    static const int32_t numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    mask number;
    memcpy(&number, numbers, sizeof number);
    return number < every(lanes);
}

/* `run` (a constant) terms, each a step after the one before it: period p sees in term i of a run what period p + 1
 * sees in term i - 1, so that each vector is loaded once a run. */
KERNEL_INLINE void strip_run(const float *from, const ptrdiff_t steps[4], const float *kernel, ptrdiff_t tap,
                             vector sum[], const int positions, const int run, const int repeat) {
    const float *x[3];
    x[0] = opaque(from);
    x[1] = opaque(x[0] + 2 * steps[2]);
    x[2] = opaque(x[1] + 2 * steps[2]);
    vector weight[RUN_MOST];
    KERNEL_UNROLL for (int i = 0; i < run; i++) weight[i] = load(kernel + i * tap);
    KERNEL_UNROLL for (int c = 0; c < positions + run - 1; c++) {
        const vector cell = load_repeated(x[c / 4] + steps[c % 4], repeat);
        KERNEL_UNROLL for (int i = 0; i < run; i++) {
            if (c >= i && c - i < positions) sum[c - i] += cell * weight[i];
        }
    }
}

/* The length of the run that begins here, `left` terms being left. */
KERNEL_INLINE int run_length(const float *const *from, int left, ptrdiff_t step) {
    if (left < 2 || from[1] - from[0] != step) return 1;
    return left < RUN_MOST || from[2] - from[1] != step ? 2 : RUN_MOST;
}

/* Whether terms come in runs: none, some, or all and of the greatest length. */
enum runs { RUNS_NONE, RUNS_SOME, RUNS_ALL };

static enum runs runs_of(const struct depthwise_row *row) {
    bool some = false, all = row->taps > 0;
    for (int t = 0, length; t < row->taps; t += length) {
        length = run_length(row->from + t, row->taps - t, row->step);
        some = some || length > 1;
        all = all && length == RUN_MOST;
    }
    return all ? RUNS_ALL : some ? RUNS_SOME : RUNS_NONE;
}

/* `positions` (a constant) periods, lanes from element `f` of a period on, which stand `from` behind the rows' starts.
 * `runs` is a constant too. */
KERNEL_INLINE void strip(const struct depthwise_row *row, const float *kernel, const float *bias, int f, ptrdiff_t from,
                         vector sum[], const int positions, const enum runs runs, const int repeat) {
    const ptrdiff_t steps[4] = {0, opaque_step(row->step), opaque_step(2 * row->step), opaque_step(3 * row->step)};
    const ptrdiff_t tap = row->tap;
    const float *const *rows = row->from;
    const vector start = bias != NULL ? load(bias + f) : (vector){0};
    KERNEL_UNROLL for (int p = 0; p < positions; p++) sum[p] = start;
    kernel += f;
    for (int left = row->taps; left > 0;) {
        const int run = runs == RUNS_ALL ? RUN_MOST : runs == RUNS_SOME ? run_length(rows, left, steps[1]) : 1;
        if (run == RUN_MOST)
            strip_run(rows[0] + from, steps, kernel, tap, sum, positions, RUN_MOST, repeat);
        else if (run == 2)
            strip_run(rows[0] + from, steps, kernel, tap, sum, positions, 2, repeat);
        else
            strip_run(rows[0] + from, steps, kernel, tap, sum, positions, 1, repeat);
        rows += run;
        kernel += run * tap;
        left -= run;
    }
}

/* A vector of the periods g to g + positions - 1, its first `lanes` elements exactly. */
KERNEL_INLINE void strip_vector(const struct depthwise_row *row, const float *kernel, const float *bias, float *y,
                                int g, int f, int lanes, const int positions, const enum runs runs, const int repeat) {
    const ptrdiff_t y_step = row->y_step;
    const ptrdiff_t end = y_step == row->period ? row->count : 0; /* where vectors may reach into the next period */
    vector sum[BLOCK];
    strip(row, kernel, bias, f, g * row->step + input_of(row, f, repeat), sum, positions, runs, repeat);
    float *to = y + g * y_step + f;
    if (lanes == VECTOR || (g + positions - 1) * y_step + f + VECTOR <= end) {
        KERNEL_UNROLL for (int p = 0; p < positions; p++) store(to + p * y_step, sum[p]);
        return;
    }
    KERNEL_UNROLL for (int p = 0; p < positions; p++) {
        if ((g + p) * y_step + f + VECTOR <= end)
            store(to + p * y_step, sum[p]);
        else
            store_part(to + p * y_step, sum[p], lanes);
    }
}

/* Periods g to g + positions - 1, of which `width` elements are wanted. The vector that they do not fill comes first:
 * it ends with them where they fill another, else it may write what a later one overwrites. */
KERNEL_INLINE void strip_store(const struct depthwise_row *row, const float *kernel, const float *bias, float *y, int g,
                               int width, const int positions, const enum runs runs, const int repeat) {
    const int whole = width / VECTOR, lanes = width % VECTOR;
    const bool ends = repeat == 1 && whole > 0;
    for (int i = lanes > 0 ? -1 : 0; i < whole; i++) {
        const int f = i >= 0 ? i * VECTOR : ends ? width - VECTOR : whole * VECTOR;
        strip_vector(row, kernel, bias, y, g, f, i >= 0 || ends ? VECTOR : lanes, positions, runs, repeat);
    }
}

typedef void strip_function(const struct depthwise_row *row, const float *kernel, const float *bias, float *y, int g,
                            int width, enum runs runs);

/* Functions for each number of positions, and for each `repeat` that a vector can hold. */
#define STRIP_FUNCTION(positions, repeat)                                                                              \
    static void strip_##positions##_##repeat(const struct depthwise_row *row, const float *kernel, const float *bias,  \
                                             float *y, int g, int width, enum runs runs) {                             \
        if (repeat > VECTOR) return;                                                                                   \
        if (runs == RUNS_ALL)                                                                                          \
            strip_store(row, kernel, bias, y, g, width, positions, RUNS_ALL, repeat);                                  \
        else if (runs == RUNS_SOME)                                                                                    \
            strip_store(row, kernel, bias, y, g, width, positions, RUNS_SOME, repeat);                                 \
        else                                                                                                           \
            strip_store(row, kernel, bias, y, g, width, positions, RUNS_NONE, repeat);                                 \
    }
#define STRIP_FUNCTIONS(repeat)                                                                                        \
    STRIP_FUNCTION(1, repeat)                                                                                          \
    STRIP_FUNCTION(2, repeat)                                                                                          \
    STRIP_FUNCTION(4, repeat)                                                                                          \
    STRIP_FUNCTION(8, repeat)
#define STRIP_TABLE(repeat)                                                                                            \
    { strip_1_##repeat, strip_2_##repeat, strip_4_##repeat, strip_8_##repeat }

STRIP_FUNCTIONS(1)
STRIP_FUNCTIONS(2)
STRIP_FUNCTIONS(4)
STRIP_FUNCTIONS(8)
STRIP_FUNCTIONS(16)

/* Blocks of 8, 4, 2 and 1 periods. The last block may take in some periods again: 15 are 8 and 8. */
static void depthwise_row(const struct depthwise_row *row, const float *kernel, const float *bias, float *y) {
    static strip_function *const functions[REPEATS][4] = {STRIP_TABLE(1), STRIP_TABLE(2), STRIP_TABLE(4),
                                                          STRIP_TABLE(8), STRIP_TABLE(16)};
    strip_function *const *strips = functions[repeat_index(row->repeat)];
    const enum runs runs = runs_of(row);
    const int periods = row->count / row->period;
    const int rest = row->count % row->period;
    for (int g = 0; g < periods;) {
        int log = 3;
        while (log > 0 && 1 << (log - 1) >= periods - g) log--;
        if (1 << log > periods) log--;
        if (1 << log > periods - g) g = periods - (1 << log);
        strips[log](row, kernel, bias, y, g, row->period, runs);
        g += 1 << log;
    }
    if (rest > 0) strips[0](row, kernel, bias, y, periods, rest, RUNS_NONE);
}

/* The kernel's gradient in `vectors` vectors from element f of the period on, for `taps` taps (both constants; one
 * vector where x repeats). */
KERNEL_INLINE void gradient_block(const struct depthwise_row *row, const float *const *from, const float *x, int f,
                                  float *gradient, const int taps, const int vectors, const int repeat) {
    const ptrdiff_t step = row->step, from_step = row->from_step, period = row->period, tap = row->tap;
    vector sum[TAPS_MOST][BLOCK];
    KERNEL_UNROLL for (int t = 0; t < taps; t++) {
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[t][v] = load(gradient + t * tap + v * VECTOR);
    }
    ptrdiff_t left = row->count - f, e = f;
    for (; left >= vectors * VECTOR; left -= period, e += from_step, x += step) {
        vector cell[BLOCK];
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) cell[v] = load_repeated(x + v * VECTOR, repeat);
        KERNEL_UNROLL for (int t = 0; t < taps; t++) {
            KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[t][v] += cell[v] * load(from[t] + e + v * VECTOR);
        }
    }
    for (; left > 0; left -= period, e += from_step, x += step) {
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) {
            if (left <= v * VECTOR) continue;
            const mask mine = first_mask(left < (v + 1) * VECTOR ? (int)left - v * VECTOR : VECTOR);
            const vector cell = choose(mine, load_repeated(x + v * VECTOR, repeat), (vector){0});
            KERNEL_UNROLL for (int t = 0; t < taps; t++) {
                sum[t][v] += cell * choose(mine, load(from[t] + e + v * VECTOR), (vector){0});
            }
        }
    }
    KERNEL_UNROLL for (int t = 0; t < taps; t++) {
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) store(gradient + t * tap + v * VECTOR, sum[t][v]);
    }
}

/* Few taps alone would be few sums, each waiting for the one before it. */
KERNEL_INLINE int gradient_width(const int taps) {
    return taps == 1 ? 8 : taps == 2 ? 4 : taps == 3 ? 3 : taps == 4 ? 2 : 1;
}

KERNEL_INLINE void gradient_vectors(const struct depthwise_row *row, const float *const *from, const float *x,
                                    float *gradient, const int taps, const int repeat) {
    const float *rows[TAPS_MOST];
    const int width = repeat == 1 ? gradient_width(taps) : 1;
    KERNEL_UNROLL for (int t = 0; t < taps; t++) rows[t] = from[t];
    int f = 0;
    for (; width > 1 && f + width * VECTOR <= row->period; f += width * VECTOR) {
        gradient_block(row, rows, x + f, f, gradient + f, taps, width, repeat);
    }
    for (; f < row->period; f += VECTOR) {
        gradient_block(row, rows, x + input_of(row, f, repeat), f, gradient + f, taps, 1, repeat);
    }
}

typedef void gradient_function(const struct depthwise_row *row, const float *const *from, const float *x,
                               float *gradient);

#define GRADIENT_FUNCTION(taps, repeat)                                                                                \
    static void gradient_##taps##_##repeat(const struct depthwise_row *row, const float *const *from, const float *x,  \
                                           float *gradient) {                                                          \
        if (repeat <= VECTOR) gradient_vectors(row, from, x, gradient, taps, repeat);                                  \
    }
#define GRADIENT_FUNCTIONS(repeat)                                                                                     \
    GRADIENT_FUNCTION(1, repeat)                                                                                       \
    GRADIENT_FUNCTION(2, repeat)                                                                                       \
    GRADIENT_FUNCTION(3, repeat)                                                                                       \
    GRADIENT_FUNCTION(4, repeat)                                                                                       \
    GRADIENT_FUNCTION(5, repeat)                                                                                       \
    GRADIENT_FUNCTION(6, repeat)                                                                                       \
    GRADIENT_FUNCTION(7, repeat)                                                                                       \
    GRADIENT_FUNCTION(8, repeat)                                                                                       \
    GRADIENT_FUNCTION(9, repeat)
#define GRADIENT_TABLE(repeat)                                                                                         \
    {                                                                                                                  \
        gradient_1_##repeat, gradient_2_##repeat, gradient_3_##repeat, gradient_4_##repeat, gradient_5_##repeat,       \
            gradient_6_##repeat, gradient_7_##repeat, gradient_8_##repeat, gradient_9_##repeat                         \
    }

GRADIENT_FUNCTIONS(1)
GRADIENT_FUNCTIONS(2)
GRADIENT_FUNCTIONS(4)
GRADIENT_FUNCTIONS(8)
GRADIENT_FUNCTIONS(16)

static void depthwise_gradient_row(const struct depthwise_row *row, const float *x, float *gradient) {
    static gradient_function *const functions[REPEATS][TAPS_MOST] = {
        GRADIENT_TABLE(1), GRADIENT_TABLE(2), GRADIENT_TABLE(4), GRADIENT_TABLE(8), GRADIENT_TABLE(16)};
    gradient_function *const *by_taps = functions[repeat_index(row->repeat)];
    const struct parts parts = parts_of(row->taps, TAPS_MOST);
    for (int part = 0, t = 0, taps; part < parts.count; part++, t += taps) {
        taps = part_size(parts, part);
        by_taps[taps - 1](row, row->from + t, x, gradient + t * row->tap);
    }
}

/* Neighbours of a and of b, added: two sums from each four floats of a, then two from those of b. */
KERNEL_INLINE vector add_pairs(vector a, vector b) {
    return SHUFFLE(a, b, EVENS) + SHUFFLE(a, b, ODDS);
}

/* One vector of the sums of 2, 4 and 8 neighbours; in order at the end, since within four floats shuffles are cheap. */
KERNEL_INLINE vector add_two(const float *from) {
    const vector sum = add_pairs(load(from), load(from + VECTOR));
    return SHUFFLE(sum, sum, IN_PAIRS);
}

KERNEL_INLINE vector add_four(const float *from) {
    const vector first = add_pairs(load(from), load(from + VECTOR));
    const vector second = add_pairs(load(from + 2 * VECTOR), load(from + 3 * VECTOR));
    const vector sum = add_pairs(first, second);
    return SHUFFLE(sum, sum, IN_FOURS);
}

KERNEL_INLINE vector add_eight(const float *from) {
    const vector sum = add_pairs(add_four(from), add_four(from + 4 * VECTOR));
    return SHUFFLE(sum, sum, IN_PAIRS);
}

/* The sum of `together` numbers. */
KERNEL_INLINE float add_few(const float *from, const int together) {
    if (together == 2) return from[0] + from[1];
    if (together == 4) return (from[0] + from[1]) + (from[2] + from[3]);
    if (together == 8) return add_few(from, 4) + add_few(from + 4, 4);
    float sum = from[0];
    KERNEL_UNROLL for (int i = 1; i < together; i++) sum += from[i];
    return sum;
}

/* Sums from the first-th on. */
KERNEL_INLINE void add_each(int first, int count, const int together, const float *from, float *to) {
    for (int i = first; i < count; i++) to[i] = add_few(from + (ptrdiff_t)i * together, together);
}

static void sum_neighbours(int count, int together, const float *from, float *to) {
    int i = 0;
    if (together == 2) {
        for (; i + VECTOR <= count; i += VECTOR) store(to + i, add_two(from + 2 * (ptrdiff_t)i));
        add_each(i, count, 2, from, to);
    } else if (together == 4) {
        for (; i + VECTOR <= count; i += VECTOR) store(to + i, add_four(from + 4 * (ptrdiff_t)i));
        add_each(i, count, 4, from, to);
    } else if (together == 8) {
        for (; i + VECTOR <= count; i += VECTOR) store(to + i, add_eight(from + 8 * (ptrdiff_t)i));
        add_each(i, count, 8, from, to);
    } else if (together == 3) {
        add_each(0, count, 3, from, to);
    } else if (together == 5) {
        add_each(0, count, 5, from, to);
    } else {
        for (; i < count; i++, from += together) {
            float sum = from[0];
            for (int j = 1; j < together; j++) sum += from[j];
            to[i] = sum;
        }
    }
}

/* `times` (a constant power of two, less than a vector) copies of each float, whole vectors at a time. */
KERNEL_INLINE void repeat_vectors(int count, const int times, const float *from, float *to) {
    int i = 0;
    for (; i + VECTOR / times <= count; i += VECTOR / times, to += VECTOR) store(to, load_repeated(from + i, times));
    for (; i < count; i++, to += times) {
        for (int j = 0; j < times; j++) to[j] = from[i];
    }
}

/* Each float is written as four (as a vector); the next one overwrites what is too much. */
KERNEL_INLINE int repeat_fours(int count, int times, const float *from, float *to) {
    int i = 0;
    for (; (ptrdiff_t)(count - i) * times >= 4; i++, to += times) {
        const four copies = from[i] - (four){0};
        memcpy(to, &copies, sizeof copies);
    }
    return i;
}

static void repeat_neighbours(int count, int times, const float *from, float *to) {
    if (times == 2) {
        repeat_vectors(count, 2, from, to);
        return;
    }
    if (times == 4) {
        repeat_vectors(count, 4, from, to);
        return;
    }
    const float *const end = to + (ptrdiff_t)count * times;
    int i = 0;
    if (times < 4) {
        i = repeat_fours(count, times, from, to);
        to += (ptrdiff_t)i * times;
    } else if (times <= VECTOR) {
        for (; end - to >= VECTOR; i++, to += times) store(to, broadcast(from[i]));
    }
    for (; i < count; i++) {
        const float *const stop = to + times;
        for (; stop - to >= VECTOR; to += VECTOR) store(to, broadcast(from[i]));
        for (; to < stop; to++) *to = from[i];
    }
}

/* A vector of what is folded, from channel v of a tap on. */
KERNEL_INLINE vector fold_vector(const float *sums, int pixels, int channels) {
    vector sum[4] = {0};
    int p = 0;
    for (; p + 4 <= pixels; p += 4, sums += 4 * (ptrdiff_t)channels) {
        KERNEL_UNROLL for (int k = 0; k < 4; k++) sum[k] += load(sums + k * (ptrdiff_t)channels);
    }
    KERNEL_UNROLL for (int k = 0; k < 3; k++) {
        if (p + k < pixels) sum[k] += load(sums + k * (ptrdiff_t)channels);
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void fold_sums(const struct folding *folding, const float *sums, float *gradient) {
    const int channels = folding->channels;
    for (int t = 0; t < folding->taps; t++, sums += folding->tap, gradient += channels) {
        for (int v = 0; v < channels; v += VECTOR) {
            const vector sum = fold_vector(sums + v, folding->pixels, channels);
            if (v + VECTOR <= channels) {
                store(gradient + v, load(gradient + v) + sum);
                continue;
            }
            float last[VECTOR];
            store(last, sum);
            for (int i = 0; v + i < channels; i++) gradient[v + i] += last[i];
        }
    }
}
