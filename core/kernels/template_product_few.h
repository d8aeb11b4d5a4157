/* Products for which a register tile is too large, in kernels.h' terms: with few terms a sum, and with few columns.
 * They change no bits. Part of template.h. */

enum {
    TILE_N = 2 * VECTOR,
    SHALLOW_MOST = 4, /* terms of a sum whose rows of B all stay in registers */
    NARROW_MOST = 4,  /* columns that are fewer than a vector should have */
};

/* Where the rows of B that belong to tap t begin. */
KERNEL_INLINE ptrdiff_t b_start(const struct product *p, int t) {
    return p->b_offsets != NULL ? p->b_offsets[t] : t * p->b_tap;
}

/* Sums of few terms: their rows of B stay in registers while all rows of C pass. */
KERNEL_INLINE void shallow_columns(const struct product *p, ptrdiff_t j, const int terms, const int vectors) {
    const float *a[SHALLOW_MOST];
    vector right[SHALLOW_MOST][2], start[2];
    int t = 0, k = 0;
    KERNEL_UNROLL for (int i = 0; i < terms; i++) {
        a[i] = p->a + p->offsets[t] + k * p->column;
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) right[i][v] =
            load(p->b + b_start(p, t) + k * p->b_row + j + v * VECTOR);
        if (++k == p->depth) t++, k = 0;
    }
    KERNEL_UNROLL for (int v = 0; v < vectors; v++) start[v] =
        p->bias != NULL ? load(p->bias + j + v * VECTOR) : (vector){0};
    float *c = p->c + j;
    const ptrdiff_t row = opaque_step(p->row), c_row = opaque_step(p->c_row);
    ptrdiff_t at = 0;
    for (int i = 0; i < p->m; i++, at += row, c += c_row) {
        vector sum[2];
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[v] = start[v];
        KERNEL_UNROLL for (int term = 0; term < terms; term++) {
            const vector left = broadcast(a[term][at]);
            KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[v] += left * right[term][v];
        }
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) store(c + v * VECTOR, sum[v]);
    }
}

/* Columns that do not fill the last vector are taken again with those before them. */
KERNEL_INLINE void shallow(const struct product *p, const int terms) {
    int j = 0;
    for (; j + TILE_N <= p->n; j += TILE_N) shallow_columns(p, j, terms, 2);
    if (j + VECTOR <= p->n) shallow_columns(p, j, terms, 1);
    if (p->n % VECTOR != 0) shallow_columns(p, p->n - VECTOR, terms, 1);
}

static bool wants_shallow(const struct product *p) {
    return (int64_t)p->taps * p->depth <= SHALLOW_MOST && p->taps * p->depth > 0 && p->n >= VECTOR && p->m >= VECTOR &&
           p->b_panel == 0 && p->row_bias == NULL && !p->accumulate;
}

static void product_shallow(const struct product *p) {
    switch (p->taps * p->depth) {
    case 1:
        shallow(p, 1);
        break;
    case 2:
        shallow(p, 2);
        break;
    case 3:
        shallow(p, 3);
        break;
    default:
        shallow(p, 4);
        break;
    }
}

/* Few columns where the terms of a sum lie side by side in A: vectors run down the rows of A, four terms at a time
 * being transposed in registers. */
KERNEL_INLINE void narrow_rows(const struct product *p, const float *a, const int columns, float *c) {
    const float *b = p->b;
    const ptrdiff_t row = opaque_step(p->row), b_row = opaque_step(p->b_row);
    vector sum[NARROW_MOST][2];
    KERNEL_UNROLL for (int j = 0; j < columns; j++) {
        KERNEL_UNROLL for (int v = 0; v < 2; v++) sum[j][v] = broadcast(p->bias != NULL ? p->bias[j] : 0);
    }
    for (int k = 0; k < p->depth; k += TRANSPOSED, a += TRANSPOSED) {
        vector left[2][TRANSPOSED];
        KERNEL_UNROLL for (int v = 0; v < 2; v++) transpose_load(a + v * VECTOR * row, row, left[v]);
        KERNEL_UNROLL for (int i = 0; i < TRANSPOSED; i++, b += b_row) {
            KERNEL_UNROLL for (int j = 0; j < columns; j++) {
                const vector right = broadcast(b[j]);
                KERNEL_UNROLL for (int v = 0; v < 2; v++) sum[j][v] += left[v][i] * right;
            }
        }
    }
    float stage[NARROW_MOST * TILE_N];
    KERNEL_UNROLL for (int j = 0; j < columns; j++) {
        KERNEL_UNROLL for (int v = 0; v < 2; v++) store(stage + j * TILE_N + v * VECTOR, sum[j][v]);
    }
    transpose(columns, TILE_N, stage, TILE_N, c, p->c_row);
}

/* The last rows are taken again with those before them. */
KERNEL_INLINE void narrow(const struct product *p, const int columns) {
    const float *a = p->a + p->offsets[0];
    for (ptrdiff_t i = 0; i < p->m; i = next_block(i, p->m, TILE_N))
        narrow_rows(p, a + i * p->row, columns, p->c + i * p->c_row);
}

static bool wants_narrow(const struct product *p) {
    if (p->taps != 1 || p->column != 1 || p->b_panel != 0 || p->b_offsets != NULL || p->accumulate) return false;
    return p->n <= NARROW_MOST && p->m >= TILE_N && p->depth >= 2 * TRANSPOSED && p->depth % TRANSPOSED == 0;
}

static void product_narrow(const struct product *p) {
    switch (p->n) {
    case 1:
        narrow(p, 1);
        break;
    case 2:
        narrow(p, 2);
        break;
    case 3:
        narrow(p, 3);
        break;
    default:
        narrow(p, 4);
        break;
    }
}
