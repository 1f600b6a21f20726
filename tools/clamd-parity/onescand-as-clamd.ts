/**
 * Stands where a test starts clamd: with its `--config-file`, clamd listens elsewhere, and onescand, which asks it, at
 * the LocalSocket. With any other words it is clamd.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startOnescand } from '../../test/scanner/daemon/process.ts'

const words = process.argv.slice(2)
const [config] = words.flatMap((word) => /^--config-file=(.*)$/.exec(word)?.[1] ?? [])
if (words.length !== 1 || config === undefined) {
  process.exit(spawnSync('clamd', words, { stdio: 'inherit' }).status ?? 1)
}
const directory = mkdtempSync(join(tmpdir(), 'onescand-as-clamd-'))
const text = readFileSync(config, 'utf8')
const [, named = ''] = /^\s*LocalSocket\s+(\S+)/m.exec(text) ?? []
const own = join(directory, 'clamd.conf')
const socket = join(directory, 'socket')
writeFileSync(own, text.replace(/^(\s*LocalSocket\s+)\S+/m, `$1${socket}`))
const clamd = spawn('clamd', [`--config-file=${own}`], { stdio: 'inherit' })
const ends: (() => unknown)[] = []
async function end() {
  for (const each of ends.reverse()) await each()
  clamd.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
  process.exit()
}
process.on('SIGTERM', end)
clamd.on('exit', end)
const t = { teardown: (each: () => unknown) => void ends.push(each) }
const settings = { QHPSI: 'plugin: clamd', CLAMD: socket }
const args = ['--clamd', `unix:${resolve(named)}`, '--mode', '0666']
await startOnescand(t, { settings, args }).catch((error) => {
  console.error(error)
  return end()
})
