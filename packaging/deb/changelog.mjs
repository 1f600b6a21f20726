import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Characters of a line; Debian Policy 4.4 says that lines wrap below 80. */
const WIDTH = 78

/**
 * CHANGELOG.md in the form of deb-changelog(5), newest version first. What is unreleased is
 * `version`, of `date` as a Date. `maintainer` is NAME <ADDRESS>.
 */
export function debianChangelog(root, { version, date, maintainer }) {
  const text = readFileSync(join(root, 'CHANGELOG.md'), 'utf8')
  const [, ...sections] = text.split(/^## /m)
  const entries = sections.map((section) => {
    const [title, ...lines] = section.split('\n')
    const [, named, day] = /^\[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$/.exec(title) ?? []
    if (named === undefined) throw new Error(`CHANGELOG.md: ## ${title}: no [VERSION] - DATE`)
    const own = named === 'Unreleased' ? version : named
    const when = day === undefined ? date : new Date(`${day}T12:00:00Z`)
    return [
      `onescan (${own}) unstable; urgency=medium\n`,
      changes(lines.join('\n')),
      ` -- ${maintainer}  ${when.toUTCString().replace('GMT', '+0000')}\n`,
    ].join('\n')
  })
  return entries.join('\n')
}

/** Headings as dpkg has those of maintainers, items as its own. */
function changes(section) {
  const blocks = section.split(/\n(?=- )|\n{2,}/).map((block) => block.trim())
  return blocks
    .filter((block) => block !== '')
    .map((block) => {
      const [, heading] = /^### (.*)$/.exec(block) ?? []
      if (heading !== undefined) return `\n  [ ${heading} ]\n`
      return wrapped(block.replace(/^- /, ''))
    })
    .join('')
}

/** `  * ` in front, and further lines below the first word. */
function wrapped(text) {
  const lines = []
  let line = '  *'
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length > WIDTH && line.trim() !== '*') {
      lines.push(line)
      line = '   '
    }
    line = `${line} ${word}`
  }
  return [...lines, line, ''].join('\n')
}
