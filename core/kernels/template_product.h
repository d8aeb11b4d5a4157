/* The product of kernels.h on a register tile; README.md draws it. Part of template.h.
 *
 * A tile of C stays in registers over all taps and all k; each step loads up to three vectors of a row of B, and one
 * element of A for each row of the tile. Every element of C is one chain of multiply-adds in the order (t, k), whatever
 * tile it falls into. */

enum {
    TILE_MOST = 14,   /* no table's tile is higher */
    TILE_VECTORS = 3, /* the widest of those for any number of rows */
    FLAT_ROWS = 3,    /* few rows have tiles of more vectors, so that multiply-adds need not wait for one another */
    FLAT_VECTORS = 8,
    SCATTERED_MOST = 6, /* the highest where B has offsets */
    TILE_HALF = 7,      /* rows of A that share a pointer */
    /* Rows of B in one go: 256 of 64 bytes stay in the first-level cache while the tiles of C pass. A longer sum is
     * cut; its part so far waits in C, which keeps every bit. */
    PANEL_ROWS = 256,
    /* Bytes after which addresses share a set of the first-level cache; tiles times bytes between rows of B (the power
     * of two in it) from which copying them pays. */
    CACHE_WAY = 4096,
    B_FAR = 10240,
    CACHE_LINE = 16,    /* floats */
    A_COLUMN_FAR = 512, /* floats from which columns of A fall into too few sets */
    A_PACKED = 4096,    /* floats of packed A, on the stack */
    SWAP_LEAST = 16,    /* terms of a sum that pay for transposing C twice */
    SWAP_STAGE = 4096,  /* floats of transposed C, on the stack */
};

/* Some vectors of columns that tiles share. Where n is no multiple of a vector, the last vector is moved back to end
 * with the last column: it then holds some columns of the one before a second time, with the same sums. */
struct columns {
    int vectors;
    int width;           /* columns stored: less than a vector where n is */
    ptrdiff_t c, c_last; /* of the first vector in a row of C and of the bias; of the last, from there */
    const float *b;      /* the first vector of row 0 */
    ptrdiff_t b_vector, b_last;
    int blocks; /* where B has offsets: so many of the same, side by side, none of them the last */
};

/* Where vector v of a tile's row stands, from the first. */
KERNEL_INLINE ptrdiff_t in_c(ptrdiff_t c_last, const int v, const int vectors) {
    return v > 0 && v == vectors - 1 ? c_last : v * VECTOR;
}

/* The same in a row of B. Only tiles of three vectors read panels; the others know the distance. */
KERNEL_INLINE ptrdiff_t in_b(ptrdiff_t b_vector, const int v, const int vectors) {
    return vectors > TILE_VECTORS ? v * VECTOR : v * b_vector;
}

/* C (height, vectors) from row i on; height and vectors are constants. */
KERNEL_INLINE void tile_load(const struct product *p, int i, const struct columns *columns, const int height,
                             const int vectors, const bool scattered, vector sum[][FLAT_VECTORS]) {
    const ptrdiff_t c_row = p->c_row, c_last = columns->c_last;
    const float *c = p->c + i * c_row + columns->c;
    const float *bias = p->bias != NULL ? p->bias + columns->c : NULL;
    KERNEL_UNROLL for (int y = 0; y < height; y++) {
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[y][v] =
            bias != NULL ? load(bias + in_c(c_last, v, vectors)) : (vector){0};
    }
    if (scattered && p->row_bias != NULL) {
        KERNEL_UNROLL for (int y = 0; y < height; y++) {
            KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[y][v] = broadcast(p->row_bias[i + y]);
        }
    }
    if (!p->accumulate) return;
    KERNEL_UNROLL for (int y = 0; y < height; y++, c += c_row) {
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[y][v] = load(c + in_c(c_last, v, vectors));
    }
}

