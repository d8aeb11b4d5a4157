#include "core/report/output.h"

#include <stdlib.h>

#include "core/file.h"

int output_write(const char *folder, const char *name, struct text *text, struct error *error) {
    char *path = file_join(folder, name, error);
    int status = path ? 0 : -1;
    text_add(text, "");
    if (status == 0 && text->failed) status = error_set(error, ERROR_RUN, path, "not enough memory for the report");
    if (status == 0) status = file_replace_text(path, text->bytes, error);
    free(path);
    text_free(text);
    return status;
}
