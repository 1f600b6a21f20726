/* Memory for every part of this process, and texts in it. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <stdarg.h>
#include <stdio.h>

/*
 * Memory is never freed: the process lives for one message, and calls this a bounded number of
 * times.
 */
char *xasprintf(const char *format, ...) {
  char *made = NULL;
  va_list list;
  va_start(list, format);
  int length = vasprintf(&made, format, list);
  va_end(list);
  if (length < 0)
    end_with_failure(EXIT_OUT_OF_MEMORY);
  return made;
}

void *xmalloc(size_t size) {
  void *got = malloc(size);
  if (!got)
    end_with_failure(EXIT_OUT_OF_MEMORY);
  return got;
}
