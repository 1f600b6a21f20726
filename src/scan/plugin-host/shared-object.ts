import { basename } from 'node:path'
import { errorText } from '../../fault.ts'
import { type PluginCalls, pluginCalls } from '../../runtime/plugin-calls.ts'
import { clean, infected, unknown, type Verdict } from '../scanner.ts'
import type { PluginRequest } from './request.ts'

/**
 * Asks a plugin in C, `int virusscan(const char *path)` as in IndiMail's qhpsi.
 * It runs on the main thread; a C library may not expect another.
 */
export async function askSharedObject(request: PluginRequest): Promise<Verdict> {
  const calls = await pluginCalls()
  if (calls === undefined) {
    return unknown('needs the npm package koffi (npm install koffi); a .so cannot run without it')
  }
  endAt(calls, request.deadline)
  let virusscan: (path: string) => number
  try {
    virusscan = calls.load(request.file, request.symbol)
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

/**
 * While C code runs no timer of ours can. alarm(2) ends the process even where
 * it waits for ever and the one that should kill it has itself been killed.
 */
function endAt(calls: PluginCalls, deadline: number): void {
  const seconds = Math.max(1, Math.ceil((deadline - Date.now()) / 1000) + 1)
  calls.alarm(Math.min(seconds, 86_400))
}
