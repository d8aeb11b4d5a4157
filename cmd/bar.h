/* One line that says how far something is: "123/1031 [===>......] - ETA: 10s - loss: 0.5311 - accuracy: 0.8390". */
#ifndef CNNTRAIN_CMD_BAR_H
#define CNNTRAIN_CMD_BAR_H

#include <stdint.h>

#include "core/text.h"

struct bar {
    const char *label;     /* stands in front; NULL: nothing */
    int64_t done, total;   /* total 0: not known */
    double left, run_left; /* seconds to the end of this, and of all that it is part of; NAN: not known */
    double loss, accuracy; /* NAN: none */
};

/* Adds the line, without a newline, in at most so many columns: what matters least is left out where they are few. */
void bar_write(const struct bar *bar, int columns, struct text *line);

/* "12s", "2:05", "1:02:05"; "?" for NAN. */
enum { DURATION_SIZE = 32 };
const char *duration_text(double seconds, char buffer[DURATION_SIZE]);

#endif