KERNEL_INLINE void tile_store(const struct product *p, int i, const struct columns *columns, const int height,
                              const int vectors, vector sum[][FLAT_VECTORS]) {
    const ptrdiff_t c_row = p->c_row, c_last = columns->c_last;
    float *c = p->c + i * c_row + columns->c;
    KERNEL_UNROLL for (int y = 0; y < height; y++, c += c_row) {
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) store(c + in_c(c_last, v, vectors), sum[y][v]);
    }
}

/* Brings rows of C near before their turn: rows that are added to are needed at once. */
KERNEL_INLINE void tile_prefetch(const struct product *p, int i, const struct columns *columns, const int height,
                                 const int vectors) {
    const float *c = p->c + i * p->c_row + columns->c;
    KERNEL_UNROLL for (int y = 0; y < height; y++, c += p->c_row) {
        __builtin_prefetch(c, 1);
        if (vectors * VECTOR > CACHE_LINE) __builtin_prefetch(c + columns->c_last, 1);
    }
}

/* A row of B in the tile's columns. */
KERNEL_INLINE void load_row(const float *b, ptrdiff_t b_vector, ptrdiff_t b_last, const int vectors, vector *right) {
    right[0] = load(b);
    KERNEL_UNROLL for (int v = 1; v < vectors - 1; v++) right[v] = load(b + in_b(b_vector, v, vectors));
    if (vectors > 1) right[vectors - 1] = load(b + b_last);
}

/* sum += an element of A for each row * a row of B */
KERNEL_INLINE void step(const float *const *a, ptrdiff_t row, const float *b, ptrdiff_t b_vector, ptrdiff_t b_last,
                        const int height, const int vectors, vector sum[][FLAT_VECTORS]) {
    vector right[FLAT_VECTORS];
    load_row(b, b_vector, b_last, vectors, right);
    KERNEL_UNROLL for (int y = 0; y < height; y++) {
        const vector left = broadcast(a[y / TILE_HALF][y % TILE_HALF * row]);
        KERNEL_UNROLL for (int v = 0; v < vectors; v++) sum[y][v] += left * right[v];
    }
}

/* The same for few rows: their elements of A fit into registers, and each vector of B is loaded once for all. */
KERNEL_INLINE void step_flat(const float *a, ptrdiff_t row, const float *b, ptrdiff_t b_vector, ptrdiff_t b_last,
                             const int height, const int vectors, vector sum[][FLAT_VECTORS]) {
    vector left[FLAT_ROWS];
    KERNEL_UNROLL for (int y = 0; y < height; y++) left[y] = opaque_vector(broadcast(a[y * row]));
    KERNEL_UNROLL for (int v = 0; v < vectors; v++) {
        const bool last = v > 0 && v == vectors - 1;
        const vector right = opaque_vector(load(b + (last ? b_last : in_b(b_vector, v, vectors))));
        KERNEL_UNROLL for (int y = 0; y < height; y++) sum[y][v] += left[y] * right;
    }
}

/* `count` tiles, one below the other, from row i on; scattered (a constant): B has offsets. */
KERNEL_INLINE void tile(const struct product *p, int i, int count, const struct columns *columns, const int height,
                        const int vectors, const bool scattered) {
    const ptrdiff_t row = p->row, b_vector = columns->b_vector, b_last = columns->b_last;
    const ptrdiff_t column = opaque_step(p->column), b_row = opaque_step(p->b_row);
    for (; count > 0; count--, i += height) {
        vector sum[TILE_MOST][FLAT_VECTORS];
        tile_load(p, i, columns, height, vectors, scattered, sum);
        if (p->accumulate && count > 1) tile_prefetch(p, i + height, columns, height, vectors);
        for (int t = 0; t < p->taps; t++) {
            const float *a[2];
            a[0] = opaque(p->a + p->offsets[t] + i * row);
            a[1] = opaque(a[0] + TILE_HALF * row);
            const float *b = columns->b + (scattered ? p->b_offsets[t] : t * p->b_tap);
            for (int k = 0; k < p->depth; k++) {
                if (scattered && height > 1 && height <= FLAT_ROWS)
                    step_flat(a[0], row, b, b_vector, b_last, height, vectors, sum);
                else
                    step(a, row, b, b_vector, b_last, height, vectors, sum);
                a[0] += column;
                a[1] += column;
                b += b_row;
            }
        }
        tile_store(p, i, columns, height, vectors, sum);
    }
}

