import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundledPackages } from '../bundled.mjs'
import { termsOf } from '../notices.mjs'

/** Names of Debian for those of SPDX. */
const shortNames = { MIT: 'Expat' }

/**
 * debian/copyright of the sources (copyright-format 1.0): onescan alone, for nothing of others
 * is among them.
 */
export function copyrightOfSources(root) {
  return paragraphs(header(root), ownFiles(root), ...standalone(new Map([own(root)])))
}

/**
 * The same of the package, with all that its programs hold: the runtime, the C library and the
 * npm packages that are bundled. Paths are those of a checkout where `npm ci` and the first
 * build have put what the lock files name.
 */
export function copyrightOfPackage(root) {
  const parts = bundledPackages(root).map((part) => ({
    ...part,
    terms: readTerms(root, part.path),
  }))
  const common = commonTexts(
    root,
    parts.map(({ terms }) => terms),
  )
  return paragraphs(
    header(root),
    ownFiles(root),
    readFileSync(join(root, 'packaging/deb/copyright.in'), 'utf8').trim(),
    ...parts.map((part) => filesOf(part, common)),
    ...standalone(common),
  )
}

const paragraphs = (...all) => `${all.join('\n\n')}\n`

function header(root) {
  const { repository, bugs } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    'Upstream-Name: onescan',
    `Upstream-Contact: ${bugs}`,
    `Source: ${repository.url.replace(/^git\+/, '')}`,
  ].join('\n')
}

function ownFiles(root) {
  const { holders, name } = split(readFileSync(join(root, 'LICENSE'), 'utf8'), 'MIT')
  return `Files: *\nCopyright: ${holders.join('\n ')}\nLicense: ${name}`
}

/** The name and text of onescan's own license. */
function own(root) {
  const { name, text } = split(readFileSync(join(root, 'LICENSE'), 'utf8'), 'MIT')
  return [name, text]
}

function readTerms(root, path) {
  const { license, author, text } = termsOf(root, path)
  const terms = split(text ?? '', license)
  return { ...terms, holders: terms.holders.length > 0 ? terms.holders : [author] }
}

/** Who holds the rights, and the rest; not the title, which the name says. */
function split(text, license) {
  const name = shortNames[license] ?? license
  const isHolder = (line) => /^\s*Copyright\s+(?=©|\([cC]\)|[0-9A-Z])(?!License)/.test(line)
  const lines = text.split(/\r?\n/)
  const holders = lines.filter(isHolder).map((line) => line.trim().replace(/^Copyright\s+/, ''))
  const rest = lines.filter(
    (line) => !isHolder(line) && !/^\W*(The )?\w+ License\W*(\(\w+\))?\W*$/.test(line),
  )
  return { name, holders, text: rest.join('\n').trim() }
}

/** The text of each name that most of the parts share; a part with another keeps its own. */
function commonTexts(root, all) {
  const common = new Map([own(root)])
  for (const { name, text } of all) {
    if (text === '' || isInDebian(name) || common.has(name)) continue
    const texts = all.filter((terms) => terms.name === name).map((terms) => terms.text)
    const sharing = (text) => texts.filter((other) => isSame(text, other)).length
    common.set(name, texts.sort((text, other) => sharing(other) - sharing(text))[0])
  }
  return common
}

/** Debian Policy, 12.5: referred to, and not copied; copyright.in does. */
const isInDebian = (name) => name === 'Apache-2.0'

/** But for line ends, quotes and whom it calls the holder. */
const isSame = (text, other) => words(text) === words(other)
const words = (text) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim()

function filesOf({ path, name, version, terms }, common) {
  const { name: license, holders, text } = terms
  const isOwn = text !== '' && !isInDebian(license) && !isSame(text, common.get(license))
  return [
    `Files: ${path}/*`,
    `Copyright: ${holders.join('\n ')}`,
    `License: ${license}${isOwn ? `\n${indented(text)}` : ''}`,
    `Comment: ${name} ${version}`,
  ].join('\n')
}

const standalone = (common) =>
  [...common].map(([name, text]) => `License: ${name}\n${indented(text)}`)

function indented(text) {
  const lines = text.split('\n').map((line) => line.trimEnd())
  return lines.map((line) => (line === '' ? ' .' : ` ${line}`)).join('\n')
}
