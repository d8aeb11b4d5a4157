/* Standard output, where results go. What could not be written there is told at the end of the program, whichever call
 * it was. */
#ifndef CNNTRAIN_CMD_OUTPUT_H
#define CNNTRAIN_CMD_OUTPUT_H

#include "core/error.h"

void output_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void output_text(const char *text);
/* Writes what is held back. ERROR_IO where anything was not written. */
int output_end(struct error *error);

#endif