/* One function for each size of tile, so that the compiler gives each its registers; those a table does not use are
 * empty. */
#define TILE_FUNCTION(height, vectors, most)                                                                           \
    static void tile_##height##_##vectors(const struct product *p, int i, int count, const struct columns *columns) {  \
        if (height <= most) tile(p, i, count, columns, height, vectors, false);                                        \
    }
#define TILE_FUNCTIONS(vectors, most)                                                                                  \
    TILE_FUNCTION(1, vectors, most)                                                                                    \
    TILE_FUNCTION(2, vectors, most)                                                                                    \
    TILE_FUNCTION(3, vectors, most)                                                                                    \
    TILE_FUNCTION(4, vectors, most)                                                                                    \
    TILE_FUNCTION(5, vectors, most)                                                                                    \
    TILE_FUNCTION(6, vectors, most)                                                                                    \
    TILE_FUNCTION(7, vectors, most)                                                                                    \
    TILE_FUNCTION(8, vectors, most)                                                                                    \
    TILE_FUNCTION(9, vectors, most)                                                                                    \
    TILE_FUNCTION(10, vectors, most)                                                                                   \
    TILE_FUNCTION(11, vectors, most)                                                                                   \
    TILE_FUNCTION(12, vectors, most)                                                                                   \
    TILE_FUNCTION(13, vectors, most)                                                                                   \
    TILE_FUNCTION(14, vectors, most)

TILE_FUNCTIONS(1, KERNELS_TALL)
TILE_FUNCTIONS(2, KERNELS_TILE_M)
TILE_FUNCTIONS(3, KERNELS_WIDE)

/* The same where B has offsets. */
#define SCATTERED_FUNCTION(height, vectors, most)                                                                      \
    static void scattered_##height##_##vectors(const struct product *p, int i, int count,                              \
                                               const struct columns *columns) {                                        \
        struct columns block = *columns;                                                                               \
        for (int left = height <= most ? columns->blocks : 0; left > 0; left--) {                                      \
            tile(p, i, count, &block, height, vectors, true);                                                          \
            block.c += vectors * VECTOR;                                                                               \
            block.b += vectors * VECTOR;                                                                               \
        }                                                                                                              \
    }
#define SCATTERED_FUNCTIONS(vectors, most)                                                                             \
    SCATTERED_FUNCTION(1, vectors, most)                                                                               \
    SCATTERED_FUNCTION(2, vectors, most)                                                                               \
    SCATTERED_FUNCTION(3, vectors, most)                                                                               \
    SCATTERED_FUNCTION(4, vectors, most)                                                                               \
    SCATTERED_FUNCTION(5, vectors, most)                                                                               \
    SCATTERED_FUNCTION(6, vectors, most)
SCATTERED_FUNCTIONS(1, SCATTERED_MOST)
SCATTERED_FUNCTIONS(2, KERNELS_TILE_M)
SCATTERED_FUNCTIONS(3, KERNELS_WIDE)
SCATTERED_FUNCTION(1, 4, 3)
SCATTERED_FUNCTION(2, 4, 3)
SCATTERED_FUNCTION(3, 4, 3)
SCATTERED_FUNCTION(1, 5, 2)
SCATTERED_FUNCTION(2, 5, 2)
SCATTERED_FUNCTION(1, 6, 2)
SCATTERED_FUNCTION(2, 6, 2)
SCATTERED_FUNCTION(1, 7, 1)
SCATTERED_FUNCTION(1, 8, 1)

