import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The licenses of onescan and of all that the compiled programs hold: the packages that
 * package-lock.json does not mark as tools for development, and the runtime.
 */
export function copyrightText(root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const compiledIn = Object.entries(packages)
    .filter(([path, { dev, optional, devOptional }]) => path && !dev && !optional && !devOptional)
    .map(([path, { version }]) => section(root, path, version))
  return [
    `onescan\n\n${readFileSync(join(root, 'LICENSE'), 'utf8')}`,
    readFileSync(join(root, 'packaging/deb/copyright.runtime'), 'utf8'),
    ...distinct(compiledIn),
  ].join(`\n${'-'.repeat(72)}\n\n`)
}

function section(root, path, version) {
  const directory = join(root, path)
  const name = path.replace(/^.*node_modules\//, '')
  const texts = readdirSync(directory).filter((file) => /^(licen[cs]e|copying)/i.test(file))
  const own = texts.find((file) => !/eupl/i.test(file)) // mailsplit's other choice
  if (own) return `${name} ${version}\n\n${readFileSync(join(directory, own), 'utf8').trim()}\n`
  const { license, author } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  if (!license) throw new Error(`${path}: no license`)
  return `${name} ${version}\n\nCopyright ${author?.name ?? author ?? 'its authors'}. License: ${license}.\n`
}

function distinct(texts) {
  return [...new Set(texts)].sort()
}
