/* Pixels as PNG: in memory, for what embeds them, and as a file. */
#ifndef CNNTRAIN_CORE_REPORT_PNG_H
#define CNNTRAIN_CORE_REPORT_PNG_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* Pixels (height, width, channels) of 1 (gray) or 3 (RGB) bytes each, top row first, to the bytes of a PNG file; *bytes
 * is free()d by the caller. The same pixels give the same bytes. ERROR_RUN where there is not enough memory or a side
 * is longer than PNG allows here (a million pixels). */
int png_encode(const uint8_t *pixels, int height, int width, int channels, char **bytes, size_t *length,
               struct error *error);

/* The same into the file, by file_replace; also ERROR_IO. */
int png_write(const char *path, const uint8_t *pixels, int height, int width, int channels, struct error *error);

#endif
