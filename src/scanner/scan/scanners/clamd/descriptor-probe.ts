import { closeSync, ftruncateSync, writeSync } from 'node:fs'
import { withDeadline } from '../../../../base/flow/timeout.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import type { System } from '../../../../base/runtime/system.ts'
import { MEMORY_FILE_MAX } from '../../../../mail/message/gathered-file.ts'
import { EICAR } from '../eicar/eicar.ts'
import type { ClamdAddress } from './clamd-address.ts'
import { descriptorsOf } from './scan-commands.ts'
import { ClamdSession } from './session.ts'

/**
 * Upper limit, in bytes, for a file passed to clamd by descriptor before clamd has shown that it scans
 * MEMORY_FILE_MAX: less than any limit of a clamd. Larger files are streamed.
 */
const SMALL_DESCRIPTOR_MAX = 1024 * 1024

/**
 * Milliseconds for clamd's answer. A forwarded socket drops the descriptor, and the clamd at its other end
 * waits indefinitely.
 */
const ANSWER_TIMEOUTS = { small: 1_000, large: 10_000 } as const
/**
 * Milliseconds for which a yes or a no is valid. Then clamd is probed again while no message waits: it may be
 * another one, or have other settings.
 */
const YES_FOR = 3_600_000
const NO_FOR = 60_000

type ProbeSize = keyof typeof ANSWER_TIMEOUTS

interface DescriptorAnswer {
  readonly takes: boolean
  readonly at: number
}

/**
 * Probes whether a server scans files that it receives by descriptor (FILDES, clamd(8)). On separate
 * connections it gets a small file and, before the first large message, a file of MEMORY_FILE_MAX bytes. The
 * large file begins with the test virus, which clamd must find: it answers OK, without a scan, to a file over
 * its MaxFileSize. (To a stream over its StreamMaxLength it answers with an error.)
 */
export class DescriptorProbe {
  readonly #address: ClamdAddress
  readonly #passing: System
  readonly #known = new Map<ProbeSize, DescriptorAnswer>()
  /** The last probe of each size. */
  readonly #underWay = new Map<ProbeSize, Promise<boolean>>()
  readonly #closed = new AbortController()

  constructor(address: ClamdAddress, passing: System) {
    this.#address = address
    this.#passing = passing
  }

  /**
   * Resolves to whether a file of `size` bytes may be passed by descriptor. The first caller waits for the
   * probe with a small file. Other callers get false meanwhile, and while a large file is probed.
   */
  async takes(size: number): Promise<boolean> {
    if (this.#address.kind !== 'unix' || size > MEMORY_FILE_MAX) return false
    const small = this.#known.get('small')
    if (small === undefined) return (await this.#ask('small')) && size <= SMALL_DESCRIPTOR_MAX
    if (isOld(small)) void this.#ask('small', small)
    if (!small.takes || size <= SMALL_DESCRIPTOR_MAX) return small.takes
    const large = this.#known.get('large')
    if (large === undefined || isOld(large)) void this.#ask('large', large)
    return large?.takes ?? false
  }

  /** Resolves to the same, but waits for each probe that is under way or has not been made. */
  async takesAfterProbes(size: number): Promise<boolean> {
    if (this.#address.kind !== 'unix' || size > MEMORY_FILE_MAX) return false
    const extents: ProbeSize[] = size > SMALL_DESCRIPTOR_MAX ? ['small', 'large'] : ['small']
    for (const extent of extents) {
      if (!this.#known.has(extent)) void this.#ask(extent)
      await this.#underWay.get(extent)
      if (!this.#known.get(extent)?.takes) return false
    }
    return true
  }

  /** Drops the cached results: another server may listen there from now on. */
  forget(): void {
    this.#known.clear()
  }

  close(): void {
    this.#closed.abort()
  }

  #ask(extent: ProbeSize, before?: DescriptorAnswer): Promise<boolean> {
    const meanwhile = { takes: before?.takes ?? false, at: readUptime() }
    this.#known.set(extent, meanwhile)
    const probe = this.#learn(extent, meanwhile)
    this.#underWay.set(extent, probe)
    return probe
  }

  async #learn(extent: ProbeSize, meanwhile: DescriptorAnswer): Promise<boolean> {
    const answer = await this.#try(extent).catch(() => 'no' as const)
    if (this.#known.get(extent) !== meanwhile) return false // it was forgotten meanwhile
    if (answer === 'nobody') this.#known.delete(extent)
    else this.#known.set(extent, { takes: answer === 'yes', at: readUptime() })
    return answer === 'yes'
  }

  async #try(extent: ProbeSize): Promise<'yes' | 'no' | 'nobody'> {
    const { signal } = this.#closed
    const file = this.#passing.memoryFile()
    if (file < 0) return 'nobody'
    const session = new ClamdSession(this.#address, { passing: this.#passing })
    try {
      const text = 'onescan asks whether clamd takes descriptors\n'
      writeSync(file, extent === 'large' ? EICAR : text)
      if (extent === 'large') ftruncateSync(file, MEMORY_FILE_MAX)
      const outcome = await withDeadline(ANSWER_TIMEOUTS[extent], signal, (sooner) =>
        session.ask(descriptorsOf([() => file]), sooner),
      )
      if (outcome.kind === 'unreachable' || signal.aborted) return 'nobody'
      if (outcome.kind !== 'answered') return 'no'
      const { answer } = outcome.reply
      return answer === (extent === 'large' ? 'infected' : 'clean') ? 'yes' : 'no'
    } finally {
      session.end()
      closeSync(file)
    }
  }
}

function isOld({ takes, at }: DescriptorAnswer): boolean {
  return readUptime() - at > (takes ? YES_FOR : NO_FOR)
}
