import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startOnescand } from '../../doors/daemon/process.ts'
import type { Clamd } from '../../programs/clamd.ts'
import { untilListening } from '../../programs/listening.ts'
import { clamsmtpProgram, unpackServers } from '../../programs/unpack.mjs'
import { compiled } from '../compile.ts'

/** What the rig needs to end what it has started. */
export interface Teardown {
  teardown(stop: () => unknown): void
}

/** A filter between the Postfix of the clients and its other smtpd. */
export interface Filter {
  readonly name: string
  /** Listens at the first port, and hands on to the second. The process id of what it has started. */
  start(t: Teardown, port: number, next: number, clamd: Clamd): Promise<number>
}

const onescand = (name: string, settings: (clamd: Clamd) => Record<string, string>): Filter => ({
  name,
  async start(t, port, next, clamd) {
    const places = ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${next}`]
    const setup = { args: [...places, '--workers', '2'], settings: settings(clamd) }
    const daemon = startOnescand(t, setup)
    await daemon.logged(/serving/)
    return daemon.pid
  },
})

const scanning = ({ socket }: Clamd) => ({ QHPSI: 'plugin: clamd', REJECTVIRUS: '1', CLAMD: socket }) // biome-ignore format: a line

/** The first one is what the others are compared with. */
export const filters: readonly Filter[] = [
  {
    name: 'pass-through in C',
    start: (t, port, next) => started(t, compiled('pass'), [String(port), String(next)], port),
  },
  onescand('onescand, unscanned', () => ({})),
  onescand('onescand, copies known', scanning),
  onescand('onescand, each scanned', (clamd) => ({ ...scanning(clamd), VERDICTS: 'off' })),
  onescand('onescand, each scanned as a whole', (clamd) => ({
    ...scanning(clamd),
    VERDICTS: 'off',
    SECONDLOOK: 'never',
  })),
  {
    name: 'clamsmtpd, each scanned as a whole',
    start(t, port, next, clamd) {
      unpackServers()
      const file = join(clamd.directory, 'clamsmtpd.conf')
      const lines = [
        `OutAddress: 127.0.0.1:${next}`,
        `Listen: 127.0.0.1:${port}`,
        `ClamAddress: ${clamd.socket}`,
        `TempDirectory: ${clamd.directory}`,
        'Action: bounce',
      ]
      writeFileSync(file, `${lines.join('\n')}\n`)
      return started(t, clamsmtpProgram, ['-d', '1', '-f', file], port)
    },
  },
]

async function started(
  t: Teardown,
  program: string,
  words: string[],
  port: number,
): Promise<number> {
  const child = spawn(program, words, { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  await untilListening({ host: '127.0.0.1', port }, child)
  return child.pid!
}
