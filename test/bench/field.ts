import { isExecutable } from '../../src/ground/process/find-program.ts'
import { compiled } from './compile.ts'
import type { Workshop } from './workshop.ts'

const REAL_QUEUE = '/var/qmail/bin/qmail-queue'

/** Where all contestants run. */
export interface Field extends Pick<Workshop, 'directory' | 'message'> {
  /** The program behind each of them. */
  readonly chain: string
  /** The queue where every message is looked for; undefined where the chain is another's. */
  readonly queue: string | undefined
}

/** The real qmail-queue where this host has one, else sink.c. */
export function chooseField(workshop: Workshop, realQueue: string = REAL_QUEUE): Field {
  const { directory, message, queue } = workshop
  return isExecutable(realQueue)
    ? { directory, message, chain: realQueue, queue: undefined }
    : { directory, message, chain: compiled('sink'), queue }
}
