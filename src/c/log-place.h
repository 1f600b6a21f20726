/*
 * Whether descriptor 2 of a program in the slot is a log. Below qmail-local it is the report of a
 * delivery, which goes into a bounce to a stranger. src/doors/shared/log/is-log.ts has the same
 * rule. Nothing here needs a C library: the launcher has none.
 */
#ifndef ONESCAN_LOG_PLACE_H
#define ONESCAN_LOG_PLACE_H

/* Descriptor 2, and the environment. */
struct log_place {
  int is_character_device, is_file, is_socket;
  unsigned long device, inode;
  /* The value of a variable; NULL if it is unset. */
  const char *(*value_of)(const char *name);
};

/* Whether the text is the two numbers with a colon between them: JOURNAL_STREAM, systemd.exec(5).
 */
static inline int names_stream(const char *text, unsigned long device, unsigned long inode) {
  unsigned long numbers[] = {0, 0};
  for (int at = 0; at < 2; ++at) {
    const char end = at == 0 ? ':' : '\0';
    if (*text < '0' || *text > '9')
      return 0;
    while (*text >= '0' && *text <= '9')
      numbers[at] = numbers[at] * 10 + (unsigned long) (*text++ - '0');
    if (*text++ != end)
      return 0;
  }
  return numbers[0] == device && numbers[1] == inode;
}

static inline int has_value(const struct log_place *place, const char *name) {
  const char *value = place->value_of(name);
  return value && *value;
}

static inline int is_log(const struct log_place *place) {
  const char *error_fd = place->value_of("ERROR_FD");
  const char *stream = place->value_of("JOURNAL_STREAM");
  if (error_fd && error_fd[0] == '2' && !error_fd[1])
    return 0;
  if (place->is_character_device || place->is_file)
    return 1;
  if (stream && names_stream(stream, place->device, place->inode))
    return 1;
  if (place->is_socket || place->value_of("DTLINE") || place->value_of("RPLINE")
      || place->value_of("UFLINE"))
    return 0;
  return has_value(place, "PROTO") || has_value(place, "TCPREMOTEIP")
         || has_value(place, "TCPLOCALIP");
}

#endif
