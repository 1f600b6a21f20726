import { attempt } from '../errors/attempt.ts'
import { isCompiled } from './compiled-program.ts'
import { loadKoffi } from './koffi.ts'

/** The calls that a plugin in C needs; synchronous, on the main thread. */
export interface PluginCalls {
  /**
   * Loads `int symbol(const char *path)` of a shared object. Throws if the file or the symbol
   * cannot be loaded.
   */
  load(file: string, symbol: string): (path: string) => number
  /**
   * Loads `const char *symbol(void)` of a shared object; undefined if there is no such symbol. The
   * function returns '' for NULL.
   */
  loadText(file: string, symbol: string): (() => string) | undefined
}

/** The default stack of a C program; koffi's own 1 MiB is too small for some plugins. */
const STACK_BYTES = 8 * 1024 * 1024

/** Loads these calls, on Node by koffi; undefined if that optional package is not installed. */
export function pluginCalls(): Promise<PluginCalls | undefined> {
  return isCompiled ? byBun() : byKoffi()
}

async function byBun(): Promise<PluginCalls> {
  const { dlopen, CString } = await import('bun:ffi')
  const textAt = (address: number) => (address ? String(new CString(address)) : '')
  return {
    load(file, symbol) {
      const { symbols } = dlopen(file, { [symbol]: { args: ['ptr'], returns: 'int' } })
      return (path) => symbols[symbol]!(Buffer.from(`${path}\0`))
    },
    loadText(file, symbol) {
      const call = attempt(() => dlopen(file, { [symbol]: { args: [], returns: 'ptr' } }))
      return call && (() => textAt(call.symbols[symbol]!()))
    },
  }
}

async function byKoffi(): Promise<PluginCalls | undefined> {
  const koffi = await loadKoffi()
  if (koffi === undefined) return undefined
  koffi.config({ sync_stack_size: STACK_BYTES })
  return {
    // Lazy as on Bun: functions that the plugin never calls need not exist (dlopen(3), RTLD_LAZY).
    load: (file, symbol) => koffi.load(file, { lazy: true }).func(symbol, 'int', ['str']),
    loadText(file, symbol) {
      const call = attempt(() => koffi.load(file, { lazy: true }).func(symbol, 'str', []))
      return call && (() => call() ?? '')
    },
  }
}