typedef void tile_function(const struct product *p, int i, int count, const struct columns *columns);

/* by vectors - 1, then height - 1 */
static tile_function *const tiles[TILE_VECTORS][TILE_MOST] = {
    {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1, tile_9_1, tile_10_1, tile_11_1,
     tile_12_1, tile_13_1, tile_14_1},
    {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2, tile_7_2, tile_8_2, tile_9_2, tile_10_2, tile_11_2,
     tile_12_2, tile_13_2, tile_14_2},
    {tile_1_3, tile_2_3, tile_3_3, tile_4_3, tile_5_3, tile_6_3, tile_7_3, tile_8_3, tile_9_3, tile_10_3, tile_11_3,
     tile_12_3, tile_13_3, tile_14_3},
};
static tile_function *const scattered_tiles[FLAT_VECTORS][SCATTERED_MOST] = {
    {scattered_1_1, scattered_2_1, scattered_3_1, scattered_4_1, scattered_5_1, scattered_6_1},
    {scattered_1_2, scattered_2_2, scattered_3_2, scattered_4_2, scattered_5_2, scattered_6_2},
    {scattered_1_3, scattered_2_3, scattered_3_3, scattered_4_3, scattered_5_3, scattered_6_3},
    {scattered_1_4, scattered_2_4, scattered_3_4},
    {scattered_1_5, scattered_2_5},
    {scattered_1_6, scattered_2_6},
    {scattered_1_7},
    {scattered_1_8},
};

/* by vectors - 1: the highest tile */
#define AT_MOST(most, height) ((height) < (most) ? (height) : (most))
static const int tile_heights[TILE_VECTORS] = {KERNELS_TALL, KERNELS_TILE_M, KERNELS_WIDE};
static const int scattered_heights[FLAT_VECTORS] = {
    SCATTERED_MOST, AT_MOST(SCATTERED_MOST, KERNELS_TILE_M), AT_MOST(SCATTERED_MOST, KERNELS_WIDE), 3, 2, 2, 1, 1};

/* by rows of C - 1: the most vectors of a tile for so few */
static const int flat_vectors[FLAT_ROWS] = {8, 6, 4};

/* `width` floats, less than a vector, in two moves that overlap. */
KERNEL_INLINE void copy_part(float *to, const float *from, int width) {
    int piece = 1;
    for (; 2 * piece <= width; piece *= 2) {
    }
    for (int turn = 0, at = 0; turn < 2; turn++, at = width - piece) {
        if (piece == 8) memcpy(to + at, from + at, 8 * sizeof(float));
        if (piece == 4) memcpy(to + at, from + at, 4 * sizeof(float));
        if (piece == 2) memcpy(to + at, from + at, 2 * sizeof(float));
        if (piece == 1) to[at] = from[at];
    }
}

/* Tiles of less than a vector of columns, by way of whole ones on the stack. */
static void tiles_staged(tile_function *whole, const struct product *p, int i, int count, const int height,
                         const struct columns *columns) {
    float stage[TILE_MOST * VECTOR] __attribute__((aligned(64)));
    struct product near = *p;
    near.c = stage;
    near.c_row = VECTOR;
    for (; count > 0; count--, i += height) {
        float *c = p->c + i * p->c_row;
        near.a = p->a + i * p->row;
        if (p->row_bias != NULL) near.row_bias = p->row_bias + i;
        for (int y = 0; y < height && p->accumulate; y++) {
            copy_part(stage + y * VECTOR, c + y * p->c_row, columns->width);
        }
        whole(&near, 0, 1, columns);
        for (int y = 0; y < height; y++) copy_part(c + y * p->c_row, stage + y * VECTOR, columns->width);
    }
}

/* `count` tiles of less than a vector of columns. Where rows of C follow one another, a row is written as a whole
 * vector and the rows behind it overwrite what is too much; only the last tile then goes by way of the stack. */
