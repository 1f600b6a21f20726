import about from '../../../package.json' with { type: 'json' }
import { writeWhole } from './write-whole.ts'

/** Whether these are the words of somebody who wants to know about a program, not to run it. */
export function asksAbout(words: readonly string[]): boolean {
  return words.length === 1 && ['--help', '-h', '--version'].includes(words[0]!)
}

/**
 * Tells it on descriptor 1. Throws a system error if that takes nothing, as in the
 * slot, where it is the envelope's, for reading: success would mean that mail was queued.
 */
export function tellAbout(program: string, usage: string, words: readonly string[]): void {
  const text = words[0] === '--version' ? `${program} ${about.version}\n` : usage
  writeWhole(1, Buffer.from(text))
}
