import { readdirSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

const PARTS = ['todo', 'intd', 'mess', 'pid']

/** Header blocks of what is in the queue of sink.c, each without the Received line of that. */
export function queuedHeaders(queue: string): string[] {
  return readdirSync(join(queue, 'todo')).map((name) => {
    const message = readFileSync(join(queue, 'mess', name), 'latin1')
    return message.slice(message.indexOf('\n') + 1, message.indexOf('\n\n') + 1)
  })
}

export function emptyQueue(queue: string): void {
  for (const part of PARTS) {
    for (const name of readdirSync(join(queue, part))) unlinkSync(join(queue, part, name))
  }
}

/** Values of X-QHPSI, and the number of cluster stamps. */
export function ourFields(header: string): { xQhpsi: string | undefined; stamps: number } {
  const marks = [...header.matchAll(/^X-QHPSI: (.*)$/gim)].map(([, value]) => value)
  return {
    xQhpsi: marks.length > 0 ? marks.join(' and ') : undefined,
    stamps: [...header.matchAll(/^X-(?:MD5|SHA256)-Cluster-\d+:/gim)].length,
  }
}
