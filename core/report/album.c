#include "core/report/album.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct album_page *album_add(struct album *album, struct error *error) {
    if (album->count == album->capacity) {
        int capacity = album->capacity ? 2 * album->capacity : 8;
        struct album_page *pages = realloc(album->pages, (size_t)capacity * sizeof *pages);
        if (!pages) {
            error_set(error, ERROR_RUN, NULL, "not enough memory for the pictures");
            return NULL;
        }
        album->pages = pages;
        album->capacity = capacity;
    }
    struct album_page *page = &album->pages[album->count++];
    *page = (struct album_page){.title = ""};
    return page;
}

void album_note(struct album_page *page, const char *format, ...) {
    size_t length = strlen(page->note);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(page->note + length, sizeof page->note - length, format, arguments);
    va_end(arguments);
}

int album_bind(const struct album *album, struct picture *picture, struct error *error) {
    struct picture_part *parts = calloc((size_t)album->count + 1, sizeof *parts);
    if (!parts) return error_set(error, ERROR_RUN, NULL, "not enough memory for the pictures");
    for (int i = 0; i < album->count; i++) {
        const struct album_page *page = &album->pages[i];
        parts[i] = (struct picture_part){page->title, page->note, page->picture.pixels ? &page->picture : NULL};
    }
    int status = picture_stack(parts, album->count, picture, error);
    free(parts);
    return status;
}

void album_free(struct album *album) {
    for (int i = 0; i < album->count; i++) picture_free(&album->pages[i].picture);
    free(album->pages);
    *album = (struct album){0};
}
