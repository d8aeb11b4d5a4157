#include "core/interop/zip_file.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { FIRST_DAY = 1 << 5 | 1 }; /* 1 January 1980, where the clock of zip archives begins */

bool zip_is_file(const char *bytes, size_t length) {
    return length >= 4 && memcmp(bytes, "PK\003\004", 4) == 0;
}

static int no_memory(const char *path, struct error *error) {
    return error_set(error, ERROR_RUN, path, "not enough memory for the archive");
}

static int damaged(const char *path, const char *name, const char *message, struct error *error) {
    return error_set(error, ERROR_DATA, path, "%s in it cannot be read (%s); save or copy the file again", name,
                     message);
}

static const char *reason_of(int code) {
    if (code == ZIP_ER_COMPNOTSUPP) return "it is compressed in a way that is not known here";
    /* untaken: libzip asks for a password before it looks at how it is encrypted, and gets none */
    if (code == ZIP_ER_ENCRNOTSUPP || code == ZIP_ER_NOPASSWD) return "it is encrypted";
    return "it cannot be decompressed, or its checksum is wrong";
}

/* What libzip says of a member, or of the whole where `name` is NULL. */
static int blame(const char *path, const char *name, zip_error_t *problem, struct error *error) {
    if (zip_error_code_zip(problem) == ZIP_ER_MEMORY) return no_memory(path, error);
    if (name) return damaged(path, name, reason_of(zip_error_code_zip(problem)), error);
    return error_set(error, ERROR_DATA, path, "is no whole zip archive; save or copy it again");
}

/* ---- reading ---- */

static int read_bytes(const char *path, zip_t *archive, zip_uint64_t index, struct zip_member *member,
                      struct error *error) {
    zip_file_t *file = zip_fopen_index(archive, index, 0);
    if (!file) return blame(path, member->name, zip_get_error(archive), error);
    char *bytes = malloc(member->length + 1);
    int status = bytes ? 0 : no_memory(path, error);
    if (status == 0 && zip_fread(file, bytes, member->length) != (zip_int64_t)member->length)
        status = blame(path, member->name, zip_file_get_error(file), error);
    /* The checksum is looked at where the member ends. */
    char beyond;
    if (status == 0 && zip_fread(file, &beyond, 1) != 0)
        status = damaged(path, member->name, "it is longer than it says, or its checksum is wrong", error);
    if (bytes) bytes[member->length] = '\0';
    member->bytes = bytes;
    zip_fclose(file);
    return status;
}

static int read_member(const char *path, zip_t *archive, struct zip_member *member, struct error *error) {
    zip_stat_t facts;
    const zip_int64_t index = zip_name_locate(archive, member->name, 0);
    if (index < 0) return 0;
    /* untaken: of a member that was just found libzip knows the size */
    if (zip_stat_index(archive, (zip_uint64_t)index, 0, &facts) != 0 || !(facts.valid & ZIP_STAT_SIZE))
        return damaged(path, member->name, "its size is missing", error);
    if (facts.size > member->most)
        return error_set(error, ERROR_DATA, path, "%s in it has %llu bytes, at most %zu are read", member->name,
                         (unsigned long long)facts.size, member->most);
    member->length = (size_t)facts.size;
    return read_bytes(path, archive, (zip_uint64_t)index, member, error);
}

/* `bytes` may be NULL for an empty archive; the source is the caller's, the archive holds it too. */
static zip_t *open_source(zip_source_t *source, int flags, zip_error_t *problem) {
    zip_source_keep(source);
    zip_t *archive = zip_open_from_source(source, flags, problem);
    if (!archive) zip_source_free(source);
    return archive;
}

static int read_archive(const char *path, zip_source_t *source, struct zip_member *members, size_t count,
                        struct error *error) {
    zip_error_t problem;
    zip_error_init(&problem);
    /* Without memory for a moment libzip says that there is no archive: the second time tells. */
    zip_t *zip = open_source(source, ZIP_RDONLY, NULL);
    if (!zip) zip = open_source(source, ZIP_RDONLY, &problem);
    int status = zip ? 0 : blame(path, NULL, &problem, error);
    for (size_t i = 0; i < count && status == 0; i++) status = read_member(path, zip, &members[i], error);
    if (zip) zip_discard(zip);
    zip_error_fini(&problem);
    return status;
}

int zip_read(const char *path, const char *archive, size_t archive_length, struct zip_member *members, size_t count,
             struct error *error) {
    zip_source_t *source = zip_source_buffer_create(archive, archive_length, 0, NULL);
    if (!source) return no_memory(path, error);
    int status = read_archive(path, source, members, count, error);
    zip_source_free(source);
    return status;
}

/* ---- writing ---- */

static bool add_member(zip_t *archive, const struct zip_member *member) {
    zip_source_t *source = zip_source_buffer(archive, member->bytes, member->length, 0);
    const zip_int64_t index = source ? zip_file_add(archive, member->name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (source && index < 0) zip_source_free(source);
    /* untaken: what was just added can be changed */
    return index >= 0 && zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(archive, (zip_uint64_t)index, 0, FIRST_DAY, 0) == 0;
}

static bool fill(zip_source_t *source, const struct zip_member *members, size_t count) {
    zip_t *archive = open_source(source, ZIP_TRUNCATE, NULL);
    bool good = archive != NULL;
    for (size_t i = 0; i < count && good; i++) good = add_member(archive, &members[i]);
    if (good && zip_close(archive) == 0) return true;
    if (archive) zip_discard(archive);
    return false;
}

static char *bytes_of(zip_source_t *source, size_t *length) {
    zip_stat_t facts;
    /* untaken: a buffer in memory is there, and can be read */
    if (zip_source_stat(source, &facts) != 0 || !(facts.valid & ZIP_STAT_SIZE) || zip_source_open(source) != 0)
        return NULL;
    *length = (size_t)facts.size;
    char *bytes = malloc(*length + 1);
    /* untaken: likewise */
    const bool good = bytes && zip_source_read(source, bytes, *length) == (zip_int64_t)*length;
    zip_source_close(source);
    if (good) return bytes;
    free(bytes);
    return NULL;
}

int zip_write(const char *path, const struct zip_member *members, size_t count, char **archive, size_t *length,
              struct error *error) {
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    *archive = source && fill(source, members, count) ? bytes_of(source, length) : NULL;
    zip_source_free(source);
    return *archive ? 0 : no_memory(path, error);
}
