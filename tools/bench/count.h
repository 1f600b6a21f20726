/* Counts what came through into the queue of sink.c. */
#ifndef COUNT_H
#define COUNT_H

struct tally {
  long lost;     /* accepted, and not in the queue */
  long twice;    /* more than once in the queue */
  long damaged;  /* queued with another body */
  long uncalled; /* queued although the wrapper did not say 0: the client sends it again */
  long strange;  /* no message of this run */
};

/* Messages whose end is in the queue; dies where it is none. */
long queued_messages(const char *queue);

/*
 * Looks at every message, and takes it out of the queue unless `keep`. Message `serial` was file
 * `serial` modulo `files`.
 */
struct tally count_queue(const char *queue, const char *accepted, long messages,
                         char *const *file, int files, int keep);

#endif
