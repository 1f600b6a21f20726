// Runs a script in JavaScript or TypeScript on the newest Node, which is also the first one in the script's PATH.
// Installs missing packages. Exits with the code of the script.
//
//   node packaging/toolchain/run.mjs SCRIPT [WORD...]
import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installLocked } from './install-locked.mjs'

const directory = dirname(fileURLToPath(import.meta.url))
installLocked(dirname(dirname(directory)))
installLocked(directory)
const { newestNode } = await import('./toolchain.mjs')

const PATH = [dirname(newestNode), process.env.PATH].join(delimiter)
const child = spawn(newestNode, process.argv.slice(2), {
  stdio: 'inherit',
  env: { ...process.env, PATH },
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => child.kill(signal))
}
child.on('error', (error) => {
  process.stderr.write(`${join(directory, 'run.mjs')}: ${error.message}\n`)
  process.exitCode = 1
})
child.on('exit', (code, signal) => {
  if (signal === null) process.exitCode = code
  else {
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  }
})
