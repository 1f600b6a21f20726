import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { oldestNode } from '../../packaging/toolchain/toolchain.mjs'
import { attempt } from '../../src/base/errors/fault.ts'
import { startTcpServer, type TcpServer } from '../programs/servers/ucspi.ts'
import { isWhole } from '../run/is-whole.ts'
import { until } from '../run/until.ts'
import { allWait } from './waits.ts'

const root = join(import.meta.dirname, '../..')

/** The launcher that is installed. */
export const launcher = join(root, 'bin/smtp-delay')

const compiled = join(root, 'build/native/smtp-delay')

/**
 * As it is installed, on the newest Node; on the oldest; and compiled, where it is built.
 */
export const builds: readonly { readonly name: string; readonly smtpDelay: string[] }[] = [
  { name: 'as installed', smtpDelay: [launcher] },
  {
    name: 'on the oldest Node',
    smtpDelay: [oldestNode, join(root, 'dist/smtp-delay.cjs')],
  },
  ...(existsSync(compiled) ? [{ name: 'compiled', smtpDelay: [compiled] }] : []),
]

/** What the package installs, and with `npm run test:nightly` each build; delay.test.ts tries each once. */
export const runtimes = isWhole ? builds : builds.slice(-1)

/** Options with short delays. The DNS is asked at a server of the test, or not at all. */
export const QUICK = [...allWait(0.5), '-P', '0.1', '--dns-timeout', '0.1']

/** A server program that prints its environment, and records its input and its descriptors. */
const BEHIND = `#!/bin/sh
printf '220 behind RBLSMTPD=%s\\r\\n' "\${RBLSMTPD-unset}"
cat >>"$KEPT/bytes"
grep SigIgn /proc/self/status >"$KEPT/state"
grep flags /proc/self/fdinfo/0 /proc/self/fdinfo/1 >>"$KEPT/state"
env >"$KEPT/environment"
`

interface Served extends TcpServer {
  /** What the program behind kept in a file of this name; '' before it ran. */
  kept(name: 'bytes' | 'state' | 'environment'): string
  /** Resolves when the program behind has ended. */
  over(): Promise<void>
}

/** tcpserver with these words before a program that keeps what it gets; it ends with the test. */
export async function serve(
  t: Test,
  setup: {
    readonly words: readonly string[]
    readonly rules?: string
    readonly environment?: Readonly<Record<string, string>>
  },
): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-delay-'))
  const behind = join(directory, 'behind')
  writeFileSync(behind, BEHIND, { mode: 0o755 })
  const server = await startTcpServer({
    directory,
    rules: setup.rules ?? ':allow\n',
    program: [...setup.words, behind],
    environment: { PATH: process.env.PATH, KEPT: directory, ...setup.environment },
  })
  t.teardown(() => server.stop().finally(() => rmSync(directory, { recursive: true, force: true })))
  const kept: Served['kept'] = (name) => {
    return attempt(() => readFileSync(join(directory, name), 'latin1')) ?? ''
  }
  const over = async () => {
    await until(() => kept('environment') !== '', 'the server behind ends')
  }
  return { ...server, kept, over }
}

export interface Visit {
  /** All replies of the server, latin1. */
  readonly replies: string
  /** Milliseconds until its first byte. */
  readonly greetedAfter: number
}

/**
 * A client: sends `early` at once, `late` once it was greeted, and reads to the end.
 * `leaveAfter` milliseconds it is gone, whatever happened, or at `leaveWhen`.
 */
export function visit(
  port: number,
  does: { early?: string; late?: string; leaveAfter?: number; leaveWhen?: AbortSignal } = {},
): Promise<Visit> {
  const { early, late = '', leaveAfter, leaveWhen } = does
  return new Promise((resolve) => {
    const start = performance.now()
    let greetedAfter = Number.NaN
    let replies = ''
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      if (early !== undefined) socket.write(early, 'latin1')
      if (leaveAfter !== undefined) setTimeout(() => socket.destroy(), leaveAfter)
      leaveWhen?.addEventListener('abort', () => socket.destroy())
    })
    socket.on('data', (bytes) => {
      if (Number.isNaN(greetedAfter)) {
        greetedAfter = performance.now() - start
        socket.end(late, 'latin1')
      }
      replies += bytes.toString('latin1')
    })
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => resolve({ replies, greetedAfter }))
  })
}
