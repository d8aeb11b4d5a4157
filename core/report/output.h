/* Writing one document of a report. */
#ifndef CNNTRAIN_CORE_REPORT_OUTPUT_H
#define CNNTRAIN_CORE_REPORT_OUTPUT_H

#include "core/error.h"
#include "core/text.h"

/* Replaces the file `name` in `folder` by the text in one move, or removes it where the text is empty; frees the text,
 * also on failure. ERROR_RUN where the text or the path had no memory, ERROR_IO where the file cannot be written. */
int output_write(const char *folder, const char *name, struct text *text, struct error *error);

#endif
