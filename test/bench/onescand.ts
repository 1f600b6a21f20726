import type { Contestant } from './contestants.ts'
import type { DaemonMemory } from './daemon-memory.ts'
import type { Field } from './field.ts'
import type { Lane } from './measure.ts'
import type { Workshop } from './workshop.ts'

export interface Onescands {
  settings(contestant: Contestant): Record<string, string>
  load(
    lanes: readonly Lane[],
    how: { field: Field; messages: number },
  ): Promise<DaemonMemory | undefined>
  stop(): Promise<void>
}

export async function startOnescands(
  _contestants: readonly Contestant[],
  _workshop: Workshop,
  _environment: Readonly<Record<string, string>>,
): Promise<Onescands> {
  return { settings: () => ({}), load: async () => undefined, stop: async () => {} }
}
