import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const RULE = `\n${'-'.repeat(72)}\n\n`

/** Joins texts, with a line between them. */
export const below = (...texts) => texts.join(RULE)

/** The license of the library that the programs in C are linked with. */
export const cLibraryNotice = (root) =>
  readFileSync(join(root, 'packaging/licenses/notices.c-library'), 'utf8')

/** The license of each bundled package (bundled.mjs), as the package contains it. */
export function noticesOf(root, packages) {
  const notices = packages.map(({ path, name, version }) => {
    const { text, license, author } = termsOf(root, path)
    const terms = text ?? `Copyright ${author}. License: ${license}.`
    return `${name} ${version}\n\n${terms}\n`
  })
  return [...new Set(notices)].sort()
}

/**
 * Returns the license of an npm package: its SPDX name and the author from package.json, and the text of its license
 * file, or undefined if it has no such file. Throws if it has neither a name nor a file.
 */
function termsOf(root, path) {
  const directory = join(root, path)
  const { license, author } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const files = readdirSync(directory).filter((file) => /^(licen[cs]e|copying)/i.test(file))
  const own = files.find((file) => !/eupl/i.test(file))
  const text = own && readFileSync(join(directory, own), 'utf8').trim()
  if (!text && !license) throw new Error(`${path}: no license`)
  return { license, author: author?.name ?? author ?? 'its authors', text }
}
