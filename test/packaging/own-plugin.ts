import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { openDirectory } from '../programs/host/reachable.ts'
import { asPlain } from '../scanner/cli/onescan.ts'

const files = {
  'node_modules/names/package.json': '{ "type": "module", "exports": "./lib/names.js" }',
  'node_modules/names/lib/names.js': `export const name = 'Beside.It'`,
  'mail.eml': 'Subject: a message\n\n',
  'own.mjs': `
    import { name } from 'names'
    export const virusscan = () => ({ infected: true, name })`,
}

/** With an onescan as users have it, a plugin of one's own works, and finds npm packages beside it. */
export function checkOwnPlugin(t: Test, onescan: string, PATH = ''): void {
  const directory = openDirectory(t)
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(join(directory, dirname(file)), { recursive: true })
    writeFileSync(join(directory, file), source)
  }
  const settings = ['--env', `PLUGINDIR=${directory}`, '--env', 'QHPSI=plugin: own.mjs']
  const [program, ...words] = [...asPlain(), onescan, 'scan', ...settings, 'mail.eml']
  const { stdout } = spawnSync(program!, words, {
    cwd: directory,
    encoding: 'utf8',
    env: { PATH, CONTROLDIR: '/nonexistent' },
  })
  t.match(stdout, /^mail\.eml: infected: Beside\.It /)
}
