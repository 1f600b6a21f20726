import { spawn } from 'node:child_process'
import type { Ending } from '../../../programs/host/server.ts'
import { outputOf } from '../../../run/until.ts'
import { asPlain } from '../onescan.ts'

/**
 * Starts a service of qmail's: `words` become tcpserver(1) in the end, which listens at a free port and
 * would start qmail-smtpd. Resolves to the number of its process.
 */
export async function startService(
  t: Ending,
  words: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>
    readonly cwd?: string
    readonly isCallers?: boolean
  } = {},
): Promise<string> {
  // A server with -u gives up root itself.
  const [command, ...rest] =
    words.some((word) => /^-u/.test(word)) || options.isCallers ? words : [...asPlain(), ...words]
  const child = spawn(command!, rest, {
    cwd: options.cwd ?? '/',
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill())
  // With -1 tcpserver prints its port as soon as it listens.
  await outputOf(child)
  return String(child.pid)
}

/** The words by which tcpserver would start qmail-smtpd at a free port, with these options of its. */
export const tcpserver = (...options: readonly string[]): string[] => [
  ...['tcpserver', '-1', '-H', '-R', '-l', '0', ...options, '127.0.0.1', '0'],
  '/var/qmail/bin/qmail-smtpd',
]
