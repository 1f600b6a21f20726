import type { SlotOutcome } from './call-slot.ts'
import type { ChainInput } from './chain-probe.ts'

/** One call of a slot, and its outcome. */
export interface Injection {
  /** The line that the client would get, by smtpReply(). */
  readonly reply: string
  readonly program: string
  readonly dryRun: boolean
  readonly outcome: SlotOutcome
  /** Undefined if the slot handed nothing on, or if there was no probe. */
  readonly chainInput: ChainInput | undefined
}

/** The outcome for people: one fact a line, with control bytes of hostile mail made visible. */
export function reportText(injection: Injection): string {
  const { outcome, chainInput } = injection
  const lines = [
    entry('reply', injection.reply),
    entry('exit', ending(outcome)),
    entry('time', `${Math.round(outcome.time)} ms`),
    ...linesOf(outcome.log).map((line) => entry('log', line)),
  ]
  if (injection.dryRun) lines.push(entry('queued', 'no, this is a dry run'))
  if (chainInput) {
    lines.push(entry('from', `<${addresses(chainInput).sender}>`))
    lines.push(...addresses(chainInput).recipients.map((address) => entry('to', `<${address}>`)))
    lines.push('headers', ...headerLines(chainInput).map((line) => `  ${visible(line)}`))
  }
  return `${lines.join('\n')}\n`
}

/** The outcome for programs. Each byte is the character of the same number; nothing is left out. */
export function reportJson(injection: Injection): object {
  const { outcome, chainInput } = injection
  return {
    reply: injection.reply,
    program: injection.program,
    dryRun: injection.dryRun,
    exitCode: outcome.code ?? null,
    signal: outcome.signal ?? null,
    milliseconds: outcome.time,
    log: linesOf(outcome.log),
    envelope: chainInput ? addresses(chainInput) : null,
    header: chainInput ? chainInput.header.toString('latin1') : null,
  }
}

const entry = (name: string, text: string): string => `${name.padEnd(8)} ${visible(text)}`

const ending = ({ code, signal }: SlotOutcome): string =>
  signal === undefined ? String(code) : `killed by ${signal}`

const linesOf = (log: Buffer): string[] =>
  log
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '')

const headerLines = (chainInput: ChainInput): string[] =>
  chainInput.header
    .toString('latin1')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '')

function addresses(chainInput: ChainInput): { sender: string; recipients: string[] } {
  const wire = chainInput.envelope.subarray(0, -2).toString('latin1')
  const [sender = '', ...recipients] = wire.split('\0').map((part) => part.slice(1))
  return { sender, recipients }
}

/** Makes text safe for a terminal: printable ASCII and tabs stay, other bytes become \xNN. */
const visible = (text: string): string =>
  text.replace(
    /[^\t\x20-\x7e]/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
