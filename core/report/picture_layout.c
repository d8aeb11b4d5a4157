/* Grids of pictures with labels, and pictures one below the other. */
#include <stdio.h>
#include <string.h>

#include "core/report/picture.h"

enum {
    TARGET_SIDE = 64,
    GAP = 4,
    LABEL_GAP = 5,
    LABEL_WIDTH = 200,
    TEXT_SIZE = 2,
    TITLE_SIZE = 3,
    PART_GAP = 24,
    NOTE_WIDTH = 760
};

/* Where everything of a grid lies. */
struct layout {
    int columns, rows;
    int enlarge, text_size, label_width;
    int gap_x, gap_y;
    int picture_width, picture_height; /* of the largest, enlarged */
    int cell_width, cell_height;
    int left; /* pixels that the row labels take */
};

int picture_enlargement(int side, int target) {
    return side > 0 && side < target ? target / side : 1;
}

static int larger(int a, int b) {
    return a > b ? a : b;
}

static int line_count(const char *label) {
    int lines = label && *label ? 1 : 0;
    for (; lines && *label; label++) lines += *label == '\n';
    return lines;
}

/* Copies the line at *label, shortened to the width, into `line` and moves behind it; false at the end. */
static bool next_line(const char **label, int size, int width, char line[PICTURE_LABEL_SIZE]) {
    char whole[4 * PICTURE_LABEL_SIZE];
    if (!*label || !**label) return false;
    int length = (int)strcspn(*label, "\n");
    snprintf(whole, sizeof whole, "%.*s", length, *label);
    picture_text_fit(whole, size, width, line, PICTURE_LABEL_SIZE);
    *label += length + ((*label)[length] == '\n');
    return true;
}

static int label_width(const char *label, int size, int most) {
    char line[PICTURE_LABEL_SIZE];
    int widest = 0;
    while (next_line(&label, size, most, line)) widest = larger(widest, picture_text_width(line, size));
    return widest;
}

static void draw_label(struct picture *picture, int x, int y, const char *label, int size, int most) {
    char line[PICTURE_LABEL_SIZE];
    for (; next_line(&label, size, most, line); y += picture_text_height(size) + size)
        picture_text(picture, x, y, line, size, PICTURE_INK);
}

static int label_height(int lines, int size) {
    return lines ? lines * (picture_text_height(size) + size) : 0;
}

/* About three cells wide for two high. */
static int default_columns(const struct layout *layout, int count) {
    int columns = 1;
    while (columns < count &&
           2LL * columns * layout->cell_width < 3LL * ((count + columns - 1) / columns) * layout->cell_height)
        columns++;
    return columns;
}

static void measure_cells(const struct picture_grid *grid, struct layout *layout) {
    int lines = 0, widest = 0, height = 0, width = 0;
    for (int i = 0; i < grid->count; i++) {
        const struct picture *picture = grid->cells[i].picture;
        if (!picture) continue;
        height = larger(height, picture->height);
        width = larger(width, picture->width);
    }
    layout->enlarge = grid->enlarge ? grid->enlarge : picture_enlargement(larger(height, width), TARGET_SIDE);
    layout->picture_height = height * layout->enlarge;
    layout->picture_width = width * layout->enlarge;
    layout->label_width = larger(layout->label_width, layout->picture_width);
    for (int i = 0; i < grid->count; i++) {
        lines = larger(lines, line_count(grid->cells[i].label));
        widest = larger(widest, label_width(grid->cells[i].label, layout->text_size, layout->label_width));
    }
    layout->gap_x = grid->gap ? grid->gap : lines ? 3 * GAP : GAP;
    layout->gap_y = grid->gap ? grid->gap : lines ? 2 * GAP : GAP;
    layout->cell_width = larger(layout->picture_width, widest);
    layout->cell_height = layout->picture_height + (lines ? LABEL_GAP : 0) + label_height(lines, layout->text_size);
}

static void measure_row_labels(const struct picture_grid *grid, struct layout *layout) {
    if (!grid->row_labels) return;
    int widest = 0, lines = 0;
    for (int i = 0; i < layout->rows; i++) {
        widest = larger(widest, label_width(grid->row_labels[i], layout->text_size, layout->label_width));
        lines = larger(lines, line_count(grid->row_labels[i]));
    }
    layout->left = widest ? widest + 2 * GAP : 0;
    layout->cell_height = larger(layout->cell_height, label_height(lines, layout->text_size));
}

static struct layout measure(const struct picture_grid *grid) {
    struct layout layout = {.text_size = grid->text_size ? grid->text_size : TEXT_SIZE,
                            .label_width = grid->label_width ? grid->label_width : LABEL_WIDTH};
    measure_cells(grid, &layout);
    layout.columns = grid->columns ? grid->columns : default_columns(&layout, grid->count);
    layout.rows = (grid->count + layout.columns - 1) / layout.columns;
    measure_row_labels(grid, &layout);
    return layout;
}

/* Sizes beyond int become one that picture_open refuses. */
static int total(int left, int count, int size, int gap) {
    long long pixels = left + (long long)count * size + (long long)(count - 1) * gap;
    return pixels > 1 << 30 ? 1 << 30 : (int)pixels;
}

/* The frame lies in the gap around the picture. */
static void draw_cell(struct picture *picture, int x, int y, const struct picture *from, int enlarge, bool framed) {
    static const struct picture_color line = {196, 202, 210};
    if (framed) picture_fill(picture, x - 1, y - 1, from->width * enlarge + 2, from->height * enlarge + 2, line);
    picture_put(picture, x, y, from, enlarge);
}

