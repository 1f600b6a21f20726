import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { bundleTarget } from '../../packaging/builds/bundled.mjs'

const here = dirname(fileURLToPath(import.meta.url))

/**
 * Makes one JavaScript file of the trial in `directory`, and returns its path: Node 22.15
 * cannot run TypeScript by itself, and the trial shares what it can with the tests.
 */
export async function bundleTrial(directory) {
  const outfile = join(directory, 'trial.mjs')
  await build({
    entryPoints: [join(here, 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: bundleTarget,
    plugins: [inTheirPlaces],
    logLevel: 'warning',
  })
  return outfile
}

/** Sources find fixtures and programs beside themselves, wherever the bundle is. */
const inTheirPlaces = {
  name: 'in-their-places',
  setup(bundler) {
    bundler.onLoad({ filter: /\.(?:ts|mjs)$/ }, ({ path }) => {
      const places = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) }
      const contents = readFileSync(path, 'utf8').replace(
        /\bimport\.meta\.(url|filename|dirname)\b/g,
        (_, place) => JSON.stringify(places[place]),
      )
      return { contents, loader: 'ts' }
    })
  },
}
