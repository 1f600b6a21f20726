import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const RULE = `\n${'-'.repeat(72)}\n\n`

/** Texts one below the other, with a line between them. */
export const below = (...texts) => texts.join(RULE)

/** That of what the programs in C are linked with. */
export const cLibraryNotice = (root) =>
  readFileSync(join(root, 'packaging/notices.c-library'), 'utf8')

/** The license of each package that is bundled (bundled.mjs), as it came with it. */
export function noticesOf(root, packages) {
  return [...new Set(packages.map((one) => notice(root, one)))].sort()
}

function notice(root, { path, name, version }) {
  const directory = join(root, path)
  const texts = readdirSync(directory).filter((file) => /^(licen[cs]e|copying)/i.test(file))
  const own = texts.find((file) => !/eupl/i.test(file))
  if (own) return `${name} ${version}\n\n${readFileSync(join(directory, own), 'utf8').trim()}\n`
  const { license, author } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  if (!license) throw new Error(`${path}: no license`)
  return `${name} ${version}\n\nCopyright ${author?.name ?? author ?? 'its authors'}. License: ${license}.\n`
}
