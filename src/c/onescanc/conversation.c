/* The conversation with onescand: how much time of it scanners had, and its end. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <unistd.h>

enum { BEGIN_ANEW_FROM = 2000 /* milliseconds that must be left for scanners */ };

void question_is_sent(struct conversation *conversation) {
  conversation->asked = uptime();
}

/* Nothing is scanned before the acknowledgement. */
double time_used(const struct conversation *conversation) {
  if (!conversation->acknowledged)
    return conversation->used;
  return conversation->used + uptime() - conversation->asked;
}

size_t time_for_scanners(const struct conversation *conversation) {
  long seconds = conversation->timeout < 0 ? SCANTIMEOUT_DEFAULT : conversation->timeout;
  double left = (double) seconds * 1e3 - time_used(conversation);
  return left < 1 ? 1 : (size_t) left;
}

void hang_up(struct conversation *conversation) {
  if (conversation->server >= 0)
    close(conversation->server);
  conversation->server = -1;
}

/* Only once per mail: perhaps this mail has ended the process of onescand. */
int begin_anew(struct conversation *conversation) {
  conversation->used = time_used(conversation);
  conversation->acknowledged = 0;
  hang_up(conversation);
  int is_second = conversation->has_begun_anew;
  conversation->has_begun_anew = 1;
  return !is_second && time_for_scanners(conversation) >= BEGIN_ANEW_FROM;
}
