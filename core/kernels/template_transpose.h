/* Matrices with rows and columns exchanged. Part of template.h.
 *
 * Blocks of four by four go through registers; the last ones are moved back to end with the last row or column. */

enum { TRANSPOSED = 4 };

typedef float four __attribute__((vector_size(16)));

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

#if KERNELS_VECTOR == 4
#define PAIRS_LOW 0, 4, 1, 5
#define PAIRS_HIGH 2, 6, 3, 7
#elif KERNELS_VECTOR == 8
#define PAIRS_LOW 0, 8, 1, 9, 4, 12, 5, 13
#define PAIRS_HIGH 2, 10, 3, 11, 6, 14, 7, 15
#else
#define PAIRS_LOW 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define PAIRS_HIGH 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#endif

/* Four floats of every fourth row: of `from`, and further ones. */
KERNEL_INLINE vector load_fours(const float *from, ptrdiff_t row) {
#if KERNELS_VECTOR == 4
    (void)row;
    return load(from);
#else
    const four first = load_four(from), second = load_four(from + TRANSPOSED * row);
    const eight low = __builtin_shufflevector(first, second, 0, 1, 2, 3, 4, 5, 6, 7);
#if KERNELS_VECTOR == 8
    return low;
#else
    const four third = load_four(from + 2 * TRANSPOSED * row), fourth = load_four(from + 3 * TRANSPOSED * row);
    const eight high = __builtin_shufflevector(third, fourth, 0, 1, 2, 3, 4, 5, 6, 7);
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
#endif
}

/* Four columns of as many rows as a vector has floats. */
KERNEL_INLINE void transpose_load(const float *from, ptrdiff_t row, vector column[TRANSPOSED]) {
    vector rows[TRANSPOSED], pair[TRANSPOSED];
    KERNEL_UNROLL for (int y = 0; y < TRANSPOSED; y++) rows[y] = load_fours(from + y * row, row);
    KERNEL_UNROLL for (int y = 0; y < 2; y++) {
        pair[y] = __builtin_shufflevector(rows[y], rows[y + 2], PAIRS_LOW);
        pair[y + 2] = __builtin_shufflevector(rows[y], rows[y + 2], PAIRS_HIGH);
    }
    KERNEL_UNROLL for (int y = 0; y < 2; y++) {
        column[2 * y] = __builtin_shufflevector(pair[2 * y], pair[2 * y + 1], PAIRS_LOW);
        column[2 * y + 1] = __builtin_shufflevector(pair[2 * y], pair[2 * y + 1], PAIRS_HIGH);
    }
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
