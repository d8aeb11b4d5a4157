/* Sums of columns and functions of single elements. Part of template.h. */

enum { SUMS_MOST = 8 }; /* vectors of columns that are summed side by side: a sum alone waits for itself */

/* Sums of `vectors` (a constant) neighbouring vectors of columns, the last of which has `lanes`. */
KERNEL_INLINE void sum_columns(int rows, int columns, const float *x, int lanes, float *sums, const int vectors) {
    vector sum[SUMS_MOST];
    const int last = vectors - 1;
    KERNEL_UNROLL for (int i = 0; i < last; i++) sum[i] = load(sums + i * VECTOR);
    sum[last] = lanes == VECTOR ? load(sums + last * VECTOR) : load_part(sums + last * VECTOR, lanes);
    for (int r = 0; r < rows; r++, x += columns) {
        KERNEL_UNROLL for (int i = 0; i < vectors; i++) sum[i] += load(x + i * VECTOR);
    }
    KERNEL_UNROLL for (int i = 0; i < last; i++) store(sums + i * VECTOR, sum[i]);
    if (lanes == VECTOR)
        store(sums + last * VECTOR, sum[last]);
    else
        store_part(sums + last * VECTOR, sum[last], lanes);
}

static void column_sums(int rows, int columns, const float *x, float *sums) {
    for (int v = 0, vectors; v < columns; v += vectors * VECTOR) {
        vectors = smaller(parts_count(columns - v, VECTOR), SUMS_MOST);
        const int lanes = lanes_left(columns, v + (vectors - 1) * VECTOR);
        if (vectors == 1) sum_columns(rows, columns, x + v, lanes, sums + v, 1);
        if (vectors == 2) sum_columns(rows, columns, x + v, lanes, sums + v, 2);
        if (vectors == 3) sum_columns(rows, columns, x + v, lanes, sums + v, 3);
        if (vectors == 4) sum_columns(rows, columns, x + v, lanes, sums + v, 4);
        if (vectors == 5) sum_columns(rows, columns, x + v, lanes, sums + v, 5);
        if (vectors == 6) sum_columns(rows, columns, x + v, lanes, sums + v, 6);
        if (vectors == 7) sum_columns(rows, columns, x + v, lanes, sums + v, 7);
        if (vectors == 8) sum_columns(rows, columns, x + v, lanes, sums + v, 8);
    }
}

static void add(size_t count, const float *x, float *y) {
    size_t i = 0;
    for (; i + VECTOR <= count; i += VECTOR) store(y + i, load(y + i) + load(x + i));
    for (; i < count; i++) y[i] += x[i];
}

static void relu_forward(size_t count, float *y) {
    size_t i = 0;
    for (; i + VECTOR <= count; i += VECTOR) {
        const vector value = load(y + i);
        store(y + i, choose(value <= 0, (vector){0}, value));
    }
    for (; i < count; i++) y[i] = y[i] <= 0.0f ? 0.0f : y[i];
}

static void relu_backward(size_t count, const float *y, float *dy) {
    size_t i = 0;
    for (; i + VECTOR <= count; i += VECTOR) {
        store(dy + i, choose(load(y + i) > 0, load(dy + i), (vector){0}));
    }
    for (; i < count; i++) dy[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

static void multiply_adds(int64_t rounds, float factor, float *sums) {
    enum { COLUMNS = TILE_N / VECTOR };
    const vector factors = broadcast(factor), ones = broadcast(1.0f);
    vector sum[KERNELS_TILE_M][COLUMNS];
    KERNEL_UNROLL for (int i = 0; i < KERNELS_TILE_M; i++) {
        KERNEL_UNROLL for (int j = 0; j < COLUMNS; j++) sum[i][j] = load(sums + i * TILE_N + j * VECTOR);
    }
    for (int64_t round = 0; round < rounds; round++) {
        KERNEL_UNROLL for (int i = 0; i < KERNELS_TILE_M; i++) {
            KERNEL_UNROLL for (int j = 0; j < COLUMNS; j++) sum[i][j] = sum[i][j] * factors + ones;
        }
    }
    KERNEL_UNROLL for (int i = 0; i < KERNELS_TILE_M; i++) {
        KERNEL_UNROLL for (int j = 0; j < COLUMNS; j++) store(sums + i * TILE_N + j * VECTOR, sum[i][j]);
    }
}
