#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checksum.h"
#include "core/interop/safetensors.h"
#include "core/interop/safetensors_checksum.h"
#include "core/json.h"
#include "core/text.h"

static bool is_own_entry(const char *key) {
    return strcmp(key, "checksum") == 0 || strcmp(key, "writer") == 0;
}

static void write_metadata(const struct safetensors_pair *metadata, size_t count, struct text *header) {
    text_add(header, SAFETENSORS_CHECKSUM_PREFIX);
    text_repeat(header, "0", CHECKSUM_DIGITS);
    text_add(header, "\",\"writer\":\"" SAFETENSORS_WRITER "\"");
    for (size_t i = 0; i < count; i++) {
        if (is_own_entry(metadata[i].key)) continue;
        text_add(header, ",");
        json_write_string(metadata[i].key, header);
        text_add(header, ":");
        json_write_string(metadata[i].value, header);
    }
    text_add(header, "}");
}

static void write_entry(const struct safetensors_source *tensor, size_t begin, size_t end, struct text *header) {
    text_add(header, ",");
    json_write_string(tensor->name, header);
    text_add(header, ":{\"dtype\":\"F32\",\"shape\":[");
    for (int i = 0; i < tensor->shape.rank; i++) text_print(header, i ? ",%d" : "%d", tensor->shape.size[i]);
    text_print(header, "],\"data_offsets\":[%zu,%zu]}", begin, end);
}

/* The data starts at a multiple of 8 bytes, so that a mapped file's tensors are aligned. */
static void write_padding(struct text *header) {
    text_add(header, "}");
    text_repeat(header, " ", (int)((8 - header->length % 8) % 8));
}

static int write_header(const char *path, const struct safetensors_source *tensors, size_t count, struct text *header,
                        struct file_piece *data, struct error *error) {
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t elements = 0, bytes = 0, end = 0;
        if (!shape_elements(&tensors[i].shape, &elements) || !size_multiply(elements, sizeof(float), &bytes) ||
            !size_add(at, bytes, &end))
            return error_set(error, ERROR_RUN, path, "\"%s\" is too large for a file", tensors[i].name);
        write_entry(&tensors[i], at, end, header);
        data[i] = (struct file_piece){tensors[i].data, bytes};
        at = end;
    }
    write_padding(header);
    if (header->failed) return error_set(error, ERROR_RUN, path, "not enough memory for the file's header");
    if (header->length > SAFETENSORS_HEADER_MAX)
        return error_set(error, ERROR_RUN, path, "the file's header would have %zu bytes, at most %d are allowed",
                         header->length, SAFETENSORS_HEADER_MAX);
    return 0;
}

enum { PIECE_LENGTH, PIECE_BEFORE, PIECE_DIGITS, PIECE_AFTER, PIECES_FIRST };

static int write_pieces(const char *path, const struct text *header, struct file_piece *pieces, size_t count,
                        struct error *error) {
    char length[8], digits[CHECKSUM_DIGITS + 1];
    for (int i = 0; i < 8; i++) length[i] = (char)((uint64_t)header->length >> (8 * i) & 255);
    size_t before = strlen(SAFETENSORS_CHECKSUM_PREFIX), after = before + CHECKSUM_DIGITS;
    pieces[PIECE_LENGTH] = (struct file_piece){length, sizeof length};
    pieces[PIECE_BEFORE] = (struct file_piece){header->bytes, before};
    pieces[PIECE_DIGITS] = (struct file_piece){digits, 0}; /* no part of what it sums up */
    pieces[PIECE_AFTER] = (struct file_piece){header->bytes + after, header->length - after};
    if (checksum_pieces(pieces, count, digits, error) != 0) return -1;
    pieces[PIECE_DIGITS].length = CHECKSUM_DIGITS;
    return file_replace(path, pieces, count, error);
}

static int check_names(const char *path, const struct safetensors_source *tensors, size_t count,
                       const struct safetensors_pair *metadata, size_t metadata_count, struct error *error) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tensors[i].name, "__metadata__") == 0)
            return error_set(error, ERROR_RUN, path, "no tensor may be called \"__metadata__\"");
        for (size_t j = 0; j < i; j++)
            if (strcmp(tensors[i].name, tensors[j].name) == 0)
                return error_set(error, ERROR_RUN, path, "two tensors are called \"%s\"", tensors[i].name);
    }
    for (size_t i = 0; i < metadata_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(metadata[i].key, metadata[j].key) == 0)
                return error_set(error, ERROR_RUN, path, "two metadata entries are called \"%s\"", metadata[i].key);
    return 0;
}

/* What is not UTF-8 would be written as something else. */
static int check_encoding(const char *path, const struct safetensors_source *tensors, size_t count,
                          const struct safetensors_pair *metadata, size_t metadata_count, struct error *error) {
    bool good = true;
    for (size_t i = 0; i < count; i++) good = good && text_is_utf8(tensors[i].name);
    for (size_t i = 0; i < metadata_count; i++)
        good = good && text_is_utf8(metadata[i].key) && text_is_utf8(metadata[i].value);
    if (good) return 0;
    return error_set(error, ERROR_RUN, path, "a tensor's name or the metadata is not UTF-8 text");
}

int safetensors_write(const char *path, const struct safetensors_source *tensors, size_t count,
                      const struct safetensors_pair *metadata, size_t metadata_count, struct error *error) {
    if (check_names(path, tensors, count, metadata, metadata_count, error) != 0 ||
        check_encoding(path, tensors, count, metadata, metadata_count, error) != 0)
        return -1;
    struct file_piece *pieces = calloc(count + PIECES_FIRST, sizeof *pieces);
    if (!pieces) return error_set(error, ERROR_RUN, path, "not enough memory for the file's header");
    struct text header = {0};
    write_metadata(metadata, metadata_count, &header);
    int status = write_header(path, tensors, count, &header, pieces + PIECES_FIRST, error);
    if (status == 0) status = write_pieces(path, &header, pieces, count + PIECES_FIRST, error);
    text_free(&header);
    free(pieces);
    return status;
}
