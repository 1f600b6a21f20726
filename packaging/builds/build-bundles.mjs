// Bundles each program into one CommonJS file in dist/, so that a program reads one file at its start and evaluates
// only the modules that it needs. This script is plain JavaScript, because it runs on every supported Node before
// anything is built.
//
//   node packaging/builds/build-bundles.mjs [PROGRAM...]    all programs, or the named ones
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { below, cLibraryNotice, noticesOf } from '../licenses/notices.mjs'
import { printedVersion } from '../packages/origin.mjs'
import { targetOf } from '../toolchain/targets.mjs'
import { buildAddon } from './build-addon.mjs'
import { bundleTarget, packagesIn } from './bundled.mjs'
import { programs } from './program-list.cjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const src = join(root, 'src')
const dist = join(root, 'dist')
const replaced = join(root, 'packaging/builds/replaced-modules')
/** The directory for the slot in several files, for runtime-main.mjs: see bundleInPieces(). */
const pieces = join(root, 'build/slot')

/** Large modules that are rarely used: each has its own bundle, which the first import() of it loads. */
const apart = {
  attachments: 'scanner/scan/scanners/attachments/attachments.ts',
  'check-here': 'scanner/doors/slot/standalone/check-here.ts',
  'ldap-directory': 'base/protocol/ldap/ldap-directory.ts',
  'status-server': 'scanner/daemon/http/status-server.ts',
  'quota-client': 'scanner/scan/quota/quota-client.ts',
  'send-mail': 'scanner/cli/check/test-mail/send-mail.ts',
  'shared-store': 'scanner/scan/verdicts/store/shared-store.ts',
}

/**
 * The programs that import files of the administrator at run time. In all others import() becomes require(), which is
 * faster.
 */
const importing = new Set(['onescan-plugin-host'])

/** Has import() load the separate bundles from `directory`. */
const loadedApart = (directory) => ({
  name: 'loaded-apart',
  setup(bundler) {
    bundler.onResolve({ filter: /\.ts$/ }, ({ kind, path }) => {
      const name = basename(path, '.ts')
      if (kind !== 'dynamic-import' || !(name in apart)) return undefined
      return { path: `${directory}/${name}.cjs`, external: true }
    })
  },
})

/**
 * Replaces packages that few messages need by late-NAME.cjs, which loads the package when it is first used. iconv-lite
 * is a bundle of its own: its tables are larger than all that a message loads.
 */
const loadedLate = {
  name: 'loaded-late',
  setup(bundler) {
    bundler.onResolve({ filter: /^(fflate|iconv-lite)$/ }, ({ path, importer }) => {
      const late = join(replaced, `late-${path}.cjs`)
      return importer === late ? { path: `./${path}.cjs`, external: true } : { path: late }
    })
  },
}

/** package.json of iconv-lite does the same for browsers. Nothing here uses its streams. */
const withoutStreams = {
  name: 'without-streams',
  setup(bundler) {
    bundler.onResolve({ filter: /^stream$/ }, () => ({ path: 'stream', namespace: 'nothing' }))
    bundler.onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: '' }))
  },
}

/** Programs contain their version, and what --version prints. The rest of package.json may change without a new build. */
const versionAlone = {
  name: 'version-alone',
  setup(bundler) {
    bundler.onLoad({ filter: /\/package\.json$/ }, ({ path }) => {
      if (path !== join(root, 'package.json')) return undefined
      const { version } = JSON.parse(readFileSync(path, 'utf8'))
      const printed = printedVersion(root)
      return { contents: JSON.stringify({ version, printed }), loader: 'json' }
    })
  },
}

const sources = Object.entries(programs).map(([name, { source }]) => [name, source])
const everything = [...sources, ...Object.entries(apart)]
const wanted = process.argv.slice(2)
if (wanted.length === 0) rmSync(dist, { recursive: true, force: true })
mkdirSync(dist, { recursive: true })

/** The variables by which a CommonJS bundle or a compiled program finds its directory, as an ES module does. */
const ownPlace = { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' }

/** The files that `onescand --http` serves: the page, and the script and style of uPlot, and lit-html. */
const page = await bundlePage()

const chosen = everything.filter(([name]) => wanted.length === 0 || wanted.includes(name))
const built = [
  await bundle(
    chosen.filter(([name]) => importing.has(name)),
    { importsAtRunTime: true },
  ),
  await bundle(
    chosen.filter(([name]) => !importing.has(name)),
    { importsAtRunTime: false },
  ),
]
const tables = await bundleIconv()
if (chosen.some(([name]) => name === 'onescan-queue')) await bundleInPieces('onescan-queue')
if (wanted.length === 0) writeBundledPackages([...built, tables, page])
buildAddonHere()
if (chosen.some(([name]) => name === 'onescan')) writeCompletions()

// plugin.ts contains only types, so it is also the declaration file of `onescan/plugin`.
copyFileSync(join(src, 'scanner/plugin.ts'), join(dist, 'plugin.d.ts'))

/** Writes the completions of onescan's commands, which all packages install, with a build or without. */
function writeCompletions() {
  for (const shell of ['bash', 'zsh']) {
    const env = { ...process.env, SHELL: `/bin/${shell}`, ZSH_NAME: shell === 'zsh' ? 'zsh' : '' }
    const words = [join(root, 'bin/onescan'), 'completion'] // which names what is wrong with this Node
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { env, encoding: 'utf8' })
    if (status === 0) writeFileSync(join(dist, `completion.${shell}`), stdout)
    else process.stderr.write(`dist/completion.${shell}: not written: ${stderr}`)
  }
}

