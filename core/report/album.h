/* Pictures in the making: pages with titles and notes, which become one picture. */
#ifndef CNNTRAIN_CORE_REPORT_ALBUM_H
#define CNNTRAIN_CORE_REPORT_ALBUM_H

#include "core/report/picture.h"

enum { ALBUM_TITLE_SIZE = 256, ALBUM_NOTE_SIZE = 768 };

struct album_page {
    char title[ALBUM_TITLE_SIZE], note[ALBUM_NOTE_SIZE]; /* "": none */
    struct picture picture;                              /* without pixels: none */
};

/* Starts as {0}; album_free it. */
struct album {
    struct album_page *pages;
    int count, capacity;
};

/* A new empty page at the end, good until the next is added; NULL and ERROR_RUN without memory. */
struct album_page *album_add(struct album *album, struct error *error);
/* Adds to a page's note, as printf; what does not fit is cut off. */
void album_note(struct album_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* All pages one below the other, see picture_stack. */
int album_bind(const struct album *album, struct picture *picture, struct error *error);
void album_free(struct album *album);

#endif
