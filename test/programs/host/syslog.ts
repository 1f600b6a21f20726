import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { lacks, programPath } from '../../needs.mjs'
import { type Ending, startServer } from './server.ts'
import { socketDirectory } from './socket-directory.ts'

/** A listener at /dev/log, for programs that are given a /dev of their own. */
export interface Syslog {
  /** The words that run a program where this one listens. */
  around(program: readonly string[]): string[]
  /** Resolves to the datagrams so far, once there is one that matches. */
  heard(pattern: RegExp): Promise<readonly string[]>
}

const MOUNTS = ['unshare', '--mount', 'true']

/** Why tests with it are skipped, or false. */
export const syslogMissing: string | false =
  lacks('root', 'perl') ||
  (spawnSync(MOUNTS[0]!, MOUNTS.slice(1)).status !== 0 && 'this machine has no mounts to give')

/**
 * A Python program that prints each datagram as a line. With a second argument it fills its socket
 * and reads nothing.
 */
const LISTENER = `
use Socket; $| = 1; alarm 600;
socket(my $in, PF_UNIX, SOCK_DGRAM, 0) or die; bind($in, sockaddr_un($ARGV[0])) or die;
if ($ARGV[1]) {
  socket(my $out, PF_UNIX, SOCK_DGRAM, 0) or die;
  1 while defined send($out, "x", 0x40, sockaddr_un($ARGV[0]));
}
print "ready\\n";
sleep if $ARGV[1];
while (defined recv($in, my $text, 65536, 0)) { $text =~ s/\\n/\\\\n/g; print "$text\\n"; }
`

/**
 * A script that makes a /dev with a few devices and the socket as `log`, and then runs the program.
 * /dev/shm stays, since temporary files of the tests may be there.
 */
const OWN_DEV = `
socket=$1; shift
mount --rbind /dev /mnt && mount -t tmpfs tmpfs /dev || exit 99
for device in null zero full random urandom tty; do
  touch /dev/$device && mount --bind /mnt/$device /dev/$device || exit 99
done
mkdir /dev/shm && mount --bind /mnt/shm /dev/shm || exit 99
ln -s /proc/self/fd /dev/fd && ln -s "$socket" /dev/log || exit 99
exec "$@"
`

export async function startSyslog(
  t: Ending,
  manner: 'reads' | 'is full' = 'reads',
): Promise<Syslog> {
  const directory = socketDirectory(t)
  const socket = join(directory, 'log')
  const words = ['-e', LISTENER, socket, ...(manner === 'is full' ? ['1'] : [])]
  const listener = await startServer(['perl', ...words], /^ready$/, { signal: 'SIGKILL' })
  t.teardown(listener.stop)
  return {
    around: (program) => [
      programPath('unshare'),
      ...['--mount', '/bin/sh', '-c', OWN_DEV, 'sh', socket],
      ...program,
    ],
    async heard(pattern) {
      await listener.logged(pattern)
      return listener.log.slice(1) // after `ready`
    },
  }
}