/** Builds the addon if possible. Programs that need it do not start without it; onescan-queue and onescan do. */
function buildAddonHere() {
  try {
    buildAddon(targetOf())
  } catch (error) {
    const remedy =
      'install gcc and libc6-dev, and build again; onescand, onescan-quotad and smtp-delay do not start without it'
    process.stderr.write(
      `onescan.node for ${process.arch}: not built: ${error.message}; ${remedy}\n`,
    )
  }
}

/** Writes the licenses beside the bundles, since they must accompany them, and a list for other scripts. */
function writeBundledPackages(results) {
  const taken = results
    .flatMap(({ metafile }) => Object.values(metafile.outputs))
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  const packages = packagesIn(
    root,
    taken.map(([file]) => file),
  )
  mkdirSync(join(root, 'build'), { recursive: true })
  writeFileSync(join(root, 'build/bundled.json'), `${JSON.stringify(packages, null, 2)}\n`)
  const heading =
    'The programs of onescan hold parts of these packages, each under its own license.\n'
  const text = below(heading, ...noticesOf(root, packages), cLibraryNotice(root))
  writeFileSync(join(dist, 'THIRD-PARTY-LICENSES'), text)
}

function bundle(entries, { importsAtRunTime }) {
  return build({
    ...common(entries),
    outdir: dist,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    supported: { 'dynamic-import': importsAtRunTime },
    define: {
      ...ownPlace,
      'import.meta.url': 'importMetaUrl', // only packages use it
      PAGE_ASSETS: JSON.stringify(page.assets),
    },
    inject: [join(replaced, 'import-meta-url.js')],
    plugins: [loadedApart('.'), loadedLate, versionAlone],
    // A truncated bundle may still be a valid program that does nothing. It must not exit with success.
    banner: { js: 'process.exitCode ??= 81;' },
  })
}

function bundleIconv() {
  const entry = { in: join(root, 'node_modules/iconv-lite/lib/index.js'), out: 'iconv-lite' }
  return build({
    ...common([]),
    entryPoints: [entry],
    outdir: dist,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    plugins: [withoutStreams],
  })
}

/**
 * Bundles a program in several files, one for each import(). In a single file esbuild wraps each module that an
 * import() may reach into a function, and the program would create and call 180 functions at each start.
 */
function bundleInPieces(name) {
  rmSync(pieces, { recursive: true, force: true })
  return build({
    ...common([[name, programs[name].source]]),
    outdir: pieces,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    splitting: true,
    plugins: [loadedApart('../../dist'), loadedLate, versionAlone],
  })
}

function common(entries) {
  return {
    absWorkingDir: root,
    entryPoints: entries.map(([name, file]) => ({ in: join(src, file), out: name })),
    bundle: true,
    platform: 'node',
    target: bundleTarget,
    define: ownPlace,
    alias: {
      'escalade/sync': join(replaced, 'looks-nowhere.cjs'),
    },
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
  }
}

async function bundlePage() {
  const directory = join(src, 'scanner/daemon/http/page')
  const files = [
    'status/status.js',
    'status/status.css',
    'quarantine/quarantine.js',
    'quarantine/quarantine.css',
  ]
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: files.map((name) => join(directory, name)),
    outdir: dist,
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    platform: 'browser',
    format: 'iife',
    target: ['chrome109', 'firefox115', 'safari16'],
    legalComments: 'inline',
    logLevel: 'warning',
  })
  const textOf = (name) => outputFiles.find(({ path }) => path.endsWith(`/${name}`)).text
  const html = (name) => readFileSync(join(directory, name), 'utf8')
  const assets = {
    html: html('status/status.html'),
    style: textOf('status.css'),
    script: textOf('status.js'),
    quarantineHtml: html('quarantine/quarantine.html'),
    quarantineStyle: textOf('quarantine.css'),
    quarantineScript: textOf('quarantine.js'),
  }
  return { metafile, assets }
}
