#include "core/interop/tensorboard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/text.h"

/* ---- checksums ---- */

static uint32_t crc32c(const unsigned char *bytes, size_t length) {
    enum { BITS = 8 };
    const uint32_t polynomial = 0x82F63B78; /* reflected */
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < BITS; bit++) crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
    }
    return crc ^ 0xFFFFFFFF;
}

uint32_t tensorboard_masked_crc(const void *bytes, size_t length) {
    uint32_t crc = crc32c(bytes, length);
    return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

/* ---- protobuf's encoding ---- */

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* Numbers of fields in TensorFlow's event.proto and summary.proto. */
enum {
    EVENT_WALL_TIME = 1,
    EVENT_STEP = 2,
    EVENT_FILE_VERSION = 3,
    EVENT_SUMMARY = 5,
    EVENT_SESSION_LOG = 7,
    SESSION_LOG_STATUS = 1,
    SUMMARY_VALUE = 1,
    VALUE_TAG = 1,
    VALUE_SIMPLE = 2,
};
enum { SESSION_START = 1 };

static void put_little_endian(struct text *text, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) text_add_bytes(text, &(char){(char)(value >> 8 * i & 0xFF)}, 1);
}

static void put_varint(struct text *text, uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_add_bytes(text, &(char){(char)(value | 0x80)}, 1);
    text_add_bytes(text, &(char){(char)value}, 1);
}

static void put_key(struct text *text, int field, enum wire wire) {
    put_varint(text, (uint64_t)field << 3 | wire);
}

static void put_number(struct text *text, int field, int64_t value) {
    put_key(text, field, WIRE_VARINT);
    put_varint(text, (uint64_t)value);
}

static void put_double(struct text *text, int field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(text, field, WIRE_64);
    put_little_endian(text, bits, 8);
}

static void put_float(struct text *text, int field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(text, field, WIRE_32);
    put_little_endian(text, bits, 4);
}

static void put_bytes(struct text *text, int field, const char *bytes, size_t length) {
    put_key(text, field, WIRE_BYTES);
    put_varint(text, length);
    text_add_bytes(text, bytes, length);
}

/* Takes the inner message. */
static void put_message(struct text *text, int field, struct text *inner) {
    text->failed |= inner->failed;
    put_bytes(text, field, inner->bytes ? inner->bytes : "", inner->length);
    text_free(inner);
}

/* ---- events ---- */

static double wall_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static struct text event_begin(int64_t step) {
    struct text event = {0};
    put_double(&event, EVENT_WALL_TIME, wall_time());
    if (step) put_number(&event, EVENT_STEP, step);
    return event;
}

static struct text version_event(void) {
    static const char version[] = "brain.Event:2";
    struct text event = event_begin(0);
    put_bytes(&event, EVENT_FILE_VERSION, version, sizeof version - 1);
    return event;
}

/* Readers forget what former files say of this step and later ones. */
static struct text start_event(int64_t step) {
    struct text event = event_begin(step), log = {0};
    put_number(&log, SESSION_LOG_STATUS, SESSION_START);
    put_message(&event, EVENT_SESSION_LOG, &log);
    return event;
}

static struct text scalar_event(int64_t step, const struct tensorboard_scalar *scalar) {
    struct text event = event_begin(step), summary = {0}, value = {0};
    put_bytes(&value, VALUE_TAG, scalar->tag, strlen(scalar->tag));
    put_float(&value, VALUE_SIMPLE, (float)scalar->value);
    put_message(&summary, SUMMARY_VALUE, &value);
    put_message(&event, EVENT_SUMMARY, &summary);
    return event;
}

/* A TFRecord: length, its checksum, the bytes, their checksum. Takes the event. */
static void add_record(struct text *records, struct text *event) {
    struct text length = {0};
    put_little_endian(&length, event->length, 8);
    records->failed |= event->failed || length.failed;
    if (!records->failed) {
        text_add_bytes(records, length.bytes, length.length);
        put_little_endian(records, tensorboard_masked_crc(length.bytes, length.length), 4);
        text_add_bytes(records, event->bytes, event->length);
        put_little_endian(records, tensorboard_masked_crc(event->bytes, event->length), 4);
    }
    text_free(&length);
    text_free(event);
}

/* ---- files ---- */

static int write_all(const struct tensorboard *file, const struct text *records) {
    for (size_t at = 0; at < records->length;) {
        ssize_t put = write(file->descriptor, records->bytes + at, records->length - at);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        at += (size_t)put;
    }
    return 0;
}

/* Takes the records. Half a record would be the end of the file for its readers. */
static int append(struct tensorboard *file, struct text *records, struct error *error) {
    struct stat status;
    int result = 0;
    if (records->failed) {
        result = error_set(error, ERROR_RUN, file->path, "not enough memory to write the events");
    } else if (fstat(file->descriptor, &status) != 0) {
        result = error_set_errno(error, file->path, "look at the file");
    } else if (write_all(file, records) != 0) {
        result = error_set_errno(error, file->path, "write the file");
        if (ftruncate(file->descriptor, status.st_size) != 0) error_set_errno(error, file->path, "cut the file");
    }
    text_free(records);
    return result;
}

/* The names that TensorFlow gives: readers take files in the order of their names. */
static char *name_file(const char *folder, int number, struct error *error) {
    char host[64] = "localhost";
    struct text name = {0};
    if (gethostname(host, sizeof host - 1) != 0 || strchr(host, '/')) strcpy(host, "localhost");
    text_print(&name, "events.out.tfevents.%010lld.%s.%ld.%d.v2", (long long)time(NULL), host, (long)getpid(), number);
    char *path = name.failed ? NULL : file_join(folder, name.bytes, error);
    if (name.failed) error_set(error, ERROR_RUN, folder, "not enough memory for the name of an event file");
    text_free(&name);
    return path;
}

static int create(struct tensorboard *file, const char *folder, struct error *error) {
    enum { NUMBERS = 1000 };
    for (int number = 0; number < NUMBERS; number++) {
        free(file->path);
        file->path = name_file(folder, number, error);
        if (!file->path) return -1;
        file->descriptor = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
        if (file->descriptor >= 0) return 0;
        if (errno != EEXIST) break;
    }
    return error_set_errno(error, file->path, "make the file");
}

int tensorboard_open(struct tensorboard *file, const char *folder, int64_t first_step, struct error *error) {
    struct text records = {0};
    *file = (struct tensorboard){.descriptor = -1};
    if (file_make_folder(folder, error) != 0) return -1;
    int status = create(file, folder, error);
    if (status == 0) {
        struct text version = version_event();
        add_record(&records, &version);
        if (first_step >= 0) {
            struct text start = start_event(first_step);
            add_record(&records, &start);
        }
        status = append(file, &records, error);
    }
    if (status != 0) tensorboard_close(file);
    return status;
}

int tensorboard_add(struct tensorboard *file, int64_t step, const struct tensorboard_scalar *scalars, size_t count,
                    struct error *error) {
    struct text records = {0};
    for (size_t i = 0; i < count; i++) {
        struct text event = scalar_event(step, &scalars[i]);
        add_record(&records, &event);
    }
    return append(file, &records, error);
}

void tensorboard_close(struct tensorboard *file) {
    if (file->path && file->descriptor >= 0) close(file->descriptor);
    free(file->path);
    *file = (struct tensorboard){.descriptor = -1};
}
