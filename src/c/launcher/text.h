/* The few functions of <string.h> that the launcher needs, and two of its own. */
#ifndef ONESCAN_TEXT_H
#define ONESCAN_TEXT_H

static inline unsigned long length(const char *text) {
  unsigned long count = 0;

  while (text[count])
    count++;
  return count;
}

/* Copies the text with its NUL. */
static inline void copy(char *to, const char *text) {
  while ((*to++ = *text++))
    ;
}

static inline int begins(const char *text, const char *prefix) {
  while (*prefix)
    if (*text++ != *prefix++)
      return 0;
  return 1;
}

static inline int is(const char *text, const char *word) {
  return begins(text, word) && length(text) == length(word);
}

/* Where the part of a path after its last slash begins. */
static inline unsigned long last_part(const char *path) {
  unsigned long at = 0;

  for (unsigned long i = 0; path[i]; i++)
    if (path[i] == '/')
      at = i + 1;
  return at;
}

#endif
