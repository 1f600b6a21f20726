/*
 * onescanc(8) stands in the place of qmail-queue(8). It keeps message and envelope, asks onescand what to do
 * (doc/slot-protocol.md), does that, and becomes the next program. Where the conversation does not end in a whole
 * answer that makes sense, it goes cold: it becomes onescan-queue(8) with the same input. It decides nothing
 * about mail, knows no header field, and ends in 0 by itself in one place only, near the end of obey().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * KIB, MESSAGE = 0, ADDRESSES = 1, LOG = 2, ADDRESS_MAX = 1002, TEXT_MAX = 255,
  GAP = 16 * KIB /* before the message in the spool: what a new header block may be longer by */, WHY_MAX = KIB,
  NAMED_FROM = 64 * KIB /* a message of this size gets a file in SPOOLDIR */, LINE_SIZE_MAX = 4 * KIB,
  VARIABLE_MAX = 64 * KIB, HEADER_MAX = MIB, FRAME_MAX = MIB, ANSWER_MAX = 256 * KIB, ENVELOPE_MAX = 64 * MIB,
  IN_MEMORY = 256 * KIB /* of a spool; more goes to TMPDIR */, COLD_NEEDS = 512 * MIB /* of address space */ };
enum { TOO_LONG = 11, NO_MEMORY = 51, WRITE = 53, READ = 54, CONFIG = 55, NO_FILE = 64, DEFERRED = 71, BUG = 81,
  TEXT = 82, TEXT_INDIMAIL = 88, ENVELOPE = 91, CHAIN = 120 }; /* src/doors/queue/exit-codes.ts explains them */
/* The codes that an answer may name, and the variables that the daemon may want to know; onescan-queue(8). */
static const unsigned char codes[] = {31, 33, 34, DEFERRED, 77, TEXT, TEXT_INDIMAIL};
static const char *const known[] = {"QHPSI", "QHPSIRC", "QHPSIRN", "QHPSIMINSIZE", "QHPSIMAXSIZE", "SCANTIMEOUT",
  "PLUGINDIR", "QUEUE_PLUGIN", "QUEUE_PLUGIN_SYMB", "REJECTVIRUS", "VIRUSTAGONLY", "VIRUSFORWARD", "SCANFAIL",
  "SCANFAIL_RELAY", "OVERSIZE", "MAXNESTING", "OVERNESTING", "SECONDLOOK", "STRICTMIME", "CLAMD", "CLAMDMAXSIZE", "CLAMSCAN", "CLAMSCANPROGRAM",
  "CLAMDBDIR", "CLAMDCONF", "BADATTACHMENTS", "BADMIME", "CLUSTERKEYS", "CLUSTERMAXAGE", "CLUSTERPEERS",
  "CLUSTERPEER", "ERROR_FD", "ERROR_EXIT", "QMAILHOME", "CONTROLDIR", "RELAYCLIENT", "TCPREMOTEIP", "TCPREMOTEHOST",
  "BOUNCEUSER", "QUOTAD", NULL};
/* How variables begin that the next program must not see (src/settings/environment.ts), and the cold one. */
static const char *const not_for_chain[] = {"QHPSI", "QUEUE_PLUGIN", "REJECTVIRUS=", "VIRUSFORWARD=",
  "PLUGINDIR=", "QMAILQUEUE=", "NODE_", "BUN_", NULL};
static const char *const not_for_cold[] = {"BUN_", "NODE_OPTIONS=", "NODE_PATH=", "LD_", NULL};
/* What scanners find above a message, with blanks up to TOP_LINE bytes: src/message/top-line.ts. */
static const char top_line[] = "Received: by onescan, for scanners alone";
enum { TOP_LINE = 1024 };
typedef unsigned char byte;
static char **chain, **arguments, *volatile named_path;
static int spool, envelope, named, server, error_fd, acknowledged;
static size_t message_size, envelope_size, unsent;
static double started, asked, deadline; /* milliseconds */
static long timeout;                    /* SCANTIMEOUT in seconds; -1 is nonsense */
static void (*inherited_sigpipe)(int);
static byte buffer[64 * KIB], answer[ANSWER_MAX]; /* from the caller, then to the daemon; from the daemon */

