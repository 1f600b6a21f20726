import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, isAbsolute, join, relative } from 'node:path'
import type { Ending } from './server.ts'

/**
 * A checkout may lie where only its owner can go, such as below root's home on Debian. Files that
 * other users run or read in a test must lie where they can reach them.
 */

const root = join(import.meta.dirname, '../../..')

/** What may be run by other users, with all that it loads. */
const parts = [
  'package.json',
  'bin',
  'dist',
  'build/native',
  'build/stand-in',
  'build/exim',
  'build/opensmtpd',
  'test/stand-in/qmail-queue.mjs',
  ...['oldest', 'tools', 'newest'].map(
    (which) => `packaging/toolchain/node_modules/node-${which}-linux-${process.arch}/bin`,
  ),
]

/**
 * Returns a path by which every user can run a program of the checkout: its own, or that of a copy,
 * which is removed when this process ends. Other words are returned as they are.
 */
export function reachable(word: string): string {
  const path = relative(root, word)
  if (
    !isAbsolute(word) ||
    path.startsWith('..') ||
    !parts.some((part) => `${path}/`.startsWith(`${part}/`))
  )
    return word
  if (isOpen(word)) return word
  copied ??= copyParts()
  return join(copied, path)
}

/** A PATH in which every user finds the Node that runs the tests. */
export function reachablePath(): string {
  return [dirname(reachable(process.execPath)), process.env.PATH].join(delimiter)
}

let copied: string | undefined

/** An empty directory that every user can reach and read; it goes with the test. */
export function openDirectory(t: Ending): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-open-'))
  chmodSync(directory, 0o755)
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Whether everybody may read the file, and pass each directory on the way to it. */
function isOpen(file: string): boolean {
  const may = (path: string, what: number) => (statSync(path).mode & what) === what
  const passes = (path: string): boolean => may(path, 1) && (path === '/' || passes(dirname(path)))
  return may(file, 4) && passes(dirname(file))
}

function copyParts(): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-reachable-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  chmodSync(directory, 0o755)
  for (const part of parts.filter((path) => existsSync(join(root, path)))) {
    mkdirSync(dirname(join(directory, part)), { recursive: true, mode: 0o755 })
    copy(join(root, part), join(directory, part))
  }
  return directory
}

/** Copies programs by links if these can be run by everybody, since the runtimes are large. */
function copy(from: string, to: string): void {
  const { mode } = statSync(from)
  if (statSync(from).isDirectory()) {
    mkdirSync(to, { mode: 0o755 })
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      const [source, target] = [join(from, entry.name), join(to, entry.name)]
      if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target)
      else copy(source, target)
    }
    return
  }
  const open = (mode & 0o100) === 0 ? 0o644 : 0o755
  if ((mode & open) === open && linked(from, to)) return
  copyFileSync(from, to)
  chmodSync(to, open)
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch {
    return false
  }
}
