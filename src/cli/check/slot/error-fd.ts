import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readErrorReport } from '../../../doors/shared/replies/error-report.ts'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import type { Host } from '../shared/host.ts'

/** Milliseconds for one short SMTP session without a network. */
const PATIENCE = 15_000

/** A way to hand a text to qmail-smtpd. */
interface ErrorPipe {
  /** The descriptor to which the text is written. */
  readonly fd: number
  /** The exit code that announces the text. */
  readonly code: 82 | 88
}

/** The ways that any qmail-smtpd is known to take, the best one first. */
const errorPipes: readonly ErrorPipe[] = [
  { fd: 6, code: 82 }, // notqmail from 1.09 on
  { fd: 4, code: 82 }, // older patches, sagredo
  { fd: 4, code: 88 }, // sagredo
  { fd: 2, code: 88 }, // IndiMail
]

/** Checks whether this host's qmail-smtpd reads texts as ERROR_FD and ERROR_EXIT say. */
export async function checkErrorFd(host: Host): Promise<Finding[]> {
  const what = 'ERROR_FD'
  const { env } = host
  const set = env.ERROR_FD || undefined
  let code: number
  try {
    code = readErrorReport(env).code
  } catch (thrown) {
    return [error(what, errorText(thrown), 'correct it; until then mail is deferred')]
  }
  const smtpd = join(host.directories.qmailHome, 'bin', 'qmail-smtpd')
  const understood = await understoodPipes(smtpd, host)
  if (understood === undefined) {
    const value = `${set ?? 'not set'}; cannot be tried: no ${smtpd} that honours QMAILQUEUE`
    if (set === undefined) return [ok(what, value)]
    return [warning(what, value, 'send EICAR by SMTP: the reply must name the virus')]
  }
  if (understood.length === 0) return [takesNoText(set, smtpd)]
  return [compare(set, code, understood, smtpd)]
}

function takesNoText(set: string | undefined, smtpd: string): Finding {
  if (set === undefined) return ok('ERROR_FD', `not set, and ${smtpd} takes no text`)
  const value = `${set}, but ${smtpd} takes no text: refused mail would be tried again`
  return error('ERROR_FD', value, 'unset ERROR_FD')
}

function compare(
  set: string | undefined,
  code: number,
  understood: readonly ErrorPipe[],
  smtpd: string,
): Finding {
  const what = 'ERROR_FD'
  const best = understood[0]!
  const advice = `set ERROR_FD=${best.fd} ERROR_EXIT=${best.code}`
  if (set === undefined) {
    return ok(what, `not set: refusals do not name the virus (to have that, ${advice})`)
  }
  if (understood.some((pipe) => String(pipe.fd) === set && pipe.code === code)) {
    return ok(what, `${set} with exit code ${code}, as ${smtpd} takes it`)
  }
  const value = `${set} with exit code ${code}, which ${smtpd} does not take: refused mail would be tried again`
  return error(what, value, advice)
}

/**
 * Tries each error pipe with a QMAILQUEUE that queues nothing, and returns those that qmail-smtpd
 * understands. Undefined if that cannot be found out. A qmail-smtpd that ignores QMAILQUEUE is never
 * sent a whole message, since it would queue it.
 */
async function understoodPipes(smtpd: string, host: Host): Promise<ErrorPipe[] | undefined> {
  try {
    if (!readFileSync(smtpd).includes('QMAILQUEUE')) return undefined
  } catch {
    return undefined
  }
  if (!(await callsQmailqueue(smtpd, host))) return undefined
  const understood: ErrorPipe[] = []
  for (const pipe of errorPipes) {
    const reply = await replyOf(smtpd, pipe, host)
    if (reply === undefined) return undefined
    if (reply.includes(TEXT)) understood.push(pipe)
  }
  return understood
}

const TEXT = 'onescan check'

/** The commands of a session up to the message. */
const BEFORE_MESSAGE = ['EHLO localhost', 'MAIL FROM:<>', 'RCPT TO:<postmaster@localhost>', 'DATA']
const MESSAGE = [`Subject: ${TEXT}`, '', '.', 'QUIT']

