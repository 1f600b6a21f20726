// Bundles each program into one CommonJS file in dist/, so that start-up reads
// one file and evaluates only what it needs. Plain JavaScript: it runs on every
// supported Node before anything is built.
//
//   node packaging/build.mjs [PROGRAM...]    all of them, or those named
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const src = join(root, 'src')
const dist = join(root, 'dist')

/** Programs, each with the file it becomes. */
const programs = {
  'onescan-queue': 'doors/queue/main.ts',
  onescan: 'cli/main.ts',
  onescand: 'doors/daemon/main.ts',
  'onescan-quotad': 'quota/service/main.ts',
  'plugin-host': 'scan/plugin-host/main.ts',
  'smtp-delay': 'smtp-delay/main.ts',
}

/** Rarely used and heavy: bundles of their own, loaded by the first import() that wants them. */
const apart = {
  attachments: 'scan/attachments/attachments.ts',
  clamscan: 'scan/clamscan.ts',
  'ldap-directory': 'quota/ldap/ldap-directory.ts',
  'quota-client': 'quota/client/quota-client.ts',
}

/** Those that import files of the administrator's at run time; elsewhere import() becomes require(), which is faster. */
const importing = new Set(['plugin-host'])

const loadedApart = {
  name: 'loaded-apart',
  setup(bundler) {
    bundler.onResolve({ filter: /\.ts$/ }, ({ kind, path }) => {
      const name = basename(path, '.ts')
      if (kind !== 'dynamic-import' || !(name in apart)) return undefined
      return { path: `./${name}.cjs`, external: true }
    })
  },
}

const everything = Object.entries({ ...programs, ...apart })
const wanted = process.argv.slice(2)
if (wanted.length === 0) rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })

const chosen = everything.filter(([name]) => wanted.length === 0 || wanted.includes(name))
await bundle(
  chosen.filter(([name]) => importing.has(name)),
  true,
)
await bundle(
  chosen.filter(([name]) => !importing.has(name)),
  false,
)

// A file of types alone is its own declaration file: `onescan/plugin`.
copyFileSync(join(src, 'plugin.ts'), join(dist, 'plugin.d.ts'))

function bundle(entries, importsAtRunTime) {
  return build({
    absWorkingDir: root,
    entryPoints: entries.map(([name, file]) => ({ in: join(src, file), out: name })),
    outdir: dist,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    supported: { 'dynamic-import': importsAtRunTime },
    // ES modules know their place by other names; Node 20.0 has neither of the first two.
    define: {
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
      'import.meta.url': 'importMetaUrl',
      PLUGIN_TYPES: JSON.stringify(readFileSync(join(src, 'plugin.ts'), 'utf8')),
    },
    inject: [join(root, 'packaging', 'import-meta-url.js')],
    external: ['koffi', 'bun:*'],
    plugins: [loadedApart],
    // A bundle that was cut may still be a program, which does nothing: never with success.
    banner: { js: 'process.exitCode ??= 81;' },
    legalComments: 'none',
    logLevel: 'warning',
  })
}
