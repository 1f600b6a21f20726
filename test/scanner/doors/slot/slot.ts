import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newestNode, oldestNode } from '../../../../packaging/toolchain/toolchain.mjs'
import { isWhole } from '../../../run/is-whole.ts'
import { callSlot, type SlotCall, type SlotOutcome } from '../../../stand-in/smtpd/call-slot.ts'
import {
  type Delivery,
  deliveries,
  leftBehind,
  makeMaildir,
  standInQueue,
} from '../../../stand-in/stand-in.ts'

const root = join(import.meta.dirname, '../../../..')
const bundle = join(root, 'dist/onescan-queue.cjs')

/** The launcher that is installed. */
export const launcher = join(root, 'bin/onescan-queue')

/** The launcher of the compiled program; `npm run build:native`, and `npm test`, build it. */
export const compiled = join(root, 'build/native/onescan-queue')

interface Runtime {
  readonly name: string
  readonly program: readonly string[]
}

/**
 * The bundle on the newest and on the oldest Node, and compiled, where it is built.
 */
export const builds: readonly Runtime[] = [
  { name: 'on the newest Node', program: [newestNode, bundle] },
  { name: 'on the oldest Node', program: [oldestNode, bundle] },
  ...(existsSync(compiled) ? [{ name: 'compiled', program: [compiled] }] : []),
]

export const newest = builds[0]!.program
export const oldest = builds[1]!.program

/**
 * The build that tests of one behaviour use: the compiled one where it is built, which is what the
 * Debian package installs, and starts in a third of the time of the others.
 */
export const quickest = builds.at(builds.length > 2 ? -1 : 0)!.program

/**
 * The builds for tests of what differs between them. `npm test` tries one; the cases of all doors
 * go through each (cases.test.ts).
 */
export const runtimes = isWhole ? builds : builds.filter(({ program }) => program === quickest)

export interface SlotRun extends SlotOutcome {
  readonly deliveries: readonly Delivery[]
  /** The one delivery's header and body, latin1; '' where there is none. */
  readonly text: string
  /** fd 2, latin1. */
  readonly logged: string
  /** Files that the slot left in its temporary directory, and that the queue was left with. */
  readonly left: readonly string[]
}

export type SlotSetup = Partial<SlotCall> & {
  readonly settings?: Readonly<Record<string, string | undefined>>
}

export const envelope = Buffer.from('Fa@example.org\0Tb@example.org\0\0')

/** One message through the slot into an empty Maildir, with a temporary directory of its own. */
export async function runSlot(setup: SlotSetup = {}): Promise<SlotRun> {
  const { settings = {}, ...call } = setup
  const maildir = makeMaildir()
  const spool = mkdtempSync(join(tmpdir(), 'onescan-spool-'))
  try {
    const outcome = await callSlot({
      program: quickest,
      message: Buffer.from('Subject: x\n\nbody\n'),
      envelope,
      directory: '/',
      timeout: 60_000,
      ...call,
      environment: {
        PATH: process.env.PATH,
        PROTO: 'TCP', // as tcpserver has it: fd 2 is the log
        MAILDIR: maildir.path,
        TMPDIR: spool,
        QUEUECHAIN: standInQueue(),
        CONTROLDIR: '/nonexistent',
        ...settings,
      },
    })
    const delivered = deliveries(maildir.path)
    return {
      ...outcome,
      deliveries: delivered,
      text: delivered[0]?.message.toString('latin1') ?? '',
      logged: outcome.log.toString('latin1'),
      left: [
        ...readdirSync(spool),
        ...leftBehind(maildir.path).filter((name) => delivered.length === 0 || /^tmp/.test(name)),
      ],
    }
  } finally {
    maildir.remove()
    rmSync(spool, { recursive: true, force: true })
  }
}
