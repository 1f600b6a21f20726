import type { Mutant } from '../../../test/messages/random/mutate.ts'

/** How often `holds` is asked about one message. */
const TRIALS_MAX = 400

/**
 * A smaller mail of which `holds` is true as well: first fewer of the changes by which it is made,
 * then fewer lines. `make` makes it, with those of its changes alone that have these indexes.
 */
export async function minimise(
  make: (only?: readonly number[]) => Mutant,
  holds: (message: Buffer) => Promise<boolean>,
): Promise<Mutant> {
  let kept = make().changes.map((_, at) => at)
  for (const change of [...kept]) {
    const fewer = kept.filter((at) => at !== change)
    if (await holds(make(fewer).message)) kept = fewer
  }
  const { message, changes } = make(kept)
  return { message: await fewerLines(message, holds), changes }
}

/** A message of fewer lines of which `holds` is true as well. */
async function fewerLines(
  message: Buffer,
  holds: (message: Buffer) => Promise<boolean>,
): Promise<Buffer> {
  let lines = message.toString('latin1').split('\n')
  let trials = 0
  for (let length = lines.length >> 1; length > 0; length >>= 1) {
    for (let at = 1; at < lines.length && trials < TRIALS_MAX; ) {
      const fewer = [...lines.slice(0, at), ...lines.slice(at + length)]
      trials++
      if (await holds(Buffer.from(fewer.join('\n'), 'latin1'))) lines = fewer
      else at += length
    }
  }
  return Buffer.from(lines.join('\n'), 'latin1')
}
