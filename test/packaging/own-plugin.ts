import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'

const files = {
  'node_modules/names/package.json': '{ "type": "module", "exports": "./lib/names.js" }',
  'node_modules/names/lib/names.js': `export const name = 'Beside.It'`,
  'own.mjs': `
    import { name } from 'names'
    export const virusscan = () => ({ infected: true, name })`,
}

/** With an onescan as users have it, `plugin new` writes what works, and a plugin finds npm packages beside it. */
export function checkOwnPlugin(t: Test, onescan: string, PATH = ''): void {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-plugin-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const run = (...words: string[]) =>
    execFileSync(onescan, ['plugin', ...words], {
      cwd: directory,
      encoding: 'utf8',
      env: { PATH, CONTROLDIR: '/nonexistent' },
    })
  run('new', 'macros')
  const plugin = readdirSync(directory).find((name) => /^macros\.(ts|mjs)$/.test(name))!
  t.match(run('test', plugin, 'macros.eml'), /^macros\.eml: infected: macros\.Example,/)
  t.ok(readdirSync(directory).includes('onescan-plugin.d.ts'), 'with its types')
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(join(directory, dirname(file)), { recursive: true })
    writeFileSync(join(directory, file), source)
  }
  t.match(run('test', 'own.mjs', 'macros.eml'), /^macros\.eml: infected: Beside\.It,/)
}