/**
 * Whether qmail-smtpd uses QMAILQUEUE. The client hangs up in the middle of the message, so that the
 * program that qmail-smtpd starts gets no envelope: no qmail-queue queues mail without an envelope.
 */
async function callsQmailqueue(smtpd: string, host: Host): Promise<boolean> {
  return withQueue(': >called; cat >/dev/null', async (queue) => {
    const called = join(dirname(queue), 'called')
    const lines = [...BEFORE_MESSAGE, `Subject: ${TEXT}`]
    // Some qmail-smtpd kill the program as soon as the client has gone, perhaps before it began.
    await session(smtpd, host, queue, lines, () => until(() => existsSync(called)))
    await until(() => existsSync(called))
    return existsSync(called)
  })
}

/** The reply to the end of DATA; undefined if the session did not get there. */
async function replyOf(smtpd: string, pipe: ErrorPipe, host: Host): Promise<string | undefined> {
  const script = `cat >/dev/null; cat <&1 >/dev/null; printf 'Z${TEXT}' >&${pipe.fd}; exit ${pipe.code}`
  return withQueue(script, async (queue) => {
    const output = await session(smtpd, host, queue, [...BEFORE_MESSAGE, ...MESSAGE])
    const [, reply] = /^354 .*\r?\n([45]\d\d[ -].*)$/m.exec(output) ?? []
    return reply
  })
}

/** Calls `use` with a program that runs this script in a directory of its own. */
async function withQueue<Result>(
  script: string,
  use: (queue: string) => Promise<Result>,
): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-check-'))
  try {
    chmodSync(directory, 0o755)
    const queue = join(directory, 'queue')
    writeFileSync(queue, `#!/bin/sh\ncd "\${0%/*}" && { ${script}; }\n`)
    chmodSync(queue, 0o755)
    return await use(queue)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * Sends these lines to qmail-smtpd and returns its output. Resolves when the server and all processes
 * that it started have ended: they hold the last descriptor.
 */
function session(
  smtpd: string,
  host: Host,
  QMAILQUEUE: string,
  lines: readonly string[],
  beforeHangingUp: (() => Promise<void>) | undefined = undefined,
): Promise<string> {
  const env = {
    PATH: host.env.PATH,
    QMAILQUEUE,
    RELAYCLIENT: '',
    TCPREMOTEIP: '127.0.0.1',
    TCPLOCALPORT: '25',
  }
  return new Promise((resolve) => {
    const stdio = ['pipe', 'pipe', ...new Array<'ignore'>(LAST - 2).fill('ignore'), 'pipe'] as const
    const child = spawn(smtpd, { env, stdio: [...stdio], timeout: PATIENCE })
    const output: Buffer[] = []
    child.stdout!.on('data', (bytes: Buffer) => output.push(bytes))
    child.on('error', () => resolve(''))
    child.on('close', () => resolve(Buffer.concat(output).toString('latin1')))
    child.stdin!.on('error', () => {}) // the server may end before it has read everything
    child.stdin!.write(lines.map((line) => `${line}\r\n`).join(''))
    const ended = new Promise<void>((end) => child.once('exit', () => end()))
    void Promise.race([ended, beforeHangingUp?.()]).then(() => child.stdin!.end())
  })
}

/** Milliseconds in which a program should have started. */
const STARTED_WITHIN = 1_000
/** Milliseconds between two checks of that. */
const POLL_EVERY = 20

/** Resolves when the condition holds, or after STARTED_WITHIN. */
async function until(holds: () => boolean): Promise<void> {
  const from = performance.now()
  while (!holds() && performance.now() - from < STARTED_WITHIN) {
    await new Promise((resolve) => setTimeout(resolve, POLL_EVERY))
  }
}

/**
 * A descriptor above those of all error pipes. It closes when all processes of the session have
 * ended.
 */
const LAST = 9
