import { readdirSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { compiled } from './compile.ts'
import type { Contestant } from './contestants.ts'
import { drive, takeLog } from './drive.ts'
import { KINDS, makeLetter } from './letters.ts'
import type { Workshop } from './workshop.ts'

/**
 * Sends one message of each kind through a contestant and looks at what comes out: one
 * that is fast because it does not do its work must not win. The reasons why not, if any.
 */
export async function prove(
  contestant: Contestant,
  environment: Readonly<Record<string, string>>,
  workshop: Workshop,
): Promise<string[]> {
  const faults: string[] = []
  const sink = compiled('sink')
  const log = join(workshop.directory, 'log-proof')
  for (const kind of KINDS) {
    const { passages, sound } = await drive({
      program: contestant.program(sink),
      messages: workshop.write([makeLetter(kind)]),
      count: 1,
      atOnce: 1,
      environment: { ...environment, QUEUECHAIN: sink },
      log,
      queue: workshop.queue,
      keep: true,
    })
    const found = queuedHeaders(workshop.queue).map(ourFields)
    emptyQueue(workshop.queue)
    const { standalone, whyStandalone } = takeLog(log)
    if (standalone > 0)
      faults.push(`${kind} mail: the standalone program had to do it: ${whyStandalone}`)
    const wanted = [contestant.leaves(kind)]
    if (sound && JSON.stringify(found) === JSON.stringify(wanted)) continue
    const [{ code, text } = { code: -1, text: '' }] = passages
    faults.push(
      `${kind} mail: exit code ${code}${text && ` (${text})`}, out came ${describe(found)}, not ${describe(wanted)}`,
    )
  }
  return faults
}

function describe(messages: readonly ReturnType<typeof ourFields>[]): string {
  if (messages.length === 0) return 'nothing'
  return messages
    .map(({ xQhpsi, stamps }) => `X-QHPSI ${xQhpsi ?? 'missing'}, stamps ${stamps}`)
    .join('; ')
}

const PARTS = ['todo', 'intd', 'mess', 'pid']

/** Header blocks of what is in the queue of sink.c, each without the Received line of that. */
function queuedHeaders(queue: string): string[] {
  return readdirSync(join(queue, 'todo')).map((name) => {
    const message = readFileSync(join(queue, 'mess', name), 'latin1')
    return message.slice(message.indexOf('\n') + 1, message.indexOf('\n\n') + 1)
  })
}

function emptyQueue(queue: string): void {
  for (const part of PARTS) {
    for (const name of readdirSync(join(queue, part))) unlinkSync(join(queue, part, name))
  }
}

/** Values of X-QHPSI, and the number of cluster stamps. */
function ourFields(header: string): { xQhpsi: string | undefined; stamps: number } {
  const marks = [...header.matchAll(/^X-QHPSI: (.*)$/gim)].map(([, value]) => value)
  return {
    xQhpsi: marks.length > 0 ? marks.join(' and ') : undefined,
    stamps: [...header.matchAll(/^X-(?:MD5|SHA256)-Cluster-\d+:/gim)].length,
  }
}
