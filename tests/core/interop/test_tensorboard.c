/* Event files as a strict reader takes them: every length and checksum, every field. */
#include "core/interop/tensorboard.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/file.h"
#include "tests/support/expect.h"
#include "tests/support/tree.h"

/* ---- a reader ---- */

struct reader {
    const unsigned char *at, *end;
};

/* What an event may hold here; a field that is not known fails the test. */
struct event {
    double wall_time, value;
    long long step, status;
    char version[32], tag[32];
};

static uint64_t little_endian(struct reader *reader, int bytes) {
    uint64_t value = 0;
    assert_true(reader->end - reader->at >= bytes);
    for (int i = 0; i < bytes; i++) value |= (uint64_t)*reader->at++ << 8 * i;
    return value;
}

static uint64_t varint(struct reader *reader) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint64_t byte = little_endian(reader, 1);
        value |= (byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
}

static struct reader inner(struct reader *reader) {
    uint64_t length = varint(reader);
    assert_true((uint64_t)(reader->end - reader->at) >= length);
    struct reader part = {reader->at, reader->at + length};
    reader->at += length;
    return part;
}

static void string(struct reader *reader, char buffer[32]) {
    struct reader part = inner(reader);
    assert_true(part.end - part.at < 32);
    memcpy(buffer, part.at, (size_t)(part.end - part.at));
}

static void read_value(struct reader reader, struct event *event) {
    while (reader.at < reader.end) {
        uint64_t key = varint(&reader);
        if (key == (1 << 3 | 2)) {
            string(&reader, event->tag);
        } else {
            assert_int_equal(key, 2 << 3 | 5);
            uint32_t bits = (uint32_t)little_endian(&reader, 4);
            float value;
            memcpy(&value, &bits, sizeof value);
            event->value = value;
        }
    }
}

static struct event read_event(struct reader reader) {
    struct event event = {.status = -1};
    while (reader.at < reader.end) {
        uint64_t key = varint(&reader), bits = 0;
        switch (key) {
        case 1 << 3 | 1:
            bits = little_endian(&reader, 8);
            memcpy(&event.wall_time, &bits, sizeof bits);
            break;
        case 2 << 3 | 0:
            event.step = (long long)varint(&reader);
            break;
        case 3 << 3 | 2:
            string(&reader, event.version);
            break;
        case 5 << 3 | 2: {
            struct reader summary = inner(&reader);
            assert_int_equal(varint(&summary), 1 << 3 | 2);
            read_value(inner(&summary), &event);
            assert_ptr_equal(summary.at, summary.end);
            break;
        }
        case 7 << 3 | 2: {
            struct reader log = inner(&reader);
            assert_int_equal(varint(&log), 1 << 3 | 0);
            event.status = (long long)varint(&log);
            break;
        }
        default:
            fail_msg("field %d", (int)(key >> 3));
        }
    }
    assert_true(event.wall_time > 1e9);
    return event;
}

static int read_events(const char *path, struct event *events, int most) {
    struct error error = {0};
    char *bytes = NULL;
    size_t length = 0;
    int count = 0;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, &error), 0);
    struct reader reader = {(unsigned char *)bytes, (unsigned char *)bytes + length};
    while (reader.at < reader.end) {
        const unsigned char *head = reader.at;
        uint64_t size = little_endian(&reader, 8);
        assert_int_equal(little_endian(&reader, 4), tensorboard_masked_crc(head, 8));
        assert_true((uint64_t)(reader.end - reader.at) >= size + 4);
        struct reader body = {reader.at, reader.at + size};
        reader.at += size;
        assert_int_equal(little_endian(&reader, 4), tensorboard_masked_crc(body.at, size));
        assert_true(count < most);
        events[count++] = read_event(body);
    }
    free(bytes);
    return count;
}

/* ---- tests ---- */

/* RFC 3720, B.4, and the mask of TensorFlow's record format. */
static void checksums(void **state) {
    (void)state;
    unsigned char zeros[32] = {0};
    uint32_t crc = 0xE3069283, zero = 0x8A9136AA;
    assert_int_equal(tensorboard_masked_crc("123456789", 9), (uint32_t)((crc >> 15 | crc << 17) + 0xA282EAD8u));
    assert_int_equal(tensorboard_masked_crc(zeros, 32), (uint32_t)((zero >> 15 | zero << 17) + 0xA282EAD8u));
}

static void scalars(void **state) {
    (void)state;
    struct error error = {0};
    struct tensorboard file;
    struct event events[8];
    char *folder = expect_folder(), *inside = expect_path(folder, "tensorboard/train");
    assert_int_equal(tensorboard_open(&file, inside, -1, &error), 0);
    const struct tensorboard_scalar both[] = {{"epoch_loss", 2.5}, {"epoch_accuracy", 0.125}};
    assert_int_equal(tensorboard_add(&file, 0, both, 2, &error), 0);
    assert_int_equal(tensorboard_add(&file, 300, both, 1, &error), 0);
    assert_int_equal(read_events(file.path, events, 8), 4);
    assert_string_equal(events[0].version, "brain.Event:2");
    assert_string_equal(events[1].tag, "epoch_loss");
    assert_true(events[1].value == 2.5 && events[1].step == 0);
    assert_string_equal(events[2].tag, "epoch_accuracy");
    assert_true(events[2].value == 0.125);
    assert_int_equal(events[3].step, 300);
    struct tensorboard second;
    assert_int_equal(tensorboard_open(&second, inside, 7, &error), 0);
    assert_string_not_equal(second.path, file.path);
    assert_int_equal(read_events(second.path, events, 8), 2);
    assert_int_equal(events[1].status, 1);
    assert_int_equal(events[1].step, 7);
    expect_no_error(&error);
    tensorboard_close(&file);
    tensorboard_close(&second);
    assert_int_equal(expect_entries(inside), 2);
    free(inside);
    tree_gone(folder);
}

/* A write that ends in the middle leaves the file as it was. */
static void no_half_records(void **state) {
    (void)state;
    struct error error = {0};
    struct tensorboard file;
    struct event events[8];
    struct stat before;
    char *folder = expect_folder();
    const struct tensorboard_scalar scalar = {"epoch_loss", 1};
    assert_int_equal(tensorboard_open(&file, folder, -1, &error), 0);
    assert_int_equal(stat(file.path, &before), 0);
    struct rlimit former, limit;
    getrlimit(RLIMIT_FSIZE, &former);
    limit = (struct rlimit){(rlim_t)before.st_size + 10, former.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(tensorboard_add(&file, 1, &scalar, 1, &error), -1);
    setrlimit(RLIMIT_FSIZE, &former);
    assert_int_equal(error.code, ERROR_IO);
    assert_string_equal(error.path, file.path);
    error_clear(&error);
    assert_int_equal(tensorboard_add(&file, 2, &scalar, 1, &error), 0);
    assert_int_equal(read_events(file.path, events, 8), 2);
    assert_int_equal(events[1].step, 2);
    tensorboard_close(&file);
    char *taken = expect_path(folder, "taken"), *below = expect_path(folder, "taken/train");
    tree_write(folder, "taken", "a file");
    assert_int_equal(tensorboard_open(&file, below, -1, &error), -1);
    assert_int_equal(error.code, ERROR_IO);
    tensorboard_close(&file);
    free(taken);
    free(below);
    expect_folder_gone(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums),
        cmocka_unit_test(scalars),
        cmocka_unit_test(no_half_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
