import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { attempt, errorText } from '../../../../base/errors/fault.ts'
import { readStart } from '../../../../base/path/open.ts'
import type { ControlDirectories } from '../../../../base/settings/control-directories.ts'
import { settingTable } from '../../../../base/settings/table.ts'

/** The kind of qmail-queue program, judging by its file. The program is not run. */
type SlotProgram =
  /** A program of onescan: it passes a test message to the program that the test names. */
  | { readonly kind: 'own' }
  /** The real qmail-queue, which would queue a test message. */
  | { readonly kind: 'real-queue' }
  /** Any other program, or none: its handling of a test message is unknown. */
  | { readonly kind: 'foreign'; readonly reason: string }

const OWN = ['onescan-queue', 'onescanc']
/**
 * The compiled programs are links to this launcher, which reads the name of the link
 * (src/c/launcher/launch.c).
 */
const LAUNCHER = 'onescan-run'

/** The bytes of a script that are read. */
const SCRIPT_MAX = 64 * 1024

/**
 * Returns the kind of a qmail-queue program, which decides whether it may receive a test message. Only
 * onescan's own programs do: they pass it to the program that the test names, and to no other.
 */
export function slotProgramOf(host: {
  readonly program: string
  readonly directories: ControlDirectories
}): SlotProgram {
  try {
    return judge(host.program, host.directories)
  } catch (error) {
    return { kind: 'foreign', reason: errorText(error) } // another check reports it
  }
}

function judge(program: string, directories: ControlDirectories): SlotProgram {
  const path = realpathSync(program)
  const homes = [directories.qmailHome, settingTable.QMAILHOME.default]
  const isQueue = homes.some((home) => isSameFile(join(home, 'bin/qmail-queue'), path))
  if (basename(path) === 'qmail-queue' || isQueue) return { kind: 'real-queue' }
  if (!OWN.includes(basename(path)) && !isCompiledSlot(program, path)) {
    return { kind: 'foreign', reason: 'is not a program of onescan' }
  }
  const reason = nextProgramText(path)
  return reason === undefined ? { kind: 'own' } : { kind: 'foreign', reason }
}

/** Returns whether one of the links to the launcher has the name onescan-queue. */
function isCompiledSlot(program: string, path: string): boolean {
  if (basename(path) !== LAUNCHER) return false
  for (let at = program; at !== path; at = resolve(dirname(at), readlinkSync(at))) {
    if (basename(at) === 'onescan-queue') return true
    if (!lstatSync(at).isSymbolicLink()) return false // a directory of the path is a link
  }
  return false
}

/**
 * Returns whether the qmail-queue program is onescanc, even through links. If it is missing, another check
 * reports it.
 */
export const isOnescanc = (program: string): boolean =>
  attempt(() => basename(realpathSync(program))) === 'onescanc'

/** Compares device and inode: a hard link is the same program under another name. */
function isSameFile(queue: string, program: string): boolean {
  // qmail-queue itself may be a link to one of our programs.
  if (OWN.includes(basename(attempt(() => realpathSync(queue)) ?? ''))) return false
  const [a, b] = [queue, program].map((path) => attempt(() => statSync(path)))
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino
}

/**
 * Returns why a script with the name of onescan's program receives no test message: it may choose the next
 * program itself. Returns undefined if it does not.
 */
function nextProgramText(path: string): string | undefined {
  // A user who may execute a program may lack the right to read it.
  const text = attempt(() => readStart(path, SCRIPT_MAX).toString('latin1')) ?? ''
  if (!text.startsWith('#!') || text.includes('dist/onescan-queue.cjs')) return undefined
  const code = text.replace(/^[ \t]*#.*$/gm, '')
  const [named] =
    /qmail-queue|sendmail|QUEUECHAIN=|unset +QUEUECHAIN|\benv +(?:-i|-)\s|\benvdir\b/.exec(code) ??
    /(?<=onescan(?:-queue|c)["']?[ \t]+)[^\s"$;&|<>#][^\s;&|<>]*/.exec(code) ??
    []
  return named && `is a script that names the next program itself ("${named.trim()}")`
}
