import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const RULE = `\n${'-'.repeat(72)}\n\n`

/** Texts one below the other, with a line between them. */
export const below = (...texts) => texts.join(RULE)

/** That of what the programs in C are linked with. */
export const cLibraryNotice = (root) =>
  readFileSync(join(root, 'packaging/licenses/notices.c-library'), 'utf8')

/** The license of each package that is bundled (bundled.mjs), as it came with it. */
export function noticesOf(root, packages) {
  const notices = packages.map(({ path, name, version }) => {
    const { text, license, author } = termsOf(root, path)
    const said = text ?? `Copyright ${author}. License: ${license}.`
    return `${name} ${version}\n\n${said}\n`
  })
  return [...new Set(notices)].sort()
}

/**
 * What an npm package contains about its license: the name (SPDX) and the author of package.json, and
 * the text of its file, undefined if it has none. Throws if there is none of them.
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
