/* Sums of columns and functions of single elements. Part of template.h. */

/* sums of `vectors` (a constant) neighbouring vectors of columns */
KERNEL_INLINE void sum_columns(int rows, int columns, const float *x, int lanes, float *sums, const int vectors) {
    vector sum[4];
    KERNEL_UNROLL for (int i = 0; i < vectors; i++) {
        sum[i] = lanes == VECTOR ? load(sums + i * VECTOR) : load_part(sums + i * VECTOR, lanes);
    }
    for (int r = 0; r < rows; r++, x += columns) {
        KERNEL_UNROLL for (int i = 0; i < vectors; i++) sum[i] += load(x + i * VECTOR);
    }
    KERNEL_UNROLL for (int i = 0; i < vectors; i++) {
        if (lanes == VECTOR)
            store(sums + i * VECTOR, sum[i]);
        else
            store_part(sums + i * VECTOR, sum[i], lanes);
    }
}

static void column_sums(int rows, int columns, const float *x, float *sums) {
    int v = 0;
    for (; v + 4 * VECTOR <= columns; v += 4 * VECTOR) sum_columns(rows, columns, x + v, VECTOR, sums + v, 4);
    for (; v < columns; v += VECTOR) sum_columns(rows, columns, x + v, lanes_left(columns, v), sums + v, 1);
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