static void tiles_narrow(tile_function *whole, const struct product *p, int i, int count, const int height,
                         const struct columns *columns) {
    int direct = 0;
    if (!p->accumulate && p->c_row == columns->width && height * columns->width >= VECTOR) direct = count - 1;
    if (direct > 0) whole(p, i, direct, columns);
    tiles_staged(whole, p, i + direct * height, count - direct, height, columns);
}

/* All rows of C in these columns: the first strips are one row higher than the others. */
static void product_tiles(const struct product *p, const struct parts *strips, const struct columns *columns) {
    const int v = columns->vectors - 1;
    tile_function *const *const heights = p->b_offsets != NULL ? scattered_tiles[v] : tiles[v];
    const int size = strips->size, longer = strips->longer, others = strips->count - longer;
    if (columns->width < VECTOR) {
        if (longer > 0) tiles_narrow(heights[size], p, 0, longer, size + 1, columns);
        if (others > 0) tiles_narrow(heights[size - 1], p, longer * (size + 1), others, size, columns);
        return;
    }
    if (longer > 0) heights[size](p, 0, longer, columns);
    if (others > 0) heights[size - 1](p, longer * (size + 1), others, columns);
}

/* The same with the columns of B copied together first. */
static void product_packed_b(const struct product *p, const struct parts *strips, const struct columns *columns) {
    float packed[PANEL_ROWS * TILE_VECTORS * VECTOR] __attribute__((aligned(64)));
    const ptrdiff_t width = columns->vectors * VECTOR;
    float *to = packed;
    for (int t = 0; t < p->taps; t++) {
        const float *from = columns->b + b_start(p, t);
        for (int k = 0; k < p->depth; k++, to += width, from += p->b_row) {
            store(to, load(from));
            if (columns->vectors > 2) store(to + VECTOR, load(from + columns->b_vector));
            if (columns->vectors > 1) store(to + width - VECTOR, load(from + columns->b_last));
            __builtin_prefetch(from + width, 0, 2);
        }
    }
    struct product near = *p;
    near.b_offsets = NULL;
    near.b_row = width;
    near.b_tap = (ptrdiff_t)p->depth * width;
    struct columns near_columns = *columns;
    near_columns.b = packed;
    near_columns.b_vector = VECTOR;
    near_columns.b_last = width - VECTOR;
    product_tiles(&near, strips, &near_columns);
}

/* `vectors` vectors of columns, the first being vector `first` of all. */
static struct columns columns_of(const struct product *p, int first, int vectors) {
    const bool panels = p->b_panel != 0;
    const int c = first * VECTOR, left = p->n - c;
    struct columns columns = {.vectors = vectors,
                              .width = left < vectors * VECTOR ? left : vectors * VECTOR,
                              .c = c,
                              .b = p->b + first * (panels ? p->b_panel : VECTOR),
                              .b_vector = panels ? p->b_panel : VECTOR,
                              .blocks = 1};
    columns.c_last = columns.width - VECTOR;
    columns.b_last = panels ? (vectors - 1) * p->b_panel : columns.c_last;
    return columns;
}

/* Whether rows of B fall into few sets of the first-level cache, and enough tiles pass over them that a copy pays. */
static bool wants_packed_b(const struct product *p) {
    if (p->b_panel != 0) return false;
    const ptrdiff_t bytes = p->b_row * (ptrdiff_t)sizeof(float), step = bytes & -bytes;
    return p->m / KERNELS_TILE_M * (step < CACHE_WAY ? step : CACHE_WAY) >= B_FAR;
}

/* How a product goes through the columns. */
struct course {
    bool wide; /* by parts of nearly equal size, else by two vectors, and three or one at the end */
    struct parts parts;
};

/* Three vectors at a time where tiles of three pass over B as rarely as tiles of two would, or where three are left;
 * more where there are few rows. */
