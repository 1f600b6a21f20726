// `npm run try [-- DIRECTORY]`: real mail through three hosts, on a machine that has
// nothing but Node 20 or later and npm. Installs and builds what is missing or out
// of date, then runs the trial (main.ts). Plain JavaScript without any dependency:
// it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isOutdated } from './outdated.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const at = (path) => join(root, path)

if (Number.parseInt(process.versions.node, 10) < 20) {
  stop(`Node ${process.version} is too old; install Node 20 or later`)
}
if (isOutdated(at('node_modules/.package-lock.json'), [at('package-lock.json')])) {
  console.log('Installing what onescan is built with (npm ci); this is done once.')
  step('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  console.log('')
}
if (isOutdated(at('dist/onescan-queue.cjs'), [at('src'), at('packaging/build.mjs')])) {
  step(process.execPath, [at('packaging/build.mjs')])
}
const { bundleTrial } = await import('./bundle.mjs')
await import(pathToFileURL(await bundleTrial(at('build/try'))).href)

function step(program, args) {
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: withoutOwnPrograms(process.env.PATH ?? '') },
  })
  if (error) stop(`${program}: ${error.message}`)
  if (status !== 0) stop(`${program} ${args[0]} failed`)
}

/** npm ci removes node_modules first, and with it a Node that `npm run` took from there. */
function withoutOwnPrograms(path) {
  return path
    .split(delimiter)
    .filter((directory) => directory !== at('node_modules/.bin'))
    .join(delimiter)
}

function stop(why) {
  console.error(`npm run try: ${why}`)
  process.exit(2)
}
