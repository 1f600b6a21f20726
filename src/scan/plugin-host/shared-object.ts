import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { errorText } from '../../ground/errors/fault.ts'
import { type PluginCalls, pluginCalls } from '../../ground/runtime/plugin-calls.ts'
import { clean, infected, unknown, type Verdict } from '../shared/scanner.ts'
import type { NotLoaded, Plugin } from './plugin.ts'
import type { PluginRequest } from './request.ts'

/** The function that names what was found, `const char *virusname(void)`; it need not be there. */
const NAME = 'virusname'

/**
 * Loads a plugin in C, `int virusscan(const char *path)` as in IndiMail's qhpsi.
 * It runs on the main thread; a C library may not expect another.
 */
export async function loadSharedObject(request: PluginRequest): Promise<Plugin | NotLoaded> {
  const calls = await pluginCalls()
  if (calls === undefined) {
    return { why: 'needs the npm package koffi (npm install koffi); a .so cannot run without it' }
  }
  endWithin(calls, request.timeLeft) // what it does while it is loaded is C code, too
  let virusscan: (path: string) => number
  let virusname: (() => string) | undefined
  try {
    virusscan = calls.load(request.file, request.symbol)
    virusname = calls.loadText(request.file, NAME)
  } catch (error) {
    return { why: `cannot be loaded: ${errorText(error)}` }
  }
  return {
    async ask(asked) {
      endWithin(calls, asked.timeLeft)
      const code = virusscan(asked.part?.path ?? asked.path)
      const name = code === asked.infectedCode ? virusname?.() : undefined
      calls.alarm(0)
      return verdictOf(code, name, asked)
    },
    leftBehind: hasChildren,
  }
}

function verdictOf(
  code: number,
  name: string | undefined,
  { file, infectedCode, cleanCode }: PluginRequest,
): Verdict {
  // QHPSIRC first, as in qhpsi.c: where both are one number, mail is not clean.
  if (code === infectedCode) return infected(name || basename(file))
  if (code === cleanCode) return clean
  return unknown(
    `returned ${code}; must return ${cleanCode} (QHPSIRN, clean) or ${infectedCode} (QHPSIRC, infected)`,
  )
}

/**
 * While C code runs no timer of ours can. alarm(2) ends the process even where
 * it waits for ever and the one that should kill it has itself been killed.
 */
function endWithin(calls: PluginCalls, timeLeft: number): void {
  const seconds = Math.max(1, Math.ceil(timeLeft / 1000) + 1)
  calls.alarm(Math.min(seconds, 86_400))
}

/** What C code has forked, the runtime does not know of. A kernel that does not list them says no. */
function hasChildren(): boolean {
  try {
    const { pid } = process
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim() !== ''
  } catch {
    return false
  }
}
