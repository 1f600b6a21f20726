// The npm packages that the programs in dist/ hold, since build-bundles.mjs bundles them: package.json
// has them among the tools, for who installs onescan needs none of them; and what it bundles for.
// Plain JavaScript without any dependency: it is read before anything is installed.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { partOf } from '../toolchain/install-locked.mjs'

/** Those that sources import; what these need comes with them. */
export const bundled = [
  'clamscan',
  'fflate',
  'iconv-lite',
  'ldapts',
  'lru-cache',
  'nodemailer',
  'prom-client',
  'uplot',
  'yargs',
]

const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

/** The oldest Node that package.json allows, on which bundles must run, as a target of esbuild. */
export const bundleTarget = `node${engines.node.replace('>=', '')}`

/** The file in which the last whole build lists what it bundled: `{ path, name, version }` each, by path. */
const list = (root) => join(root, 'build/bundled.json')

/** All packages of which something is in dist/, those that others need included. */
export function bundledPackages(root) {
  if (!existsSync(list(root))) throw new Error(`${list(root)}: not there; run npm run build`)
  return JSON.parse(readFileSync(list(root), 'utf8'))
}

/**
 * The same from what esbuild tells of a build, the names of files relative to `root`. Throws
 * for a package that the list above does not bring: where only that is installed, it is missed.
 */
export function packagesIn(root, files) {
  const paths = files.flatMap(
    (file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? [],
  )
  const known = partOf(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')), bundled)
  return [...new Set(paths)].sort().map((path) => {
    if (!(path in known))
      throw new Error(`${path} is bundled: name it in packaging/programs/bundled.mjs`)
    const { name, version } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))
    return { path, name, version }
  })
}
