import type { Step } from './step.ts'

/** Characters that somebody types in a second, with a look at the page: 40 words a minute. */
const TYPED = 3.3

/**
 * How long it takes a newcomer until he sees the first mail that was scanned, by what was typed and
 * waited for.
 */
export function startWatch() {
  let commands = 0
  let characters = 0
  /** Milliseconds in which packages came, and of all else behind the first of them. */
  let packages = 0
  let machine = 0
  let summary: string | undefined

  async function timed<Value>(step: Step, act: () => Promise<Value>): Promise<Value> {
    const start = performance.now()
    const value = await act()
    const took = performance.now() - start
    const isPackage = !('place' in step) && !('printed' in step) && step.needs === 'network'
    if (isPackage) packages += took
    else if (packages > 0) machine += took
    return value
  }

  return {
    /** What the place does, or what is waited for. */
    waits: timed,
    async types<Value>(step: Step, text: string, act: () => Promise<Value>): Promise<Value> {
      if (text !== '') commands += text.split('\n').length
      characters += text.length
      return await timed(step, act)
    },
    arrived(): void {
      const typing = characters / TYPED
      const all = typing + (packages + machine) / 1000
      summary ??=
        `First scanned mail: ${commands} lines typed (${characters} characters, ` +
        `${typing.toFixed(0)} s at ${TYPED} a second), ${(packages / 1000).toFixed(0)} s for ` +
        `packages, ${(machine / 1000).toFixed(0)} s of the machine after that: ` +
        `${(all / 60).toFixed(1)} minutes`
    },
    summary: () => summary ?? 'No mail was scanned',
  }
}
