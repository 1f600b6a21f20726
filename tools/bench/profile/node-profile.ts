import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** When a message was on its way, in milliseconds. */
export interface Passed {
  /** By CLOCK_MONOTONIC. */
  readonly started: number
  readonly ms: number
}

/** What is no file of the source: garbage collection, and what no function of ours called. */
export const CLEAN_UP = '(clean-up of memory)'
export const RUNTIME = '(runtime)'

/** Microseconds between two samples. */
const SAMPLE_EVERY = 500

/**
 * V8 samples by the clock on the wall, and a sample is taken when the thread runs again. So one that comes
 * later than this many microseconds after the last one is about a wait for the processor, which would
 * count for the call that another process was woken by; what is on time is about processor time.
 */
const ON_TIME = 1.5 * SAMPLE_EVERY

/** What V8's profiler writes when a process ends (Profiler.Profile of the DevTools protocol). */
interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  /** Microseconds by CLOCK_MONOTONIC. */
  readonly startTime: number
  /** The ids of nodes. */
  readonly samples: readonly number[]
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[]
}

/** A function, as called by the functions above it. */
interface ProfileNode {
  readonly id: number
  readonly callFrame: {
    readonly functionName: string
    readonly url: string
    /** From 0 on. */
    readonly lineNumber: number
  }
  readonly children?: readonly number[]
}

/**
 * Returns the command by which Node runs this program, and writes a profile of it and of each worker into
 * the directory when that ends.
 */
export function profiledCommand(program: string, directory: string): readonly string[] {
  const [first = ''] = readFileSync(program, 'latin1').split('\n', 1)
  const options = / node (.+)$/.exec(first)?.[1]?.split(' ') ?? []
  const profiler = [`--cpu-prof-dir=${directory}`, `--cpu-prof-interval=${SAMPLE_EVERY}`]
  return ['node', ...options, '--cpu-prof', ...profiler, program]
}

/**
 * Reads the profiles in a directory: which share of 1 of the processor time each file of the source took while these
 * messages were on their way. A function of the runtime counts for the function of ours that called it.
 */
export function readProfiles(
  directory: string,
  messages: readonly Passed[],
): ReadonlyMap<string, number> {
  const times = messages
    .map(({ started, ms }) => ({ from: 1000 * started, to: 1000 * (started + ms) }))
    .toSorted((a, b) => a.from - b.from)
  const files = new Map<string, number>()
  for (const name of readdirSync(directory)) {
    const profile: CpuProfile = JSON.parse(readFileSync(join(directory, name), 'utf8'))
    const fileOf = filesOf(profile)
    for (const { id, lasted } of samplesWithin(profile, times)) {
      const file = fileOf.get(id)
      if (file !== undefined) files.set(file, (files.get(file) ?? 0) + lasted)
    }
  }
  const all = [...files.values()].reduce((sum, time) => sum + time, 0)
  return new Map([...files].map(([file, time]) => [file, time / all]))
}

/** The samples that were taken on time within these times, which are in their order. */
function* samplesWithin(
  { startTime, samples, timeDeltas }: CpuProfile,
  times: readonly { readonly from: number; readonly to: number }[],
): Generator<{ readonly id: number; readonly lasted: number }> {
  let at = startTime
  let next = 0
  for (const [index, id] of samples.entries()) {
    const lasted = timeDeltas[index]!
    at += lasted
    while (next < times.length && times[next]!.to < at) next++
    const isOnTime = lasted <= ON_TIME
    if (isOnTime && next < times.length && times[next]!.from <= at) yield { id, lasted }
  }
}

/** The file for which each node of a profile counts; none if the processor was idle. */
function filesOf({ nodes }: CpuProfile): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const bundles = new Map<string, readonly (string | undefined)[]>()
  const ownFile = ({ callFrame: { functionName, url, lineNumber } }: ProfileNode) => {
    if (functionName === '(garbage collector)') return CLEAN_UP
    if (!url.endsWith('.cjs')) return undefined
    const bundle = bundles.get(url) ?? filesByLine(url)
    bundles.set(url, bundle)
    return bundle[lineNumber]
  }
  const files = new Map<number, string>()
  const visit = (node: ProfileNode, ofCaller: string) => {
    const file = ownFile(node) ?? ofCaller
    if (node.callFrame.functionName !== '(idle)') files.set(node.id, file)
    for (const id of node.children ?? []) visit(byId.get(id)!, file)
  }
  visit(nodes[0]!, RUNTIME)
  return files
}

/** The file of the source that each line of a bundle comes from. esbuild names it above its lines. */
function filesByLine(bundle: string): readonly (string | undefined)[] {
  let file: string | undefined
  return readFileSync(fileURLToPath(bundle), 'utf8')
    .split('\n')
    .map((line) => {
      file = /^\/\/ ((?:src|node_modules|packaging)\/\S+)$/.exec(line)?.[1] ?? file
      return file
    })
}
