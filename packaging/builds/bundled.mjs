// The npm packages that build-bundles.mjs bundles into the programs in dist/, and the Node that it bundles for.
// package.json lists them in devDependencies, because an installation of onescan needs none of them. This file is plain
// JavaScript without dependencies, because it is read before anything is installed.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { partOf } from '../toolchain/install-locked.mjs'

/** The packages that sources import. Their dependencies are bundled, too. */
export const bundled = [
  'clamscan',
  'fflate',
  'iconv-lite',
  'ldapts',
  'lit-html',
  'lru-cache',
  'nodemailer',
  'prom-client',
  'uplot',
  'yargs',
]

const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

/** The oldest Node that package.json allows, as a target of esbuild: bundles must run on it. */
export const bundleTarget = `node${engines.node.replace('>=', '')}`

/** The file in which the last full build lists the bundled packages as `{ path, name, version }`, sorted by path. */
const list = (root) => join(root, 'build/bundled.json')

/**
 * Returns all packages of which something is in dist/, including dependencies of others.
 * @returns {{ readonly path: string, readonly name: string, readonly version: string }[]}
 */
export function bundledPackages(root) {
  if (!existsSync(list(root))) throw new Error(`${list(root)}: not there; run npm run build`)
  return JSON.parse(readFileSync(list(root), 'utf8'))
}

/**
 * Returns the same from the metafile of an esbuild build, whose file names are relative to `root`. Throws for a package
 * that is neither in the list above nor a dependency of one: some builds install only those.
 */
export function packagesIn(root, files) {
  const paths = files.flatMap(
    (file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? [],
  )
  const known = partOf(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')), bundled)
  return [...new Set(paths)].sort().map((path) => {
    if (!(path in known))
      throw new Error(`${path} is bundled: name it in packaging/builds/bundled.mjs`)
    const { name, version } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))
    return { path, name, version }
  })
}
