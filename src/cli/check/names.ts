import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'

/** Larger files are no settings. Bytes. */
const LARGEST = 16 * 1024 * 1024
/** Directories in one another: enough for /etc/sv/smtpd/env and a rules directory. */
const DEEPEST = 8

/** A file, and an absolute path that it names. */
export interface Naming {
  readonly file: string
  readonly path: string
}

/**
 * The paths that lead into `home`, by whatever links, among those that the files of
 * `directory` name: in text outside of comments, in a cdb of tcprules, as the target
 * of a link. What cannot be read is left out.
 */
export function namesUnder(directory: string, home: string): Naming[] {
  return filesUnder(directory).flatMap((file) => namesIn(file, home))
}

/** Likewise for one file or link. */
function namesIn(file: string, home: string): Naming[] {
  if (leadsInto(home, file)) return [{ file, path: realpathSync(file) }]
  const paths = [...new Set(pathsIn(contentOf(file)))]
  return paths.filter((path) => leadsInto(home, path)).map((path) => ({ file, path }))
}

/** Whether `path` is, or is a link to, something in the directory `home`. */
export function leadsInto(home: string, path: string): boolean {
  try {
    return realpathSync(path).startsWith(home + sep)
  } catch {
    return false // leads nowhere
  }
}

/** Absolute paths in a text, with a blank, a quote or the like before and behind them. */
export function pathsIn(text: string): string[] {
  const comments = text.includes('\0') ? /(?!)/ : /^[ \t]*#.*$/gm
  return text.replace(comments, '').match(/(?<![\w.])\/[\w.+@/-]+/g) ?? []
}

/** Links to directories are gone into only at the top, where /service/smtpd is one. */
function filesUnder(directory: string, depth = 0): string[] {
  if (depth > DEEPEST) return []
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) return filesUnder(path, depth + 1)
      if (entry.isFile()) return [path]
      if (!entry.isSymbolicLink()) return []
      return depth === 0 ? [path, ...filesUnder(path, depth + 1)] : [path]
    })
  } catch {
    return [] // no directory, or none of ours to read
  }
}

/** What packages own under /usr, as the units that /etc/systemd links to, goes when they go. */
const OWNED = /^\/usr\/(?!local\/)/

function contentOf(file: string): string {
  try {
    if (OWNED.test(realpathSync(file))) return ''
    const status = statSync(file)
    if (!status.isFile() || status.size > LARGEST) return ''
    const content = readFileSync(file, 'latin1')
    return content.startsWith('\x7fELF') ? '' : content
  } catch {
    return ''
  }
}
