import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { readStart } from '../../ground/runtime/path/read.ts'
import { DEFAULT_QMAIL_HOME } from '../../judge/policy.ts'
import type { Host } from './host.ts'

/** Who stands in the slot, as far as it can be told without running it. */
export type SlotProgram =
  /** One of onescan's: what it hands on goes where the trial says. */
  | { readonly kind: 'own' }
  /** It would queue a trial. */
  | { readonly kind: 'real-queue' }
  /** It may do anything with a trial. */
  | { readonly kind: 'foreign'; readonly why: string }

const OWN = ['onescan-queue', 'onescanc']
/** What the compiled programs are links to; it goes by the link's name (src/c/launcher/launch.c). */
const LAUNCHER = 'onescan-run'

/** Bytes of a script that are looked at. */
const SCRIPT_MAX = 64 * 1024

/**
 * A trial is sent through onescan's own programs alone: these hand it to the program that
 * the trial names, and to no other. Throws if the program is not there.
 */
export function slotProgramOf({ program, place }: Pick<Host, 'program' | 'place'>): SlotProgram {
  const path = realpathSync(program)
  const queues = [place.qmailHome, DEFAULT_QMAIL_HOME].map((home) => join(home, 'bin/qmail-queue'))
  if (basename(path) === 'qmail-queue') return { kind: 'real-queue' }
  if (queues.some((queue) => isSameFile(queue, path))) return { kind: 'real-queue' }
  if (!OWN.includes(basename(path)) && !isCompiledSlot(program, path)) {
    return { kind: 'foreign', why: 'is not a program of onescan' }
  }
  const why = whatAScriptNames(path)
  return why === undefined ? { kind: 'own' } : { kind: 'foreign', why }
}

/** Whether one of the links on the way to the launcher is the slot's. */
function isCompiledSlot(program: string, path: string): boolean {
  if (basename(path) !== LAUNCHER) return false
  for (let at = program; at !== path; at = resolve(dirname(at), readlinkSync(at))) {
    if (basename(at) === 'onescan-queue') return true
    if (!lstatSync(at).isSymbolicLink()) return false // a directory on the way is a link
  }
  return false
}

/** By device and inode: a hard link has another name, and queues all the same. */
function isSameFile(queue: string, program: string): boolean {
  try {
    if (OWN.includes(basename(realpathSync(queue)))) return false // the link is ours
    const [a, b] = [statSync(queue), statSync(program)]
    return a.dev === b.dev && a.ino === b.ino
  } catch {
    return false
  }
}

/** A script of the administrator that has our name may say itself who is next. */
function whatAScriptNames(path: string): string | undefined {
  let text: string
  try {
    text = readStart(path, SCRIPT_MAX).toString('latin1')
  } catch {
    return undefined // one to execute alone
  }
  if (!text.startsWith('#!') || text.includes('dist/onescan-queue.cjs')) return undefined
  const code = text.replace(/^[ \t]*#.*$/gm, '')
  const [named] =
    /qmail-queue|sendmail|QUEUECHAIN=|unset +QUEUECHAIN|\benv +(?:-i|-)\s|\benvdir\b/.exec(code) ??
    /(?<=onescan(?:-queue|c)["']?[ \t]+)[^\s"$;&|<>#][^\s;&|<>]*/.exec(code) ??
    []
  return named && `is a script that names the next program itself ("${named.trim()}")`
}
