// Strips the types of all sources into Node's compile cache, for the tests that load them. A test file that finds its
// sources there takes a third less processor time to load, since the compiler that strips types is large.
// test/run/main.mjs runs it before many of them.
import { readdirSync, readFileSync } from 'node:fs'
import { enableCompileCache, registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { compileCache } from './run-file.mjs'

enableCompileCache(compileCache(process.cwd()))

class NotLinked extends Error {}

registerHooks({
  /** No source finds what it imports: it is compiled, and not run. */
  resolve(name, { parentURL }) {
    if (parentURL !== import.meta.url) throw new NotLinked()
    return { url: name, format: 'module-typescript', shortCircuit: true }
  },
})

for (const folder of ['src', 'test', 'tools']) {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!/(?<!\.d)\.ts$/.test(name) || name.includes('node_modules/')) continue
    const file = `${folder}/${name}`
    if (!/^import /m.test(readFileSync(file, 'utf8'))) continue
    await import(pathToFileURL(file).href).catch((error) => {
      if (!(error instanceof NotLinked)) throw error
    })
  }
}
