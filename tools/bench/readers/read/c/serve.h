/* What readers in C and C++ have in common: serve.c asks them. */
#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Messages in messages are read so deep. */
#define DEPTH_MAX 50

/* The reader: whether it has one of the files in its hands once it has decoded the message. */
bool opens(const char *message, size_t length);

/* Whether this is one of the files that mails carry, or has it in it. */
bool holds(const char *content, size_t length);

#ifdef __cplusplus
}
#endif

#endif
