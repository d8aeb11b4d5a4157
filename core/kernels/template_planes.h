/* What planes need besides the product: the way between pixels and planes, and sums along planes. Part of template.h.
 *
 * Blocks of four by four go through registers; the last ones are moved back to end with the last row or column. */

enum {
    TRANSPOSED = 4,
    LANE_VECTORS = KERNELS_LANES / VECTOR,
    DOTS_ROWS = 3, /* of a register tile of sums */
    DOTS_COLUMNS = VECTOR / 4,
};

KERNEL_INLINE four load_four(const float *from) {
    four value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* Four floats of two rows. */
typedef float eight __attribute__((vector_size(32)));

/* Eight rows become four columns. */
KERNEL_INLINE void transpose_tall(const float *from, ptrdiff_t from_row, float *to, ptrdiff_t to_row) {
    eight row[TRANSPOSED], pair[TRANSPOSED], column[TRANSPOSED];
    KERNEL_UNROLL for (int y = 0; y < TRANSPOSED; y++) {
        const four low = load_four(from + y * from_row), high = load_four(from + (y + TRANSPOSED) * from_row);
        row[y] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
    }
    KERNEL_UNROLL for (int y = 0; y < 2; y++) {
        pair[y] = __builtin_shufflevector(row[y], row[y + 2], 0, 8, 1, 9, 4, 12, 5, 13);
        pair[y + 2] = __builtin_shufflevector(row[y], row[y + 2], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    KERNEL_UNROLL for (int y = 0; y < 2; y++) {
        column[2 * y] = __builtin_shufflevector(pair[2 * y], pair[2 * y + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        column[2 * y + 1] = __builtin_shufflevector(pair[2 * y], pair[2 * y + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    KERNEL_UNROLL for (int x = 0; x < TRANSPOSED; x++) memcpy(to + x * to_row, &column[x], sizeof column[x]);
}

/* The first `count` (a constant) of four floats. */
KERNEL_INLINE void store_few(float *to, four value, const int count) {
    if (count == 4) memcpy(to, &value, 4 * sizeof(float));
    if (count == 2 || count == 3) memcpy(to, &value, 2 * sizeof(float));
    if (count == 3) to[2] = value[2];
    if (count == 1) to[0] = value[0];
}

/* height and width are constants, at most TRANSPOSED; a row that is missing is another one. */
KERNEL_INLINE void transpose_block(const float *from, ptrdiff_t from_row, float *to, ptrdiff_t to_row, const int height,
                                   const int width) {
    four row[TRANSPOSED], pair[TRANSPOSED], column[TRANSPOSED];
    KERNEL_UNROLL for (int y = 0; y < TRANSPOSED; y++) row[y] = load_four(from + (y < height ? y : 0) * from_row);
    KERNEL_UNROLL for (int y = 0; y < 2; y++) {
        pair[y] = __builtin_shufflevector(row[y], row[y + 2], 0, 4, 1, 5);
        pair[y + 2] = __builtin_shufflevector(row[y], row[y + 2], 2, 6, 3, 7);
    }
    KERNEL_UNROLL for (int y = 0; y < 2; y++) {
        column[2 * y] = __builtin_shufflevector(pair[2 * y], pair[2 * y + 1], 0, 4, 1, 5);
        column[2 * y + 1] = __builtin_shufflevector(pair[2 * y], pair[2 * y + 1], 2, 6, 3, 7);
    }
    KERNEL_UNROLL for (int x = 0; x < width; x++) store_few(to + x * to_row, column[x], height);
}

/* The start of the block of `size` after the one at `at`. */
KERNEL_INLINE ptrdiff_t next_block(ptrdiff_t at, ptrdiff_t count, const int size) {
    const ptrdiff_t next = at + size, last = count - size;
    return at < last && next > last ? last : next;
}

KERNEL_INLINE void transpose_all(int rows, int columns, const float *from, ptrdiff_t from_row, float *to,
                                 ptrdiff_t to_row, const int height, const int width) {
    for (ptrdiff_t x = 0; x < columns; x = next_block(x, columns, TRANSPOSED)) {
        const float *source = from + x;
        float *target = to + x * to_row;
        if (width == TRANSPOSED && height == TRANSPOSED && rows >= 2 * TRANSPOSED) {
            for (ptrdiff_t y = 0; y < rows; y = next_block(y, rows, 2 * TRANSPOSED)) {
                transpose_tall(source + y * from_row, from_row, target + y, to_row);
            }
            continue;
        }
        for (ptrdiff_t y = 0; y < rows; y = next_block(y, rows, TRANSPOSED)) {
            transpose_block(source + y * from_row, from_row, target + y, to_row, height, width);
        }
    }
}

typedef void transpose_function(int rows, int columns, const float *from, ptrdiff_t from_row, float *to,
                                ptrdiff_t to_row);

#define TRANSPOSE_FUNCTION(height, width)                                                                              \
    static void transpose_##height##_##width(int rows, int columns, const float *from, ptrdiff_t from_row, float *to,  \
                                             ptrdiff_t to_row) {                                                       \
        transpose_all(rows, columns, from, from_row, to, to_row, height, width);                                       \
    }
#define TRANSPOSE_FUNCTIONS(height)                                                                                    \
    TRANSPOSE_FUNCTION(height, 1)                                                                                      \
    TRANSPOSE_FUNCTION(height, 2)                                                                                      \
    TRANSPOSE_FUNCTION(height, 3)                                                                                      \
    TRANSPOSE_FUNCTION(height, 4)
#define TRANSPOSE_TABLE(height)                                                                                        \
    { transpose_##height##_1, transpose_##height##_2, transpose_##height##_3, transpose_##height##_4 }

TRANSPOSE_FUNCTIONS(1)
TRANSPOSE_FUNCTIONS(2)
TRANSPOSE_FUNCTIONS(3)
TRANSPOSE_FUNCTIONS(4)

static void transpose(int rows, int columns, const float *from, ptrdiff_t from_row, float *to, ptrdiff_t to_row) {
    static transpose_function *const functions[TRANSPOSED][TRANSPOSED] = {TRANSPOSE_TABLE(1), TRANSPOSE_TABLE(2),
                                                                          TRANSPOSE_TABLE(3), TRANSPOSE_TABLE(4)};
    if (rows < 1 || columns < 1) return;
    if (columns == 1 && from_row == 1) {
        memcpy(to, from, (size_t)rows * sizeof(float));
        return;
    }
    if (rows == 1 && to_row == 1) {
        memcpy(to, from, (size_t)columns * sizeof(float));
        return;
    }
    functions[smaller(rows, TRANSPOSED) - 1][smaller(columns, TRANSPOSED) - 1](rows, columns, from, from_row, to,
                                                                               to_row);
}

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
                sum[y][x][v] += choose(mine, load(a[y] + k + v * VECTOR), (vector){0}) * right;
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
