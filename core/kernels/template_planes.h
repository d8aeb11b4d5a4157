/* What planes need besides the product: sums along planes. Part of template.h. */

enum {
    LANE_VECTORS = KERNELS_LANES / VECTOR,
    DOTS_ROWS = 3, /* of a register tile of sums */
    DOTS_COLUMNS = VECTOR / 4,
};

/* ---- sums of products along rows ---- */

/* Four lanes from `first` (a constant) on. */
KERNEL_INLINE four four_lanes(const vector *lanes, const int first) {
    const vector all = lanes[first / VECTOR];
#if KERNELS_VECTOR == 4
    return all;
#elif KERNELS_VECTOR == 8
    return first % VECTOR == 0 ? __builtin_shufflevector(all, all, 0, 1, 2, 3)
                               : __builtin_shufflevector(all, all, 4, 5, 6, 7);
#else
    if (first == 0) return __builtin_shufflevector(all, all, 0, 1, 2, 3);
    if (first == 4) return __builtin_shufflevector(all, all, 4, 5, 6, 7);
    if (first == 8) return __builtin_shufflevector(all, all, 8, 9, 10, 11);
    return __builtin_shufflevector(all, all, 12, 13, 14, 15);
#endif
}

/* The sum of the lanes, by halves. */
KERNEL_INLINE float add_lanes(const vector *lanes) {
    const four low = four_lanes(lanes, 0) + four_lanes(lanes, 8), high = four_lanes(lanes, 4) + four_lanes(lanes, 12);
    const four sums = low + high;
    const four pairs = sums + __builtin_shufflevector(sums, sums, 2, 3, 2, 3);
    return pairs[0] + pairs[1];
}

KERNEL_INLINE const float *dots_row(const struct dots *p, int i) {
    return p->a + (p->offsets != NULL ? p->offsets[i] : i * p->row);
}

/* What is left of a row; what lies behind it may be another thread's image. One call, however much is left: a product
 * on several branches does not become part of a multiply-add on each of them. */
KERNEL_INLINE vector dots_rest(const float *row, int left) {
    return load_part(row, smaller(larger(left, 0), VECTOR));
}

/* C (height, width), both constants, from (i,j) on. */
KERNEL_INLINE void dots_tile(const struct dots *p, int i, int j, const int height, const int width) {
    vector sum[DOTS_ROWS][DOTS_COLUMNS][LANE_VECTORS];
    const float *a[DOTS_ROWS], *b = p->b + j * p->b_row;
    const ptrdiff_t b_row = p->b_row;
    KERNEL_UNROLL for (int y = 0; y < height; y++) {
        a[y] = dots_row(p, i + y);
        KERNEL_UNROLL for (int x = 0; x < width; x++) {
            KERNEL_UNROLL for (int v = 0; v < LANE_VECTORS; v++) sum[y][x][v] = (vector){0};
        }
    }
    int k = 0;
    for (; k + KERNELS_LANES <= p->depth; k += KERNELS_LANES) {
        KERNEL_UNROLL for (int v = 0; v < LANE_VECTORS; v++) {
            KERNEL_UNROLL for (int x = 0; x < width; x++) {
                const vector right = load(b + x * b_row + k + v * VECTOR);
                KERNEL_UNROLL for (int y = 0; y < height; y++) sum[y][x][v] += load(a[y] + k + v * VECTOR) * right;
            }
        }
    }
    const int rest = p->depth - k;
    KERNEL_UNROLL for (int v = 0; v < LANE_VECTORS && rest > 0; v++) {
        const mask mine = first_mask(rest - v * VECTOR);
        KERNEL_UNROLL for (int x = 0; x < width; x++) {
            const vector right = choose(mine, load(b + x * b_row + k + v * VECTOR), (vector){0});
            KERNEL_UNROLL for (int y = 0; y < height; y++) {
                sum[y][x][v] += dots_rest(a[y] + k + v * VECTOR, rest - v * VECTOR) * right;
            }
        }
    }
    KERNEL_UNROLL for (int y = 0; y < height; y++) {
        KERNEL_UNROLL for (int x = 0; x < width; x++) {
            float *c = p->c + (i + y) * p->c_row + j + x;
            const float start = p->accumulate ? *c : p->bias != NULL ? p->bias[j + x] : 0.0f;
            *c = start + add_lanes(sum[y][x]);
        }
    }
}

KERNEL_INLINE void dots_columns(const struct dots *p, int j, const int width) {
    int i = 0;
    for (; i + DOTS_ROWS <= p->m; i += DOTS_ROWS) dots_tile(p, i, j, DOTS_ROWS, width);
    if (p->m - i == 2) dots_tile(p, i, j, 2, width);
    if (p->m - i == 1) dots_tile(p, i, j, 1, width);
}

static void dots(const struct dots *p) {
    int j = 0;
    for (; j + DOTS_COLUMNS <= p->n; j += DOTS_COLUMNS) dots_columns(p, j, DOTS_COLUMNS);
    for (; j < p->n; j++) dots_columns(p, j, 1);
}
