import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Ending } from '../../programs/host/server.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { outputOf } from '../../run/until.ts'

/** Receives what onescand sends to NOTIFY_SOCKET. */
export async function systemdEar(t: Ending): Promise<{
  readonly path: string
  hear(what: RegExp): Promise<void>
  received(): string
}> {
  const path = join(socketDirectory(t), 'notify')
  const listen = `use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die;
    $| = 1; print "bound\\n"; while (defined recv(S, my $message, 4096, 0)) { $message =~ s/\\n/ /g; print "$message\\n" }`
  const listener = spawn('perl', ['-e', listen, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => listener.kill('SIGKILL'))
  let received = ''
  listener.stdout.on('data', (chunk) => {
    received += chunk
  })
  const hear = async (what: RegExp) => {
    while (!what.test(received)) await outputOf(listener)
  }
  await hear(/bound/)
  return { path, hear, received: () => received }
}
