/* The conversation with onescand: how much time of it scanners had, and its end. */
#define _GNU_SOURCE
#include "onescanc.h"

#include "../common.h"

#include <unistd.h>

enum { ASK_AGAIN_FROM = 2000 /* milliseconds that must be left for scanners */ };

void question_is_sent(struct mail *mail) {
  mail->asked = uptime();
}

/* Nothing is scanned before the acknowledgement. */
double time_used(const struct mail *mail) {
  return mail->acknowledged ? mail->used + uptime() - mail->asked : mail->used;
}

size_t time_for_scanners(const struct mail *mail) {
  long seconds = mail->timeout < 0 ? SCANTIMEOUT_DEFAULT : mail->timeout;
  double left = (double) seconds * 1e3 - time_used(mail);
  return left < 1 ? 1 : (size_t) left;
}

void hang_up(struct mail *mail) {
  if (mail->server >= 0)
    close(mail->server);
  mail->server = -1;
}

/* Only once per mail: it may be this mail that ended the process of onescand. */
int begin_anew(struct mail *mail) {
  mail->used = time_used(mail);
  mail->acknowledged = 0;
  hang_up(mail);
  return !mail->has_begun_anew++ && time_for_scanners(mail) >= ASK_AGAIN_FROM;
}
