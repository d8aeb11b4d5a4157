/* Copies of pixels some way apart, of rows of them. Part of template.h. */

/* `count` floats, at most two pieces (a constant): moves that may overlap, exactly. */
KERNEL_INLINE void copy_two(int count, const int piece, const float *from, float *to) {
    float first[16], last[16];
    memcpy(first, from, (size_t)piece * sizeof(float));
    memcpy(last, from + count - piece, (size_t)piece * sizeof(float));
    memcpy(to, first, (size_t)piece * sizeof(float));
    memcpy(to + count - piece, last, (size_t)piece * sizeof(float));
}

/* `count` floats, at least a vector. */
KERNEL_INLINE void copy_vectors(int count, const float *from, float *to) {
    const vector last = load(from + count - VECTOR);
    for (int c = 0; c < count - VECTOR; c += VECTOR) store(to + c, load(from + c));
    store(to + count - VECTOR, last);
}

/* One row of pixels of at least `piece` (a constant) channels and at most twice that; `most` of them: a constant too,
 * where there are no more. */
KERNEL_INLINE void copy_row(const struct pixels *p, const float *from, float *to, const int piece) {
    const ptrdiff_t from_pixel = p->from_pixel, to_pixel = p->to_pixel;
    for (int i = 0; i < p->pixels; i++, from += from_pixel, to += to_pixel) {
        if (piece == VECTOR)
            copy_vectors(p->channels, from, to);
        else
            copy_two(p->channels, piece, from, to);
    }
}

/* Three channels into neighbouring pixels: each but the last as four floats, the next one overwrites what is too much.
 */
KERNEL_INLINE void copy_threes(const struct pixels *p, const float *from, float *to) {
    const ptrdiff_t from_pixel = p->from_pixel;
    for (int i = 1; i < p->pixels; i++, from += from_pixel, to += 3) memcpy(to, from, 4 * sizeof(float));
    memcpy(to, from, 3 * sizeof(float));
}

/* Every other float. */
KERNEL_INLINE void copy_evens(int count, const float *from, float *to) {
    int i = 0;
    for (; i + VECTOR <= count; i += VECTOR) {
        const vector evens = SHUFFLE(load(from + 2 * i), load(from + 2 * i + VECTOR), EVENS);
        store(to + i, SHUFFLE(evens, evens, IN_PAIRS));
    }
    for (; i < count; i++) to[i] = from[2 * i];
}

static void copy_pixels(const struct pixels *p, const float *from, float *to) {
    const int channels = p->channels;
    for (int r = 0; r < p->rows; r++, from += p->from_row, to += p->to_row) {
        if (channels >= VECTOR)
            copy_row(p, from, to, VECTOR);
        else if (channels >= 8)
            copy_row(p, from, to, 8);
        else if (channels >= 4)
            copy_row(p, from, to, 4);
        else if (channels == 3 && p->to_pixel == 3)
            copy_threes(p, from, to);
        else if (channels >= 2)
            copy_row(p, from, to, 2);
        else if (p->from_pixel == 2 && p->to_pixel == 1)
            copy_evens(p->pixels, from, to);
        else
            copy_row(p, from, to, 1);
    }
}