static void draw_grid(const struct picture_grid *grid, const struct layout *layout, struct picture *picture) {
    for (int i = 0; i < grid->count; i++) {
        const struct picture_cell *cell = &grid->cells[i];
        int x = layout->left + i % layout->columns * (layout->cell_width + layout->gap_x);
        int y = i / layout->columns * (layout->cell_height + layout->gap_y);
        if (cell->picture) draw_cell(picture, x, y, cell->picture, layout->enlarge, grid->framed);
        draw_label(picture, x, y + layout->picture_height + LABEL_GAP, cell->label, layout->text_size,
                   layout->label_width);
    }
    for (int row = 0; grid->row_labels && row < layout->rows; row++) {
        int height = label_height(line_count(grid->row_labels[row]), layout->text_size);
        int y = row * (layout->cell_height + layout->gap_y) + larger(0, (layout->picture_height - height) / 2);
        draw_label(picture, 0, y, grid->row_labels[row], layout->text_size, layout->label_width);
    }
}

int picture_from_grid(const struct picture_grid *grid, struct picture *picture, struct error *error) {
    if (grid->count < 1) return picture_open(picture, 1, 1, PICTURE_WHITE, error);
    struct layout layout = measure(grid);
    int columns = layout.columns < grid->count ? layout.columns : grid->count;
    int width = larger(1, total(layout.left, columns, layout.cell_width, layout.gap_x));
    int height = larger(1, total(0, layout.rows, layout.cell_height, layout.gap_y));
    if (picture_open(picture, height, width, PICTURE_WHITE, error) != 0) return -1;
    draw_grid(grid, &layout, picture);
    return 0;
}

/* ---- stacks ---- */

static int title_height(const char *title) {
    return title && *title ? picture_text_height(TITLE_SIZE) + 2 * TITLE_SIZE : 0;
}

static int title_width(const char *title) {
    return title ? picture_text_width(title, TITLE_SIZE) : 0;
}

/* As many words of *note as fit into the width (one at least) into `line`; moves behind them. False at the end. */
static bool next_note_line(const char **note, int width, char line[PICTURE_NOTE_LINE]) {
    size_t length = 0;
    if (!*note || !**note) return false;
    for (const char *at = *note; *at && *at != '\n';) {
        size_t word = strspn(at, " ");
        word += strcspn(at + word, " \n");
        size_t longer = (size_t)(at - *note) + word;
        if (longer >= PICTURE_NOTE_LINE) break;
        snprintf(line, PICTURE_NOTE_LINE, "%.*s", (int)longer, *note);
        if (length > 0 && picture_text_width(line, TEXT_SIZE) > width) break;
        length = longer;
        at += word;
    }
    if (length == 0) length = strcspn(*note, "\n") < PICTURE_NOTE_LINE ? 0 : PICTURE_NOTE_LINE - 1;
    snprintf(line, PICTURE_NOTE_LINE, "%.*s", (int)length, *note);
    *note += length;
    *note += strspn(*note, " ");
    *note += **note == '\n';
    return true;
}

static int note_height(const char *note, int width) {
    char line[PICTURE_NOTE_LINE];
    int height = 0;
    while (next_note_line(&note, width, line)) height += picture_text_height(TEXT_SIZE) + TEXT_SIZE;
    return height ? height + 2 * TEXT_SIZE : 0;
}

static int part_height(const struct picture_part *part, int width) {
    return title_height(part->title) + note_height(part->note, width) + (part->picture ? part->picture->height : 0);
}

static void draw_part(struct picture *picture, int y, const struct picture_part *part, int width) {
    char line[PICTURE_NOTE_LINE];
    int below = y + title_height(part->title) + note_height(part->note, width);
    if (part->title) picture_text(picture, PICTURE_MARGIN, y, part->title, TITLE_SIZE, PICTURE_INK);
    y += title_height(part->title);
    for (const char *note = part->note; next_note_line(&note, width, line);
         y += picture_text_height(TEXT_SIZE) + TEXT_SIZE)
        picture_text(picture, PICTURE_MARGIN, y, line, TEXT_SIZE, PICTURE_FAINT);
    if (part->picture) picture_put(picture, PICTURE_MARGIN, below, part->picture, 1);
}

/* Of pictures and titles; that of the notes where it is less than a line's. */
static int stack_width(const struct picture_part *parts, int count) {
    int width = 0, notes = 0;
    for (int i = 0; i < count; i++) {
        width = larger(width, title_width(parts[i].title));
        width = larger(width, parts[i].picture ? parts[i].picture->width : 0);
        char line[PICTURE_NOTE_LINE];
        for (const char *note = parts[i].note; next_note_line(&note, NOTE_WIDTH, line);)
            notes = larger(notes, picture_text_width(line, TEXT_SIZE));
    }
    return larger(width, notes);
}

int picture_stack(const struct picture_part *parts, int count, struct picture *picture, struct error *error) {
    int width = stack_width(parts, count);
    long long height = 2LL * PICTURE_MARGIN + (long long)PART_GAP * larger(0, count - 1);
    for (int i = 0; i < count; i++) height += part_height(&parts[i], width);
    if (picture_open(picture, height > 1 << 30 ? 1 << 30 : (int)height, width + 2 * PICTURE_MARGIN, PICTURE_WHITE,
                     error) != 0)
        return -1;
    int y = PICTURE_MARGIN;
    for (int i = 0; i < count; i++) {
        draw_part(picture, y, &parts[i], width);
        y += part_height(&parts[i], width) + PART_GAP;
    }
    return 0;
}