static struct course course_of(const struct product *p, int vectors) {
    const bool flat = p->b_offsets != NULL && p->m > 0 && p->m <= FLAT_ROWS;
    return (struct course){.wide = parts_count(p->m, KERNELS_WIDE) <= parts_count(p->m, KERNELS_TILE_M),
                           .parts = parts_of(vectors, flat ? flat_vectors[p->m - 1] : TILE_VECTORS)};
}

/* Vectors of the part-th tile, of `left` that are left. */
static int course_vectors(const struct course *course, int part, int left) {
    if (course->wide) return part_size(course->parts, part);
    return left == TILE_VECTORS || left < 2 ? left : 2;
}

/* How many tiles alike begin there, the very last one apart. */
static int course_blocks(const struct course *course, int part, int left) {
    const int taken = course_vectors(course, part, left);
    int blocks = 1;
    while (left > (blocks + 1) * taken && course_vectors(course, part + blocks, left - blocks * taken) == taken)
        blocks++;
    return blocks;
}

static void product_columns(const struct product *p) {
    const bool packed = wants_packed_b(p), scattered = p->b_offsets != NULL;
    const int *heights = scattered ? scattered_heights : tile_heights;
    const int vectors = p->n / VECTOR + (p->n % VECTOR != 0);
    const struct course course = course_of(p, vectors);
    struct parts strips = {0};
    for (int v = 0, part = 0, taken, blocks, before = 0; v < vectors; v += taken * blocks, part += blocks) {
        taken = course_vectors(&course, part, vectors - v);
        blocks = scattered && !packed ? course_blocks(&course, part, vectors - v) : 1;
        if (taken != before) strips = parts_of(p->m, heights[taken - 1]);
        before = taken;
        struct columns columns = columns_of(p, v, taken);
        columns.blocks = blocks;
        if (packed)
            product_packed_b(p, &strips, &columns);
        else
            product_tiles(p, &strips, &columns);
    }
}

/* One tap with columns of A far apart: some rows at a time, copied together for all columns of B. */
static void product_packed_a(const struct product *p) {
    float packed[A_PACKED] __attribute__((aligned(64)));
    static const ptrdiff_t no_offset[1] = {0};
    struct product near = *p;
    near.a = packed;
    near.offsets = no_offset;
    const int most = A_PACKED / p->depth / KERNELS_TILE_M * KERNELS_TILE_M;
    for (int i = 0; i < p->m; i += near.m) {
        near.m = p->m - i < most ? p->m - i : most;
        near.column = near.m;
        near.c = p->c + i * p->c_row;
        if (p->row_bias != NULL) near.row_bias = p->row_bias + i;
        const float *from = p->a + p->offsets[0] + i;
        for (int k = 0; k < p->depth; k++) {
            memcpy(packed + (ptrdiff_t)k * near.m, from + k * p->column, (size_t)near.m * sizeof(float));
        }
        product_columns(&near);
    }
}

/* A sum of at most PANEL_ROWS terms. */
static void product_part(const struct product *p) {
    const bool far = p->row == 1 && p->column >= A_COLUMN_FAR && p->taps == 1 && p->depth > 0;
    if (far && p->n > TILE_N)
        product_packed_a(p);
    else
        product_columns(p);
}

/* The sum in parts of at most PANEL_ROWS rows of B: whole taps where they are short, else pieces of one. */
static void product_parts(const struct product *p) {
    struct product part = *p;
    const struct parts taps = parts_of(p->taps, p->depth < PANEL_ROWS ? PANEL_ROWS / p->depth : 1);
    const struct parts depths = parts_of(p->depth, PANEL_ROWS);
    for (int i = 0, t = 0; i < taps.count; i++, t += part.taps) {
        part.taps = part_size(taps, i);
        part.offsets = p->offsets + t;
        if (p->b_offsets != NULL) part.b_offsets = p->b_offsets + t;
        for (int d = 0, k = 0; d < depths.count; d++, k += part.depth) {
            part.depth = part_size(depths, d);
            part.a = p->a + k * p->column;
            part.b = p->b + (p->b_offsets != NULL ? 0 : t * p->b_tap) + k * p->b_row;
            product_part(&part);
            part.accumulate = true;
        }
    }
}

