import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { compileRules } from '../../programs/servers/ucspi.ts'
import { HANGS_AFTER, until } from '../../run/until.ts'
import { allWait, NO_NAMES, NO_PENALTY } from '../waits.ts'

/** Starts a gate on a free port, and connects clients, each from an address of its own. */

export interface Gate {
  readonly port: number
  readonly pid: number
  /** For files of the test; it goes with the gate. */
  readonly directory: string
  readonly log: readonly string[]
  /** What the programs behind wrote into a file of this name there; '' if none did. */
  kept(name: string): string
  signal(signal: NodeJS.Signals): void
  /** Its exit code, when it has ended. */
  readonly ended: Promise<number | null>
  /** Resolves when such lines are in its log; rejects if they never come. */
  logged(what: RegExp): Promise<void>
}

/**
 * The program behind: it greets with the text that it was given, answers each line, keeps what it got, and
 * ends at QUIT. `held` makes it wait for a file of that name before it greets.
 */
const BEHIND = `#!/bin/sh
env >>"$KEPT/environments"
grep -E '^Sig(Ign|Blk)' /proc/self/status >"$KEPT/state"
grep flags /proc/self/fdinfo/0 /proc/self/fdinfo/1 >>"$KEPT/state"
printf '220 behind RBLSMTPD=%s\\r\\n' "\${RBLSMTPD-unset}"
while read -r line; do
  printf '%s\\n' "$line" >>"$KEPT/lines"
  case $line in
    QUIT*) printf '221 bye\\r\\n'; exit 0 ;;
    DIE*) kill -KILL $$ ;;
    *) printf '250 ok\\r\\n' ;;
  esac
done
exit 1
`

export interface GateSetup {
  readonly command: readonly string[]
  readonly words?: readonly string[]
  /** Rules of tcprules(1), compiled for -x. */
  readonly rules?: string
  /** In the place of the program that keeps what it gets. */
  readonly program?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly listen?: string
  /** With -h, which is the default: else no name is looked up for TCPREMOTEHOST. */
  readonly lookUp?: boolean
  readonly directory?: string
}

/** Options with short delays, and without a DNS server that would answer. */
export const AT_ONCE = [...allWait(0), ...NO_PENALTY, ...NO_NAMES]

/** The gate ends with the test. */
export async function startGate(t: Test, setup: GateSetup): Promise<Gate> {
  const directory = setup.directory ?? mkdtempSync(join(tmpdir(), 'onescan-gate-'))
  chmodSync(directory, 0o777)
  const behind = join(directory, 'behind')
  writeFileSync(behind, BEHIND, { mode: 0o755 })
  const rules = setup.rules === undefined ? [] : ['-x', compileRules(directory, setup.rules)]
  const words = ['--listen', setup.listen ?? '127.0.0.1:0', '-1', '-v', '-l', '0', ...rules]
  if (!setup.lookUp) words.push('-H')
  const [command = '', ...first] = setup.command
  const program = setup.program ?? [behind]
  const child = spawn(command, [...first, ...words, ...(setup.words ?? AT_ONCE), ...program], {
    env: { PATH: process.env.PATH, KEPT: directory, ...setup.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const closed = once(child, 'close') // by then all lines have come
  const port = await firstNumber(child)
  if (port === undefined) {
    await closed
    throw new Error(`the gate ended: ${log.join('\n')}`)
  }
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
    if (setup.directory === undefined) rmSync(directory, { recursive: true, force: true })
  })
  return {
    port,
    pid: child.pid!,
    directory,
    log,
    ended,
    kept(name) {
      try {
        return readFileSync(join(directory, name), 'latin1')
      } catch {
        return ''
      }
    },
    signal: (signal) => void child.kill(signal),
    async logged(what) {
      await until(() => what.test(log.join('\n')), String(what))
    },
  }
}

async function firstNumber(child: ChildProcess): Promise<number | undefined> {
  for await (const line of createInterface({ input: child.stdout! })) return Number(line)
  return undefined
}

export interface Client {
  /** All that came so far, latin1. */
  readonly replies: string
  /** Whether the other side has ended. */
  readonly isOver: boolean
  send(text: string): void
  /** Resolves when what came matches; rejects with it if that never happens. */
  hears(what: RegExp): Promise<string>
  /** Resolves to all that came when the other side has ended. */
  readonly over: Promise<string>
  leave(): void
}

/** Connects from an address of this host, such as 127.0.0.2. `early` is sent at once. */
export async function connect(
  port: number,
  {
    from = '127.0.0.1',
    to = '127.0.0.1',
    early,
  }: { from?: string; to?: string; early?: string } = {},
): Promise<Client> {
  const socket: Socket = createConnection({ port, host: to, localAddress: from })
  let replies = ''
  let isOver = false
  const looks = new Set<() => void>()
  const look = () => {
    for (const look of looks) look()
  }
  socket.on('data', (bytes) => {
    replies += bytes.toString('latin1')
    look()
  })
  socket.on('error', () => {}) // 'close' follows
  const over = new Promise<string>((resolve) => {
    socket.on('close', () => {
      isOver = true
      resolve(replies)
      look()
    })
  })
  if (early !== undefined) socket.write(early)
  await once(socket, 'connect')
  return {
    get replies() {
      return replies
    },
    get isOver() {
      return isOver
    },
    send: (text) => void socket.write(text),
    hears: (what) =>
      new Promise((resolve, reject) => {
        const inVain = () => reject(new Error(`heard ${replies}, not ${what}`))
        const timer = setTimeout(inVain, HANGS_AFTER)
        const settle = (action: () => void) => {
          clearTimeout(timer)
          looks.delete(check)
          action()
        }
        const check = () => {
          if (what.test(replies)) settle(() => resolve(replies))
          else if (isOver) settle(inVain)
        }
        looks.add(check)
        check()
      }),
    over,
    leave: () => socket.destroy(),
  }
}

/** Holds a whole SMTP session, waiting for each reply. Resolves to everything that was received. */
export async function speak(port: number, from?: string): Promise<string> {
  const client = await connect(port, from === undefined ? {} : { from })
  await client.hears(/^220 .*\r\n/)
  client.send('EHLO client.example.org\r\n')
  await client.hears(/^250 /m)
  client.send('MAIL FROM:<a@example.org>\r\n')
  await client.hears(/^250 [\s\S]*^250 /m)
  client.send('QUIT\r\n')
  return client.over
}
