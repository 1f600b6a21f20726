/*
 * Asks a quota service as fast as it answers: ask PORT SECONDS USERS SOCKETS WINDOW
 *
 * From SOCKETS sockets, each with WINDOW questions under way, about users u0 to
 * u(USERS - 1) of 127.0.0.1:PORT in random order. A question that is not answered within
 * a second counts as lost. Prints answers, wrong answers, lost questions, and seconds.
 * An answer is right where it gives the nonce back and the user's own numbers, which the
 * caller made so that they show who it is: size 1000 + user, quota 1000000.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS_MAX = 256, BATCH = 64, PACKET = 128 };

static unsigned long long seed = 88172645463325252ULL;

static unsigned random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 16);
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	perror(what);
	exit(111);
}

/* Sends that many questions. */
static void ask(int fd, int count, unsigned users)
{
	static char packets[BATCH][PACKET];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];
	while (count > 0) {
		int batch = count < BATCH ? count : BATCH;
		for (int i = 0; i < batch; i++) {
			unsigned user = random_number() % users;
			parts[i].iov_base = packets[i];
			parts[i].iov_len = (size_t)sprintf(packets[i], "CHECK_QUOTA u%u 1 n%u", user, user);
			memset(&messages[i], 0, sizeof messages[i]);
			messages[i].msg_hdr.msg_iov = &parts[i];
			messages[i].msg_hdr.msg_iovlen = 1;
		}
		int sent = sendmmsg(fd, messages, (unsigned)batch, 0);
		if (sent <= 0) fail("sendmmsg");
		count -= sent;
	}
}

static int is_right(const char *answer)
{
	unsigned user, size, nonce;
	int end = 0;
	return sscanf(answer, "QUOTA_OK u%u %u 1000000 n%u%n", &user, &size, &nonce, &end) == 3 &&
	       answer[end] == '\0' && user == nonce && size == 1000 + user;
}

/* Reads what is there; returns the number of answers, of which *wrong are wrong. */
static int hear(int fd, long *wrong)
{
	static char packets[BATCH][PACKET];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];
	for (int i = 0; i < BATCH; i++) {
		parts[i].iov_base = packets[i];
		parts[i].iov_len = PACKET - 1;
		memset(&messages[i], 0, sizeof messages[i]);
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	int heard = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < heard; i++) {
		packets[i][messages[i].msg_len] = '\0';
		if (!is_right(packets[i])) ++*wrong;
	}
	return heard > 0 ? heard : 0;
}

int main(int argc, char **argv)
{
	if (argc != 6) return 100;
	struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	double wanted = atof(argv[2]);
	unsigned users = (unsigned)atoi(argv[3]);
	int sockets = atoi(argv[4]), window = atoi(argv[5]);
	if (sockets < 1 || sockets > SOCKETS_MAX || users < 1) return 100;

	struct pollfd fds[SOCKETS_MAX];
	int under_way[SOCKETS_MAX];
	double heard_at[SOCKETS_MAX];
	for (int i = 0; i < sockets; i++) {
		fds[i].fd = socket(AF_INET, SOCK_DGRAM, 0);
		fds[i].events = POLLIN;
		if (connect(fds[i].fd, (struct sockaddr *)&server, sizeof server) < 0) fail("connect");
		ask(fds[i].fd, window, users);
		under_way[i] = window;
		heard_at[i] = seconds();
	}
	long answers = 0, wrong = 0, lost = 0;
	double start = seconds(), now = start;
	while (now - start < wanted) {
		if (poll(fds, (nfds_t)sockets, 100) < 0) fail("poll");
		now = seconds();
		for (int i = 0; i < sockets; i++) {
			int heard = fds[i].revents ? hear(fds[i].fd, &wrong) : 0;
			if (heard > 0) {
				answers += heard;
				heard_at[i] = now;
				ask(fds[i].fd, heard, users);
			} else if (now - heard_at[i] > 1) {
				lost += under_way[i];
				ask(fds[i].fd, window, users);
				heard_at[i] = now;
			}
		}
	}
	printf("%ld %ld %ld %.3f\n", answers, wrong, lost, now - start);
	return 0;
}
