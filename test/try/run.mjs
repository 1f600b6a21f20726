// `npm run try [-- DIRECTORY]`: real mail through three hosts, on a machine that has
// nothing but Node 22.15 or later and npm. Installs and builds what is missing or out
// of date, then runs the trial (main.ts). Plain JavaScript without any dependency:
// it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundled } from '../../packaging/bundled.mjs'
import { installPart } from '../../packaging/install-locked.mjs'
import { isOutdated } from './outdated.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const at = (path) => join(root, path)

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 15)) {
  stop(`Node ${process.version} is too old; install Node 22.15 or later`)
}
try {
  installPart(root, ['esbuild', ...bundled])
} catch (error) {
  stop(error.message)
}
if (isOutdated(at('dist/onescan-queue.cjs'), [at('src'), at('packaging/build.mjs')])) {
  const { status } = spawnSync(process.execPath, [at('packaging/build.mjs')], { stdio: 'inherit' })
  if (status !== 0) stop('packaging/build.mjs failed')
}
const { bundleTrial } = await import('./bundle.mjs')
await import(pathToFileURL(await bundleTrial(at('build/try'))).href)

function stop(why) {
  console.error(`npm run try: ${why}`)
  process.exit(2)
}