static void product_sum(const struct product *p) {
    if ((int64_t)p->taps * p->depth <= PANEL_ROWS)
        product_part(p);
    else
        product_parts(p);
}

/* Few columns would leave most of a vector empty. Where rows of A lie one behind the other (weight gradients), the
 * transposed product fills vectors with them: transposed C (n, m) = transposed B times transposed A, by way of the
 * stack. Every element stays the same chain. */
static bool wants_swap(const struct product *p) {
    if (p->row != 1 || p->n >= TILE_N || p->m < VECTOR || p->b_panel != 0) return false;
    if (p->taps > PANEL_ROWS || (int64_t)p->taps * p->depth < SWAP_LEAST) return false;
    const int filled = p->n * parts_count(p->m, VECTOR), swapped = p->m * parts_count(p->n, VECTOR);
    return 5 * swapped > 6 * filled;
}

/* `count` rows of C from row i on, which stand transposed in `stage`. Reads nothing past a row of C. */
static void swap_load(const struct product *p, int i, int count, float *stage) {
    const float *c = p->c + i * p->c_row;
    if (p->n >= TRANSPOSED) {
        transpose(count, p->n, c, p->c_row, stage, count);
        return;
    }
    for (int y = 0; y < count; y++) {
        for (int x = 0; x < p->n; x++) stage[x * count + y] = c[y * p->c_row + x];
    }
}

static void swap_store(const struct product *p, int i, int count, const float *stage) {
    transpose(p->n, count, stage, count, p->c + i * p->c_row, p->c_row);
}

static void product_swapped(const struct product *p) {
    float stage[SWAP_STAGE] __attribute__((aligned(64)));
    ptrdiff_t b_starts[PANEL_ROWS];
    for (int t = 0; t < p->taps; t++) b_starts[t] = b_start(p, t);
    struct product near = *p;
    near.m = p->n;
    near.a = p->b;
    near.offsets = b_starts;
    near.row = 1;
    near.column = p->b_row;
    near.b_offsets = p->offsets;
    near.b_row = p->column;
    near.c = stage;
    const struct parts parts = parts_of(p->m, SWAP_STAGE / p->n / VECTOR * VECTOR);
    for (int part = 0, i = 0; part < parts.count; part++, i += near.n) {
        near.n = part_size(parts, part);
        near.c_row = near.n;
        near.b = p->a + i;
        near.row_bias = p->bias;
        near.bias = p->row_bias != NULL ? p->row_bias + i : NULL;
        if (p->accumulate) swap_load(p, i, near.n, stage);
        product_sum(&near);
        swap_store(p, i, near.n, stage);
    }
}

/* Few rows and many columns: tiles of many vectors, which find B by offsets. */
static bool wants_flat(const struct product *p) {
    return p->m > 0 && p->m <= FLAT_ROWS && p->n > TILE_VECTORS * VECTOR && p->b_panel == 0 && p->taps <= PANEL_ROWS;
}

static void product_flat(const struct product *p) {
    ptrdiff_t b_starts[PANEL_ROWS];
    for (int t = 0; t < p->taps; t++) b_starts[t] = b_start(p, t);
    struct product near = *p;
    near.b_offsets = b_starts;
    product_sum(&near);
}

/* Products of few terms or columns have ways of their own (template_product_few.h). */
static void product(const struct product *p) {
    static const ptrdiff_t no_offset[1] = {0};
    struct product whole = *p;
    if (whole.offsets == NULL) whole.offsets = no_offset;
    if (wants_shallow(&whole))
        product_shallow(&whole);
    else if (wants_narrow(&whole))
        product_narrow(&whole);
    else if (wants_swap(&whole))
        product_swapped(&whole);
    else if (wants_flat(&whole))
        product_flat(&whole);
    else
        product_sum(&whole);
}