static double now(void) {
  struct timespec time;
  if (clock_gettime(CLOCK_MONOTONIC, &time)) _exit(BUG);
  return (double) time.tv_sec * 1e3 + (double) time.tv_nsec / 1e6;
}
static const char *setting(const char *of, const char *unset) { of = getenv(of); return of && *of ? of : unset; }
static long number(const char *name, long unset, long min, long max) { /* -1 is nonsense */
  const char *digits = setting(name, "");
  long value = strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 10 ? atol(digits) : -1;
  return !*digits ? unset : value >= min && value <= max ? value : -1;
}
static void remove_named_file(void) { /* nothing here that signal-safety(7) does not allow */
  if (named_path && unlink(named_path) && errno != ENOENT) return; /* it is swept by age */
  named_path = NULL;
}
static void told_to_end(int signal_number) {
  remove_named_file();
  _exit(signal_number ? DEFERRED : NO_MEMORY);
}
__attribute__((format(printf, 1, 2))) static char *text(const char *format, ...) {
  char *made = NULL;
  va_list list;
  va_start(list, format);
  if (vasprintf(&made, format, list) < 0) told_to_end(0);
  va_end(list);
  return made;
}

/* Whether fd 2 leads to a log, or to somebody's mail: src/doors/queue/log-place.ts has the same rule, and why. */
static int fd_2_is_a_log(void) {
  struct stat it;
  if (fstat(LOG, &it) || !strcmp(setting("ERROR_FD", ""), "2")) return 0;
  char *stream = text("%ju:%ju", (uintmax_t) it.st_dev, (uintmax_t) it.st_ino);
  if (S_ISCHR(it.st_mode) || !strcmp(setting("JOURNAL_STREAM", ""), stream)) return 1;
  if (getenv("DTLINE") || getenv("RPLINE") || getenv("UFLINE") || S_ISSOCK(it.st_mode)) return 0;
  return setting("PROTO", NULL) || setting("TCPREMOTEIP", NULL) || setting("TCPLOCALIP", NULL);
}
/* One datagram as syslog(3) sends it, facility mail, level info; nobody waits for it. */
static void to_syslog(const char *line, size_t length) {
  static const struct sockaddr_un address = {AF_UNIX, "/dev/log"};
  char stamp[32] = "", own[] = "onescan: ";
  time_t seconds = time(NULL);
  struct tm *local = localtime(&seconds);
  if (local && !strftime(stamp, sizeof stamp, "%b %e %H:%M:%S ", local)) *stamp = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  if (length >= sizeof own - 1 && !memcmp(line, own, sizeof own - 1)) line += sizeof own - 1, length -= sizeof own - 1;
  if (length && line[length - 1] == '\n') --length;
  char *message = text("<22>%sonescan[%ld]: %.*s", stamp, (long) getpid(), (int) length, line);
  sendto(fd, message, strlen(message), MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *) &address, sizeof address);
  close(fd);
}
/* One write a line. What cannot be written is dropped: mail must not wait for a log. */
static void log_line(const void *line, size_t length) {
  const char *file = setting("LOGFILE", NULL);
  if (!file && !fd_2_is_a_log()) return to_syslog(line, length);
  int fd = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) : LOG;
  if (write(fd, line, length) < 0 || (file && close(fd))) errno = 0;
}
/* A line in the slot's form (src/log.ts); `end` is more fields of it. */
static void journal(const char *decision, char *reason, const char *end) {
  for (char *at = reason; *at; ++at) if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\') *at = '?';
  char *line = text("onescan: decision=%s reason=\"%.400s\"%s total_ms=%.1f\n", decision, reason, end, now() - started);
  log_line(line, strlen(line));
}
static _Noreturn void fail(int code, const char *fault, char *reason) {
  remove_named_file();
  journal(text("%s fault=%s", code == TOO_LONG ? "reject" : "defer", fault), reason, text(" exit=%d", code));
  _exit(code);
}
static _Noreturn void spool_trouble(const char *what) {
  int full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO;
  fail(full ? WRITE : NO_FILE, full ? "write" : "temp-file",
    text("cannot %s in %s (TMPDIR): %m", what, setting("TMPDIR", "/tmp")));
}
static void *memory(size_t size) { void *got = malloc(size); return got ? got : (told_to_end(0), NULL); }
/* Looked at before the exec, so that the log can say what is wrong, and nothing runs itself for ever. */
static void check_program(const char *what, const char *program) {
  struct stat it, self;
  if (access(program, X_OK) || stat(program, &it) || (!S_ISREG(it.st_mode) && (errno = EACCES)))
    fail(CHAIN, "chain", text("%s %s: %m", what, program));
  if (stat("/proc/self/exe", &self)) fail(CHAIN, "chain", text("/proc/self/exe: %m; mount /proc"));
  if (it.st_dev == self.st_dev && it.st_ino == self.st_ino)
    fail(CHAIN, "chain", text("%s %s: is onescanc itself; set QUEUECHAIN to the real qmail-queue", what, program));
}
/* At blanks; quotes hold words together; there is no shell. The line ends in a blank and is overwritten. */
static char **split_words(char *line) {
  char **words = memory((strlen(line) / 2 + 3) * sizeof *words), **word = words, *to = line, quote = 0;
  while (*(line += strspn(line, " \t\n"))) {
    for (*word++ = to; *line && (quote || !strchr(" \t\n", *line)); ++line)
      if (quote ? *line == quote : *line == '"' || *line == '\'') quote = quote ? 0 : *line;
      else *to++ = *line;
    if (quote) fail(CONFIG, "config", text("QUEUECHAIN: a %c is not closed; close it", quote));
    ++line, *to++ = '\0';
  }
  word[0] = word[1] = NULL;
  return words;
}
/* Arguments if there are any, else QUEUECHAIN, else the real qmail-queue; a bare name is looked up in PATH. */
static void find_chain(char **words) {
  chain = words[1] ? words + 1 : split_words(text("%s ", setting("QUEUECHAIN", "")));
  if (!chain[0]) chain[0] = text("%s/bin/qmail-queue", setting("QMAILHOME", "/var/qmail"));
  if (*chain[0] == '-') fail(CONFIG, "config", text("%s: is no program; onescanc takes no options", chain[0]));
  for (const char *at = getenv("PATH"); at && !strchr(chain[0], '/'); at = *at ? at + 1 : NULL) {
    int length = (int) strcspn(at, ":");
    char *found = text("%.*s/%s", length ? length : 1, length ? at : ".", chain[0]);
    struct stat it;
    if (!access(found, X_OK) && !stat(found, &it) && S_ISREG(it.st_mode)) chain[0] = found;
    at += length;
  }
}
/* Becomes another program, which does not see the variables that begin like this, with the mail in place. */
static _Noreturn void become(const char *what, char **words, const char *const *hidden, off_t message_at) {
  char **kept = environ;
  if (message_at >= 0 && (lseek(spool, message_at, SEEK_SET) < 0 || lseek(envelope, 0, SEEK_SET) < 0
    || dup2(spool, MESSAGE) < 0 || dup2(envelope, ADDRESSES) < 0))
    fail(WRITE, "write", text("the mail could not be put in place: %m"));
  for (char **each = environ; *each; ++each) {
    const char *const *start = hidden;
    while (*start && strncmp(*each, *start, strlen(*start))) ++start;
    if (!*start) *kept++ = *each;
  }
  *kept = NULL;
  if (signal(SIGPIPE, inherited_sigpipe) == SIG_ERR) fail(BUG, "bug", text("SIGPIPE: %m"));
  execv(words[0], words);
  fail(CHAIN, "chain", text("%s %s: %m", what, words[0]));
}
/* Becomes onescan-queue with the mail as it came and what is left of the time for scanners. */
static _Noreturn void go_cold(char *why) {
  char own[4 * KIB], *program = text("%s", setting("ONESCAN_COLD", ""));
  ssize_t length = readlink("/proc/self/exe", own, sizeof own);
  long left = timeout - (acknowledged ? (long) ((now() - asked) / 1e3) + 1 : 0);
  struct rlimit space;
  if (getrlimit(RLIMIT_AS, &space) || space.rlim_cur < COLD_NEEDS) fail(DEFERRED, "out-of-memory",
    text("the address space (softlimit) is too small for onescan-queue, which is needed: %s", why));
  while (length > 0 && own[length - 1] != '/') --length;
  if (!*program) program = text("%.*sonescan-queue", length > 0 ? (int) length : 0, own);
  if (!setting("ONESCAN_COLD", NULL) && access(program, X_OK)) program = text("/usr/lib/onescan/onescan-queue");
  check_program("cold program", program);
  remove_named_file();
  journal("cold", why, "");
  if (timeout > 0 && setenv("SCANTIMEOUT", text("%ld", left < 1 ? 1 : left), 1)) fail(BUG, "bug", text("setenv: %m"));
  arguments[0] = program;
  become("cold program", arguments, not_for_cold, GAP);
}
static int anonymous_file(void) { /* gone with its last descriptor, whatever happens */
  int fd = open(setting("TMPDIR", "/tmp"), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  char *path = fd < 0 ? text("%s/onescan-XXXXXX", setting("TMPDIR", "/tmp")) : NULL; /* not all file systems have it */
  if (path && ((fd = mkostemp(path, O_CLOEXEC)) < 0 || unlink(path))) spool_trouble("make a spool file");
  return fd;
}
static int memory_file(void) { /* for small mail: file systems take their time for many short-lived files */
  int fd = memfd_create("onescan", MFD_CLOEXEC);
  return fd < 0 ? anonymous_file() : fd;
}
static int store(int fd, const byte *bytes, size_t length, size_t offset) {
  for (ssize_t count; length; bytes += count, offset += (size_t) count, length -= (size_t) count)
    if ((count = pwrite(fd, bytes, length, (off_t) offset)) <= 0) return -1;
  return 0;
}
/* The buffer into a spool, which moves to TMPDIR when it outgrows the memory. */
static void keep(int fd, size_t length, size_t offset, const char *what) {
  if (offset <= IN_MEMORY && offset + length > IN_MEMORY) {
    int disk = anonymous_file();
    for (off_t from = 0; from < (off_t) offset;)
      if (sendfile(disk, fd, &from, offset - (size_t) from) <= 0) spool_trouble(what);
    if (dup3(disk, fd, O_CLOEXEC) < 0 || close(disk)) spool_trouble(what);
  }
  if (store(fd, buffer, length, offset)) spool_trouble(what);
}
static void fetch(int fd, byte *bytes, size_t length, size_t offset) {
  for (ssize_t count; length; bytes += count, offset += (size_t) count, length -= (size_t) count)
    if ((count = pread(fd, bytes, length, (off_t) offset)) <= 0) fail(READ, "read", text("spool file: %m"));
}
static size_t take(int fd, const char *what) { /* into the buffer; 0 at the end */
  for (ssize_t count;;) {
    if ((count = read(fd, buffer, sizeof buffer)) >= 0) return (size_t) count;
    if (errno == EAGAIN && poll(&(struct pollfd) {fd, POLLIN, 0}, 1, -1) >= 0) continue; /* somebody made it so */
    if (errno != EINTR) fail(READ, "read", text("cannot read the %s on fd %d: %m", what, fd));
  }
}
/* A file that scanners open by its path. Where there is none to be had, the message is sent to them. */
static void name_message(void) {
  off_t from = GAP;
  unsigned long long random[2]; /* whoever may write to SPOOLDIR must not know the name beforehand */
  struct stat it;
  if (*setting("SPOOLDIR", "") != '/' || stat(getenv("SPOOLDIR"), &it)) return;
  if ((it.st_mode & (S_IWGRP | S_IWOTH)) && !(it.st_mode & S_ISVTX)) return; /* others could replace the file */
  if (getrandom(random, sizeof random, 0) != sizeof random) return;
  named_path = text("%s/onescan-%ld-%016llx%016llx.msg", getenv("SPOOLDIR"), (long) getpid(), random[0], random[1]);
  for (const char *each = "\1\2\17"; *each; ++each) /* HUP, INT and TERM, unless they are ignored */
    if (signal(*each, told_to_end) == SIG_IGN && signal(*each, SIG_IGN) == SIG_ERR) fail(BUG, "bug", text("%m"));
  named = open(named_path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (named < 0 || fchmod(named, 0640) || dprintf(named, "%-*s\n", TOP_LINE - 1, top_line) != TOP_LINE
    || sendfile(named, spool, &from, message_size) != (ssize_t) message_size)
    remove_named_file();
}
static void receive_message(void) {
  for (size_t count, tried = 0; (count = take(MESSAGE, "message")); message_size += count) {
    if (message_size >= NAMED_FROM && !tried++) name_message();
    keep(spool, count, GAP + message_size, "write the spool file");
    if (named_path && store(named, buffer, count, TOP_LINE + message_size)) remove_named_file(); /* SPOOLDIR is full */
  }
}
/* Where the reading of an envelope is: what letter comes next, or how far it is inside an address. */
struct reading { int letter, inside, done, wrong; size_t length; };
static size_t read_on(struct reading *at, const byte *bytes, size_t length) {
  size_t used = 0;
  while (used < length && !at->done && !at->wrong) {
    byte next = bytes[used++];
    if (at->inside && next) at->wrong = ++at->length > ADDRESS_MAX ? TOO_LONG : 0;
    else if (at->inside) at->inside = 0, at->letter = 'T';
    else if (next == at->letter) at->inside = 1, at->length = 0;
    else if (!next && at->letter == 'T') at->done = 1;
    else at->wrong = ENVELOPE;
  }
  return used;
}
/* Not beyond its last NUL: the caller may keep the pipe open. */
static void receive_envelope(void) {
  for (struct reading at = {.letter = 'F'}; !at.done;) {
    size_t count = take(ADDRESSES, "envelope"), used = read_on(&at, buffer, count);
    if (!count) fail(READ, "read", text("envelope: ended before its last NUL; the client gave up"));
    if (at.wrong == TOO_LONG) fail(TOO_LONG, "address-too-long", text("envelope: address over %d bytes", ADDRESS_MAX));
    if (at.wrong) fail(ENVELOPE, "envelope", text("envelope: a byte that is neither F, T nor the last NUL"));
    if (envelope_size + used > ENVELOPE_MAX) fail(NO_MEMORY, "out-of-memory", text("envelope: over 64 MiB"));
    keep(envelope, used, envelope_size, "write the envelope");
    envelope_size += used;
  }
}
/* ERROR_FD, where it is a pipe for writing alone, or a socket, and no other descriptor leads there; else -1. */
static int find_error_fd(void) {
  int fd = (int) number("ERROR_FD", -1, 2, 255);
  struct stat it, other;
  if (fd < 0 || fstat(fd, &it)) return -1;
  if (!S_ISSOCK(it.st_mode) && (!S_ISFIFO(it.st_mode) || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY)) return -1;
  for (int each = 0; each < 256; ++each)
    if (each != fd && !fstat(each, &other) && other.st_dev == it.st_dev && other.st_ino == it.st_ino) return -1;
  return fd;
}
static size_t big_endian(const byte *at) { return at[0] * 0x1000000U + at[1] * 0x10000U + at[2] * 0x100U + at[3]; }
static void wait_for(short event) { /* until the daemon takes or says something */
  int ready = poll(&(struct pollfd) {server, event, 0}, 1, event == POLLIN && !acknowledged ? 1000 : 3000);
  if (ready < 0 && errno != EINTR) go_cold(text("poll: %m"));
  if (!ready || now() > deadline) go_cold(text("onescand: %s", ready ? "takes too long" : "is silent for too long"));
}
static void flush(void) {
  for (size_t at = 0; at < unsent;) {
    ssize_t count = send(server, buffer + at, unsent - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) at += (size_t) count;
    else if (errno == EAGAIN) wait_for(POLLOUT);
    else if (errno != EINTR) break; /* it may have said why: that is read next */
  }
  unsent = 0;
}
static void hear(byte *bytes, size_t length) {
  while (length) {
    wait_for(POLLIN);
    ssize_t count = recv(server, bytes, length, MSG_DONTWAIT);
    if (count > 0) bytes += count, length -= (size_t) count;
    else if (!count || (errno != EAGAIN && errno != EINTR)) go_cold(text("onescand: hung up"));
  }
}
static void frame(char tag, const void *bytes, int fd, size_t length, size_t offset) { /* from memory or a file */
  byte head[] = {(byte) tag, (byte) (length >> 24), (byte) (length >> 16), (byte) (length >> 8), (byte) length};
  if (tag) frame('\0', head, -1, sizeof head, 0); /* the head without one of its own */
  for (size_t part; length; offset += part, length -= part, unsent += part) {
    if (unsent == sizeof buffer) flush();
    part = length < sizeof buffer - unsent ? length : sizeof buffer - unsent;
    if (bytes) memcpy(buffer + unsent, (const byte *) bytes + offset, part);
    else fetch(fd, buffer + unsent, part, offset);
  }
}
static void number_frame(char tag, size_t value, size_t length) {
  byte bytes[8];
  for (size_t at = length; at--; value >>= 8) bytes[at] = (byte) value;
  frame(tag, bytes, -1, length, 0);
}
static void ask(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = setting("ONESCAN_SOCKET", "/run/onescan/slot.sock");
  size_t time_left = (size_t) (timeout < 0 ? 150 : timeout) * 1000, length;
  deadline = now() + (double) time_left + 2000;
  if ((length = strlen(path)) >= sizeof address.sun_path) go_cold(text("ONESCAN_SOCKET %s: is too long", path));
  memcpy(address.sun_path, path, length);
  if ((server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0
    || setsockopt(server, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval) {1, 0}, sizeof(struct timeval)) /* for connect */
    || connect(server, (struct sockaddr *) &address, sizeof address)) go_cold(text("onescand at %s: %m", path));
  frame('1', "osc1", -1, 4, 0);
  for (const char *const *name = known; *name; ++name) {
    const char *variable = getenv(*name) ? text("%s=%s", *name, getenv(*name)) : "";
    if ((length = strlen(variable)) > VARIABLE_MAX) go_cold(text("%s: is too long", *name));
    if (length) frame('V', variable, -1, length, 0);
  }
  number_frame('R', error_fd >= 0, 1);
  number_frame('D', time_left, 4);
  frame('E', NULL, envelope, envelope_size, 0);
  if (named_path) frame('P', named_path, -1, strlen(named_path), 0);
  number_frame('S', message_size, 8);
  for (size_t at = 0; !named_path && at < message_size; at += length)
    frame('M', NULL, spool, length = message_size - at < FRAME_MAX ? message_size - at : FRAME_MAX, GAP + at);
  frame('.', "", -1, 0, 0);
  flush();
  asked = now();
}
static _Noreturn void nonsense(void) { go_cold(text("onescand: what it says makes no sense")); }
static int is_printable(const byte *at, size_t n) { while (n && *at >= ' ' && *at <= '~') ++at, --n; return !n; }
/* Does what an answer of the daemon says, once all of it is known to make sense. */
static _Noreturn void obey(byte kind, const byte *const end) {
  const byte *at, *next, *bytes, *reply = NULL, *other = NULL;
  const char *tags = kind == 'a' ? "Bkiel." : "ctl."; /* the first one comes first, and once */
  size_t body = 0, room = 0, used = 0, length, from, span;
  struct reading letters = {.letter = 'F'};
  byte *header = NULL;
  int code = BUG;
  for (at = answer;; at = next) {
    if (end - at < 5 || (length = big_endian(at + 1)) > (size_t) (end - at - 5)) nonsense();
    if ((at == answer) != (*at == *tags) || !strchr(tags, *at)) nonsense();
    next = (bytes = at + 5) + length;
    from = length == 8 ? big_endian(bytes) : (size_t) -1, span = length == 8 ? big_endian(bytes + 4) : 0;
    if (*at == 'B' && !from && span <= message_size && span <= HEADER_MAX) header = memory(room = GAP + (body = span));
    else if (*at == 'c' && length == 1) code = *bytes;
    else if (*at == 'k' && from <= body && span <= body - from && span <= room - used)
      fetch(spool, header + used, span, GAP + from), used += span;
    else if (*at == 'i' && length <= room - used) memcpy(header + used, bytes, length), used += length;
    else if (*at == 'e' && !other && read_on(&letters, bytes, length) == length && letters.done) other = at;
    else if (*at == 't' && !reply && length >= 3 && length <= TEXT_MAX && is_printable(bytes, length)
      && strchr("DZ", *bytes)) reply = at;
    else if (*at == 'l' && length && length <= LINE_SIZE_MAX && bytes[length - 1] == '\n'
      && is_printable(bytes, length - 1)) continue;
    else if (*at == '.' && !length && next == end) break;
    else nonsense();
  }
  if ((reply != NULL) != (code == TEXT || code == TEXT_INDIMAIL) || (reply && error_fd < 0)) nonsense();
  if (kind == 'x' && (code ? !memchr(codes, code, sizeof codes) : strcmp(setting("REJECTVIRUS", ""), "2"))) nonsense();
  if (kind == 'a') check_program("next program", chain[0]);
  if (kind == 'a' && store(spool, header, used, room - used)) spool_trouble("write the spool file");
  if (other && store(envelope = memory_file(), other + 5, big_endian(other + 1), 0)) spool_trouble("write");
  if (reply && write(error_fd, reply + 5, big_endian(reply + 1)) != (ssize_t) big_endian(reply + 1)) code = DEFERRED;
  remove_named_file();
  for (at = answer; *at != '.'; at += 5 + big_endian(at + 1)) if (*at == 'l') log_line(at + 5, big_endian(at + 1));
  if (kind == 'x') _exit(code);
  become("next program", chain, not_for_chain, (off_t) (room - used));
}
static _Noreturn void await_answer(void) { /* which comes after any number of heartbeats */
  byte head[5];
  for (hear(head, 5); !big_endian(head + 1) && head[0] == (acknowledged ? 'h' : 'A'); hear(head, 5)) acknowledged = 1;
  size_t length = big_endian(head + 1);
  if (length > (head[0] == 'C' ? WHY_MAX : acknowledged ? ANSWER_MAX : 0)) nonsense();
  hear(answer, length);
  if (head[0] == 'C') go_cold(text("onescand: %.*s", (int) length, (char *) answer));
  if ((head[0] != 'a' && head[0] != 'x') || recv(server, head + 1, 1, MSG_DONTWAIT) > 0) nonsense();
  obey(head[0], answer + length);
}

int main(int count, char **words) {
  if (count < 1) return BUG;
  const char *control = setting("CONTROLDIR", "control"), *home = setting("QMAILHOME", "/var/qmail");
  char *off = text("%s/onescan.off", *control == '/' ? control : text("%s/%s", home, control));
  int is_off = !access(off, F_OK), unset = !setting("QHPSI", "")[strspn(setting("QHPSI", ""), " \t\r\n")];
  started = now();
  inherited_sigpipe = signal(SIGPIPE, SIG_IGN);
  find_chain(arguments = words);
  if (is_off || (unset && !setting("QUOTAD", NULL))) {
    check_program("next program", chain[0]);
    journal("pass", is_off ? text("%s is there", off) : text("QHPSI is not set"), "");
    become("next program", chain, not_for_chain, -1);
  }
  timeout = number("SCANTIMEOUT", 150, 1, 86400);
  error_fd = find_error_fd(); /* before anything is opened that may get this number */
  if (fcntl(MESSAGE, F_GETFD) < 0 || fcntl(ADDRESSES, F_GETFD) < 0) fail(READ, "read", text("fd 0 or 1 is closed"));
  if (fcntl(LOG, F_GETFD) < 0 && open("/dev/null", O_WRONLY | O_CLOEXEC) != LOG) fail(BUG, "bug", text("fd 2: %m"));
  spool = memory_file(), envelope = memory_file();
  receive_message();
  receive_envelope();
  ask();
  await_answer();
}
