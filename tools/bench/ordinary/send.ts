import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseLogLine } from '../../../src/scanner/log/parsed-line.ts'
import { compiled } from '../compile.ts'
import { drive, type Passage } from '../drive.ts'
import type { Workshop } from '../workshop.ts'

/** A way into the slot. */
export interface Lane {
  /** onescanc. */
  readonly client: string
  /** Its whole environment, but the next program. */
  readonly environment: Readonly<Record<string, string>>
  /** Processes whose processor time counts. */
  readonly servers?: readonly number[]
}

/** What became of a message. */
export interface Outcome {
  readonly passage: Passage
  readonly decision: 'accepted' | 'refused' | 'deferred'
  /** Why it was not accepted, as the log shows it, or the client's exit code and text; '' if it was. */
  readonly reason: string
  readonly isInfected: boolean
  /** Forms that ordinary mail never has (`odd=`). */
  readonly odd: readonly string[]
}

export interface Sent {
  /** In the order of the messages. */
  readonly outcomes: readonly Outcome[]
  /** What went wrong in the run itself, in a line: nothing of it is measured then. '' if nothing. */
  readonly trouble: string
}

/** Most messages of a call; the driver takes 512. */
export const BATCH = 200

/** qmail-smtpd's answers to the exit codes of qmail-queue: 5xx for these (qmail.c). */
const isPermanent = (code: number) => code >= 11 && code <= 40

/** Sends messages through the slot into the sink, and looks whether each came out once and whole. */
export async function send(
  messages: readonly Buffer[],
  { client, environment, servers = [] }: Lane,
  atOnce: number,
  workshop: Workshop,
): Promise<Sent> {
  const log = join(workshop.directory, 'log')
  const { passages, tally } = await drive({
    program: [client],
    messages: workshop.write(messages),
    count: messages.length,
    atOnce,
    environment: { ...environment, QUEUECHAIN: compiled('sink') },
    log,
    queue: workshop.queue,
    servers,
  })
  const { records, standalone } = takeRecords(log)
  const outcomes = passages
    .toSorted((a, b) => a.serial - b.serial)
    .map((passage) => outcomeOf(passage, records.get(passage.serial)))
  const { lost, twice, damaged, uncalled, strange } = tally
  const troubles = { lost, twice, damaged, uncalled, strange, standalone }
  const trouble = Object.values(troubles).some((count) => count > 0) ? JSON.stringify(troubles) : ''
  return { outcomes, trouble }
}

type Fields = ReadonlyMap<string, string>

/** The words beside the reason name lines of the mail: one reason would be many. */
function withoutRemarks(reason: string): string {
  const parts = reason.split('; ').filter((part) => !part.startsWith('not well formed: '))
  return parts.join('; ') || reason
}

/** The lines of a log by the serial in the sender's address; removes the log. */
function takeRecords(file: string): { records: Map<number, Fields>; standalone: number } {
  const lines = existsSync(file) ? readFileSync(file, 'latin1').split('\n') : []
  rmSync(file, { force: true })
  const records = new Map<number, Fields>()
  let standalone = 0
  for (const line of lines) {
    const fields = parseLogLine(line, Number.NaN)?.fields
    if (fields?.get('decision') === 'standalone') standalone++
    const serial = /^<bench-(\d+)@/.exec(fields?.get('from') ?? '')
    if (fields && serial) records.set(Number(serial[1]), fields)
  }
  return { records, standalone }
}

function outcomeOf(passage: Passage, fields: Fields = new Map()): Outcome {
  const { accepted, code, signal, text } = passage
  const isRefused = isPermanent(code) || text.startsWith('D')
  const reasons = ['grounds', 'fault', 'cause'].map((key) => fields.get(key) ?? '')
  reasons.push(withoutRemarks(fields.get('reason') ?? ''))
  const answer = signal ? `signal ${signal}` : `exit code ${code} ${text}`
  const reason = reasons.filter(Boolean).join(': ') || answer.trim()
  return {
    passage,
    decision: accepted ? 'accepted' : isRefused ? 'refused' : 'deferred',
    reason: accepted ? '' : reason,
    isInfected: fields.get('scan') === 'infected',
    odd: fields.get('odd')?.split(',') ?? [],
  }
}
