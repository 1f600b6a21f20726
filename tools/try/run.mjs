// `npm run try [-- DIRECTORY]`: real mail through three hosts, on a machine that has
// nothing but Node and npm. Installs and builds what is missing or out of date, then runs the
// trial (main.ts). If this Node is older than 22.15, one of the toolchain's runs it. Plain
// JavaScript without any dependency: it runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { installBundler } from '../../packaging/toolchain/build-tools.mjs'
import { installLocked } from '../../packaging/toolchain/install-locked.mjs'
import { targets } from '../../packaging/toolchain/targets.mjs'
import { isOutdated } from './outdated.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const at = (path) => join(root, path)

const [major, minor] = process.versions.node.split('.').map(Number)
const isTooOld = major < 22 || (major === 22 && minor < 15)
try {
  if (isTooOld) installLocked(at('packaging/toolchain'))
  else installBundler()
} catch (error) {
  stop(error.message)
}
if (isTooOld) process.exit(await onOwnNode())
const sources = [at('src'), at('packaging/builds/build-bundles.mjs')]
const hasAddon = targets.some(({ isOwn, addon }) => isOwn && existsSync(addon))
if (isOutdated(at('dist/onescan-queue.cjs'), sources) || !hasAddon) {
  const { status } = spawnSync(process.execPath, [at('packaging/builds/build-bundles.mjs')], {
    stdio: 'inherit',
  })
  if (status !== 0) stop('packaging/builds/build-bundles.mjs failed')
}
const { bundleTrial } = await import('./bundle.mjs')
await import(pathToFileURL(await bundleTrial(at('build/try'))).href)

/** Runs this script on the toolchain's Node, which the launchers find first in PATH, too. */
async function onOwnNode() {
  const { toolsNode } = await import('../../packaging/toolchain/toolchain.mjs')
  const PATH = [dirname(toolsNode), process.env.PATH].join(delimiter)
  const child = spawn(toolsNode, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, PATH },
  })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  const [status] = await once(child, 'exit')
  return status ?? 2
}

function stop(why) {
  console.error(`npm run try: ${why}`)
  process.exit(2)
}
