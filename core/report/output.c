#include "core/report/output.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/file.h"

/* A document of an earlier report that this one does not have. */
static int remove_file(const char *path, struct error *error) {
    return unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR ? 0
                                                                    : error_set_errno(error, path, "remove the file");
}

int output_write(const char *folder, const char *name, struct text *text, struct error *error) {
    char *path = file_join(folder, name, error);
    int status = path ? 0 : -1;
    if (status == 0 && text->failed)
        status = error_set(error, ERROR_RUN, path, "not enough memory for the report");
    else if (status == 0 && text->length == 0)
        status = remove_file(path, error);
    else if (status == 0)
        status = file_replace(path, &(struct file_piece){text->bytes, text->length}, 1, error);
    free(path);
    text_free(text);
    return status;
}
