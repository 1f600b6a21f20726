import { mutant } from './mutate.ts'

/** How often `holds` is asked about one message. */
const TRIALS_MAX = 400

/**
 * A smaller mail of which `holds` is true as well: first fewer of the changes that its seed
 * makes, then fewer lines.
 */
export async function minimise(
  seed: number,
  holds: (message: Buffer) => Promise<boolean>,
): Promise<{ readonly message: Buffer; readonly changes: readonly string[] }> {
  let kept = mutant(seed).changes.map((_, at) => at)
  for (const change of [...kept]) {
    const fewer = kept.filter((at) => at !== change)
    if (await holds(mutant(seed, fewer).message)) kept = fewer
  }
  const { message, changes } = mutant(seed, kept)
  return { message: await fewerLines(message, holds), changes }
}

/** A message of fewer lines of which `holds` is true as well. */
export async function fewerLines(
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
