import { basename } from 'node:path'
import { errorCode, errorText } from '../../fault.ts'
import { clean, infected, unknown, type Verdict } from '../scanner.ts'
import type { PluginRequest } from './request.ts'

/** As much stack as a C program has by default; the library's own 1 MiB is too small for some. */
const STACK_BYTES = 8 * 1024 * 1024

/**
 * Asks a plugin in C, `int virusscan(const char *path)` as in IndiMail's qhpsi.
 * It runs on the main thread; a C library may not expect another.
 */
export async function askSharedObject(request: PluginRequest): Promise<Verdict> {
  const koffi = await loadKoffi()
  if (koffi === undefined) {
    return unknown('needs the npm package koffi (npm install koffi); a .so cannot run without it')
  }
  koffi.config({ sync_stack_size: STACK_BYTES })
  endAt(koffi, request.deadline)
  let virusscan: (path: string) => number
  try {
    virusscan = koffi.load(request.file).func(request.symbol, 'int', ['str'])
  } catch (error) {
    return unknown(`cannot be loaded: ${errorText(error)}`)
  }
  const code = virusscan(request.path)
  // QHPSIRC first, as in qhpsi.c: where both are one number, mail is not clean.
  if (code === request.infectedCode) return infected(basename(request.file))
  if (code === request.cleanCode) return clean
  const { infectedCode, cleanCode } = request
  return unknown(
    `returned ${code}; must return ${cleanCode} (QHPSIRN, clean) or ${infectedCode} (QHPSIRC, infected)`,
  )
}

type Koffi = typeof import('koffi')

/** An optional dependency: undefined where it is not installed. */
async function loadKoffi(): Promise<Koffi | undefined> {
  try {
    return await import('koffi')
  } catch (error) {
    if (errorCode(error) === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
}

/**
 * While C code runs no timer of ours can. alarm(2) ends the process even where
 * it waits for ever and the one that should kill it has itself been killed.
 */
function endAt(koffi: Koffi, deadline: number): void {
  const seconds = Math.max(1, Math.ceil((deadline - Date.now()) / 1000) + 1)
  koffi.load(null).func('alarm', 'uint', ['uint'])(Math.min(seconds, 86_400))
}
