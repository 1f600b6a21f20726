import { basename } from 'node:path'
import { errorText } from '../../../ground/errors/fault.ts'
import { loadSystem, systemTrouble } from '../../../ground/runtime/system.ts'
import { clean, infected, type ScanFinding, unknown } from '../shared/finding.ts'
import type { Plugin, PluginRequest } from './protocol.ts'

/** The function that names the virus, `const char *virusname(void)`; a plugin need not have it. */
const NAME = 'virusname'

/**
 * Loads a plugin in C: `int virusscan(const char *path)`, as in IndiMail's qhpsi. It runs on the main
 * thread, because a C library may expect no other. If it cannot be loaded, that is the answer.
 */
export async function loadSharedObject(request: PluginRequest): Promise<Plugin | ScanFinding> {
  const system = loadSystem()
  if (system === undefined) return unknown(`${systemTrouble()}; without it no .so can run`)
  let virusscan: (path: string) => number
  let virusname: (() => string) | undefined
  try {
    virusscan = system.functionOfPath(request.file, request.symbol)
    virusname = system.functionForText(request.file, NAME)
  } catch (error) {
    return unknown(`cannot be loaded: ${errorText(error)}`)
  }
  return async (asked) => {
    const code = virusscan(asked.part?.path ?? asked.path)
    const name = code === asked.infectedCode ? virusname?.() : undefined
    return findingOf(code, name, asked)
  }
}

function findingOf(
  code: number,
  name: string | undefined,
  { file, infectedCode, cleanCode }: PluginRequest,
): ScanFinding {
  // QHPSIRC counts first, as in qhpsi.c: if both are the same number, mail is not clean.
  if (code === infectedCode) return infected(name || basename(file))
  if (code === cleanCode) return clean
  return unknown(
    `returned ${code}; must return ${cleanCode} (QHPSIRN, clean) or ${infectedCode} (QHPSIRC, infected)`,
  )
}
