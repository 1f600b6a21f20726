import type { Entry } from './entries.ts'

/**
 * The entries of several logs by their times. Each log stays in its own order, as it was
 * written: a clock that was set back does not mix it up, and a line without a time stands
 * where the line before it stands.
 */
export async function* merge(
  logs: readonly AsyncIterable<readonly Entry[]>[],
): AsyncGenerator<readonly Entry[]> {
  if (logs.length === 1) {
    yield* logs[0]!
    return
  }
  const readers = await Promise.all(logs.map((log) => startReader(log)))
  const open = readers.filter((reader) => reader.entry !== undefined)
  while (open.length > 0) {
    const first = open.reduce((least, each) => (each.time < least.time ? each : least))
    yield [first.entry!]
    await first.next()
    if (first.entry === undefined) open.splice(open.indexOf(first), 1)
  }
}

interface Reader {
  entry: Entry | undefined
  time: number
  next(): Promise<void>
}

async function startReader(log: AsyncIterable<readonly Entry[]>): Promise<Reader> {
  const batches = log[Symbol.asyncIterator]()
  let batch: readonly Entry[] = []
  let index = 0
  const reader: Reader = {
    entry: undefined,
    time: Number.NEGATIVE_INFINITY,
    async next() {
      if (index === batch.length) {
        const { done, value } = await batches.next()
        batch = done ? [] : value
        index = 0
      }
      reader.entry = batch[index++]
      const time = reader.entry?.time ?? Number.NaN
      if (time > reader.time) reader.time = time
    },
  }
  await reader.next()
  return reader
}
