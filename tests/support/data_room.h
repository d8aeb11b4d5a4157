/* Loading small data sets that a test writes itself. */
#ifndef CNNTRAIN_TESTS_SUPPORT_DATA_ROOM_H
#define CNNTRAIN_TESTS_SUPPORT_DATA_ROOM_H

#include "core/dataset.h"
#include "data/room.h"
#include "tests/support/expect.h"

/* A temporary folder, and what was loaded last. */
struct room {
    char *folder;
    struct arena arena;
    struct component source;
    struct data_splits splits;
    struct error error;
};

/* cmocka's setup and teardown: *state is a struct room. */
int room_open(void **state);
int room_close(void **state);

/* Writes a file below the room's folder, folders on the way included. */
void room_write(const struct room *room, const char *name, const void *bytes, size_t length);
void room_write_text(const struct room *room, const char *name, const char *text);
/* The same with the bytes of a file of the project. */
void room_copy(const struct room *room, const char *name, const char *golden);
/* Pictures: pixels (height, width, channels), as BMP where the name ends so, or else as PNG. */
void room_write_picture(const struct room *room, const char *name, int height, int width, int channels,
                        const uint8_t *pixels);
/* A picture of one colour. */
void room_write_flat(const struct room *room, const char *name, int height, int width, int channels, uint8_t value);

/* Reads the component from JSON (its path relative to the room's folder) and loads it; what was loaded before is freed.
 * Returns the status; the error is in room->error. */
int room_load(struct room *room, const char *json);
/* Loads and expects no error. */
void room_load_good(struct room *room, const char *json);
/* Loads and expects this error: `name` is the file at fault below the room's folder ("" for the folder itself), or an
 * exact error path where it begins with "=". */
void room_load_bad(struct room *room, const char *json, enum error_code code, const char *name, const char *message);

#endif
