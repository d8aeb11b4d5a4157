#include "cmd/bar.h"

#include <math.h>
#include <stdio.h>

enum { BAR_LEAST = 8, BAR_MOST = 30 };

/* What a line may hold beside its counter. */
enum part { LABEL = 1, CELLS = 2, LEFT = 4, RUN_LEFT = 8, LOSS = 16, ACCURACY = 32 };

/* From everything to next to nothing. */
static const unsigned choices[] = {
    LABEL | CELLS | LEFT | RUN_LEFT | LOSS | ACCURACY,
    LABEL | CELLS | LEFT | LOSS | ACCURACY,
    LABEL | CELLS | LEFT | LOSS,
    LABEL | CELLS | LEFT,
    LABEL | LEFT,
    LEFT,
    0,
};

const char *duration_text(double seconds, char buffer[DURATION_SIZE]) {
    if (isnan(seconds)) return "?";
    long long whole = seconds > 0 ? seconds < 3.6e8 ? (long long)(seconds + 0.5) : 359999999 : 0;
    int minutes = (int)(whole / 60 % 60), rest = (int)(whole % 60);
    if (whole < 60)
        snprintf(buffer, DURATION_SIZE, "%ds", rest);
    else if (whole < 3600)
        snprintf(buffer, DURATION_SIZE, "%d:%02d", minutes, rest);
    else
        snprintf(buffer, DURATION_SIZE, "%lld:%02d:%02d", whole / 3600, minutes, rest);
    return buffer;
}

static void add_cells(const struct bar *bar, int cells, struct text *line) {
    int filled = (int)((double)cells * (double)bar->done / (double)bar->total);
    text_add(line, " [");
    text_repeat(line, "=", filled);
    if (filled < cells) text_add(line, ">");
    text_repeat(line, ".", cells - filled - 1);
    text_add(line, "]");
}

/* `cells` is the width of the bar; 0: none. */
static void add_parts(const struct bar *bar, unsigned parts, int cells, struct text *line) {
    char left[DURATION_SIZE], run_left[DURATION_SIZE];
    if (bar->label && parts & LABEL) text_print(line, "%s ", bar->label);
    text_print(line, "%lld", (long long)bar->done);
    if (bar->total) text_print(line, "/%lld", (long long)bar->total);
    if (bar->total && cells > 0) add_cells(bar, cells, line);
    if (!isnan(bar->left) && parts & LEFT) text_print(line, " - ETA: %s", duration_text(bar->left, left));
    if (!isnan(bar->run_left) && parts & RUN_LEFT)
        text_print(line, " (all: %s)", duration_text(bar->run_left, run_left));
    if (!isnan(bar->loss) && parts & LOSS) text_print(line, " - loss: %.4f", bar->loss);
    if (!isnan(bar->accuracy) && parts & ACCURACY) text_print(line, " - accuracy: %.4f", bar->accuracy);
}

static int columns_of(const struct bar *bar, unsigned parts) {
    struct text trial = {0};
    add_parts(bar, parts, 0, &trial);
    const int columns = trial.bytes ? text_columns(trial.bytes) : 0;
    text_free(&trial);
    return columns;
}

void bar_write(const struct bar *bar, int columns, struct text *line) {
    enum { FRAME = 3 }; /* a space and two brackets */
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const unsigned parts = choices[i];
        int room = columns - columns_of(bar, parts), cells = room - FRAME;
        if (cells > BAR_MOST) cells = BAR_MOST;
        if (room < 0 || (parts & CELLS && cells < BAR_LEAST)) continue;
        add_parts(bar, parts, parts & CELLS ? cells : 0, line);
        return;
    }
    add_parts(bar, 0, 0, line);
}
