// Links of the pages, as they lead from file to file within the package.
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/**
 * The text of a page at `path` in the package. A link to a file that the package does not have becomes
 * its words. `placeOf` tells where a file of the sources lies in the package.
 */
export function pageInPackage(source, path, placeOf) {
  const text = readFileSync(source, 'utf8')
  return text.replace(
    /!?\[([^\]]*)\]\((?![a-z]+:|#)([^)#]+)(#[^)]*)?\)/g,
    (link, words, to, at = '') => {
      const place = placeOf(join(dirname(source), to))
      if (place === undefined) return words
      const mark = link.startsWith('!') ? '!' : ''
      return `${mark}[${words}](${relative(dirname(path), place)}${at})`
    },
  )
}
