import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Passage } from '../drive.ts'

/** Where the processor time of a program went. */
export interface Profile {
  /** By folder of the source, the greatest first; `clean-up of memory` is the runtime's own work. */
  readonly rooms: readonly Share[]
  /** By function, `file: function`. */
  readonly functions: readonly Share[]
}

/** A share of 1 of all processor time. */
export interface Share {
  readonly name: string
  readonly share: number
}

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

/** Where a function stands. */
interface Place {
  readonly room: string
  readonly name: string
}

const RUNTIME: Place = { room: 'the runtime by itself', name: 'the runtime by itself' }
const CLEAN_UP: Place = { room: 'clean-up of memory', name: 'clean-up of memory' }

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
 * Reads the profiles in a directory for the time in which messages were on their way. A function of the
 * runtime applies to the function of ours that called it.
 */
export function readProfiles(
  directory: string,
  passages: readonly Pick<Passage, 'started' | 'ms'>[],
): Profile {
  const times = passages
    .map(({ started, ms }) => ({ from: 1000 * started, to: 1000 * (started + ms) }))
    .toSorted((a, b) => a.from - b.from)
  const rooms = new Map<string, number>()
  const functions = new Map<string, number>()
  for (const file of readdirSync(directory)) {
    const profile: CpuProfile = JSON.parse(readFileSync(join(directory, file), 'utf8'))
    const places = placesOf(profile)
    for (const { id, lasted } of samplesWithin(profile, times)) {
      const place = places.get(id)
      if (place === undefined) continue
      rooms.set(place.room, (rooms.get(place.room) ?? 0) + lasted)
      functions.set(place.name, (functions.get(place.name) ?? 0) + lasted)
    }
  }
  return { rooms: shares(rooms), functions: shares(functions) }
}

function shares(times: ReadonlyMap<string, number>): readonly Share[] {
  const all = [...times.values()].reduce((sum, time) => sum + time, 0)
  return [...times]
    .map(([name, time]) => ({ name, share: time / all }))
    .toSorted((a, b) => b.share - a.share)
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

/** The place for which each node of a profile counts; none if the processor was idle. */
function placesOf({ nodes }: CpuProfile): Map<number, Place> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const bundles = new Map<string, readonly (string | undefined)[]>()
  const ownPlace = ({ callFrame: { functionName, url, lineNumber } }: ProfileNode) => {
    if (functionName === '(garbage collector)') return CLEAN_UP
    if (!url.endsWith('.cjs')) return undefined
    const bundle = bundles.get(url) ?? filesByLine(url)
    bundles.set(url, bundle)
    const file = bundle[lineNumber]
    return file === undefined
      ? undefined
      : { room: dirname(file), name: `${file}: ${functionName || 'nameless'}` }
  }
  const places = new Map<number, Place>()
  const visit = (node: ProfileNode, caller: Place) => {
    const place = ownPlace(node) ?? caller
    if (node.callFrame.functionName !== '(idle)') places.set(node.id, place)
    for (const id of node.children ?? []) visit(byId.get(id)!, place)
  }
  visit(nodes[0]!, RUNTIME)
  return places
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
