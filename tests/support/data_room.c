#include "tests/support/data_room.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/text.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb_image_write.h>

int room_open(void **state) {
    struct room *room = calloc(1, sizeof *room);
    char folder[] = "/tmp/cnntrain-data-XXXXXX";
    if (!room || !mkdtemp(folder)) return -1;
    room->folder = strdup(folder);
    *state = room;
    return room->folder ? 0 : -1;
}

/* Removes a folder with everything in it. */
static int remove_folder(const char *path) {
    DIR *listing = opendir(path);
    if (!listing) return -1;
    for (const struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *inner = expect_path(path, entry->d_name);
        if (unlink(inner) != 0) remove_folder(inner);
        free(inner);
    }
    closedir(listing);
    return rmdir(path);
}

static void room_empty(struct room *room) {
    data_splits_free(&room->splits);
    arena_free(&room->arena);
    room->error = (struct error){.code = ERROR_NONE};
}

int room_close(void **state) {
    struct room *room = *state;
    room_empty(room);
    int status = remove_folder(room->folder);
    free(room->folder);
    free(room);
    return status;
}

void room_write(const struct room *room, const char *name, const void *bytes, size_t length) {
    struct error error = {0};
    char *path = file_join(room->folder, name, &error);
    char *folder = file_folder_of(path, &error);
    assert_int_equal(file_make_folder(folder, &error), 0);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    free(folder);
    free(path);
}

void room_write_text(const struct room *room, const char *name, const char *text) {
    room_write(room, name, text, strlen(text));
}

static void collect(void *context, void *bytes, int length) {
    text_add_bytes(context, bytes, (size_t)length);
}

void room_copy(const struct room *room, const char *name, const char *golden) {
    struct error error = {0};
    char *bytes = NULL;
    size_t length = 0;
    file_read(golden, 1 << 20, &bytes, &length, &error);
    expect_no_error(&error);
    room_write(room, name, bytes, length);
    free(bytes);
}

void room_write_picture(const struct room *room, const char *name, int height, int width, int channels,
                        const uint8_t *pixels) {
    struct text bytes = {0};
    const char *ending = strrchr(name, '.');
    int good = ending && strcmp(ending, ".bmp") == 0
                   ? stbi_write_bmp_to_func(collect, &bytes, width, height, channels, pixels)
                   : stbi_write_png_to_func(collect, &bytes, width, height, channels, pixels, width * channels);
    assert_true(good && !bytes.failed);
    room_write(room, name, bytes.bytes, bytes.length);
    text_free(&bytes);
}

void room_write_flat(const struct room *room, const char *name, int height, int width, int channels, uint8_t value) {
    size_t count = (size_t)height * (size_t)width * (size_t)channels;
    uint8_t *pixels = malloc(count);
    assert_non_null(pixels);
    memset(pixels, value, count);
    room_write_picture(room, name, height, width, channels, pixels);
    free(pixels);
}

int room_load(struct room *room, const char *json) {
    static const struct component_registry *const items[] = {&source_registry, &normalization_registry,
                                                             &augmentation_registry, NULL};
    static const struct registries registries = {items};
    room_empty(room);
    const struct field_reader reader = {&registries, &room->arena, &room->error};
    struct place place = place_document("data");
    cJSON *value = json_parse(json, strlen(json), "data", &room->error);
    int status = value ? component_read(&reader, &source_registry, value, &place, &room->source) : -1;
    cJSON_Delete(value);
    if (status == 0) status = data_room.load(&room->source, room->folder, NULL, 7, NULL, &room->splits, &room->error);
    return status;
}

void room_load_good(struct room *room, const char *json) {
    int status = room_load(room, json);
    expect_no_error(&room->error);
    assert_int_equal(status, 0);
}

void room_load_bad(struct room *room, const char *json, enum error_code code, const char *name, const char *message) {
    assert_int_equal(room_load(room, json), -1);
    assert_null(room->splits.train.pixels);
    assert_null(room->splits.class_names);
    struct text expected = {0};
    if (*name == '=')
        text_add(&expected, name + 1);
    else
        text_print(&expected, *name ? "%s/%s" : "%s", room->folder, name);
    assert_string_equal(room->error.path, expected.bytes);
    assert_string_equal(room->error.message, message);
    assert_int_equal(room->error.code, code);
    text_free(&expected);
    error_clear(&room->error);
}
