import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Whether a file that is made from others is missing or older than one of them.
 * A source may be a directory, of which every file and directory counts: what was
 * removed from it changed the directory.
 */
export function isOutdated(product, sources) {
  const made = changed(product)
  return made === undefined || sources.some((source) => newest(source) > made)
}

function newest(path) {
  const status = statSync(path)
  const below = status.isDirectory() ? readdirSync(path).map((name) => join(path, name)) : []
  return Math.max(status.mtimeMs, ...below.map(newest))
}

function changed(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs
}
