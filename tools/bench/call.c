/*
 * Calls a wrapper by the steps of notqmail's qmail.c: a pipe for the message
 * on fd 0, a pipe for the envelope on fd 1 (open for reading), one for error
 * text that the wrapper has on fd 6, SIGPIPE ignored; the message in writes of
 * 1,024 bytes, then the envelope, then error text to its end, then wait.
 */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ERROR_FD 6

/* The buffer of struct qmail in qmail.h. */
#define PIECE 1024

/* Seconds after which a wrapper is killed. */
#define DEADLINE 120

struct pipe {
  int read, write;
};

static volatile pid_t group_to_kill;

void cannot(const char *what)
{
  fprintf(stderr, "driver: %s: %s\n", what, strerror(errno));
  exit(111);
}

double milliseconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static double milliseconds(struct timeval time)
{
  return time.tv_sec * 1e3 + time.tv_usec / 1e3;
}

static struct pipe make_pipe(void)
{
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == -1) cannot("pipe");
  return (struct pipe){ends[0], ends[1]};
}

static void move(int from, int to)
{
  /* dup2 of a descriptor to itself would leave it close-on-exec. */
  if (from == to ? fcntl(to, F_SETFD, 0) == -1 : dup2(from, to) == -1) _exit(120);
}

_Noreturn static void become(const struct call *call, int message, int envelope, int error)
{
  setpgid(0, 0); /* so that the deadline reaches all that it starts */
  move(message, 0);
  move(envelope, 1);
  move(error, ERROR_FD);
  if (chdir("/var/qmail") == -1 && chdir("/") == -1) _exit(61);
  execv(*call->program, call->program);
  _exit(120);
}

static int put(int fd, const char *bytes, size_t size)
{
  while (size) {
    ssize_t count = write(fd, bytes, size);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) return 0;
    bytes += count;
    size -= count;
  }
  return 1;
}

/* Never held in memory: until its exec, the wrapper's peak is the driver's. */
static int put_message(int fd, const char *path)
{
  static char block[64 * PIECE];
  ssize_t count;
  int ok = 1, file = open(path, O_RDONLY | O_CLOEXEC);
  if (file == -1) cannot(path);
  while (ok && (count = read(file, block, sizeof block)) > 0)
    for (ssize_t at = 0; ok && at < count; at += PIECE)
      ok = put(fd, block + at, count - at < PIECE ? count - at : PIECE);
  close(file);
  return ok;
}

static int put_envelope(int fd, const struct call *call)
{
  static const char recipient[] = "Tpostmaster@example.org"; /* with its NUL */
  char envelope[100];
  int size = snprintf(envelope, sizeof envelope, "Fbench-%ld@example.org", call->serial) + 1;
  memcpy(envelope + size, recipient, sizeof recipient);
  size += sizeof recipient;
  envelope[size++] = 0;
  return put(fd, envelope, size);
}

/* To its end: nothing that lives on may hold the pipe. What is too long is read and dropped. */
static void read_text(int fd, struct outcome *outcome)
{
  char byte;
  ssize_t count;
  while ((count = read(fd, &byte, 1)) == 1 || (count == -1 && errno == EINTR))
    if (count == 1 && outcome->text_size < sizeof outcome->text)
      outcome->text[outcome->text_size++] = byte;
}

static void kill_group(int signal)
{
  (void) signal;
  kill(-group_to_kill, SIGKILL);
}

int was_accepted(const struct outcome *outcome)
{
  return outcome->code == 0 && outcome->handed_over;
}

struct outcome call_wrapper(const struct call *call)
{
  struct outcome outcome = {.code = -1, .started = milliseconds_now()};
  struct rusage used;
  int status;

  struct pipe message = make_pipe(), envelope = make_pipe(), error = make_pipe();
  pid_t child = fork();
  if (child == -1) cannot("fork");
  if (child == 0) become(call, message.read, envelope.read, error.write);
  close(message.read);
  close(envelope.read);
  close(error.write);

  group_to_kill = child;
  sigaction(SIGALRM, &(struct sigaction){.sa_handler = kill_group}, NULL);
  alarm(DEADLINE);
  outcome.handed_over = put_message(message.write, call->message);
  close(message.write);
  outcome.handed_over = outcome.handed_over && put_envelope(envelope.write, call);
  close(envelope.write);
  read_text(error.read, &outcome);
  close(error.read);
  while (wait4(child, &status, 0, &used) == -1)
    if (errno != EINTR) cannot("wait");
  alarm(0);

  outcome.milliseconds = milliseconds_now() - outcome.started;
  outcome.cpu = milliseconds(used.ru_utime) + milliseconds(used.ru_stime);
  if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
  else outcome.signal = WTERMSIG(status);
  return outcome;
}
