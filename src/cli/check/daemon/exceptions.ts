import { errorText } from '../../../ground/errors/fault.ts'
import { HOST_DIRECTORY, readControlDirectories } from '../../../judge/policy.ts'
import {
  dayOf,
  type ExceptionUse,
  exceptionId,
  readExceptionUses,
} from '../../../observe/live/exception-uses.ts'
import { loadRules } from '../../../rules/load.ts'
import type { RunningDaemon } from '../../shared/running-daemons.ts'
import { type Finding, ok, warning } from '../shared/finding.ts'
import { optionValues } from '../shared/option-values.ts'

/** Days without a use after which an exception is reported. */
const UNUSED_FOR = 90
/** The most lines of onescan.policy that are named. */
const NAMED_MAX = 10

/**
 * Checks whether each exception of onescan.policy let a message in during the last months, as far as
 * this onescand remembers.
 */
export function checkExceptions(
  { pid, words, env = {} }: Pick<RunningDaemon, 'pid' | 'words' | 'env'>,
  now: number,
): Finding[] {
  const what = 'policy by rule'
  const rules = rulesOf(env)
  const exceptions = rules?.all.filter(({ action }) => action.kind === 'allow') ?? []
  if (rules === undefined || exceptions.length === 0) return []
  const state = optionValues(words, '--state').at(-1)
  const unknown = (why: string) => [ok(what, `it is not known when exceptions were used: ${why}`)]
  if (state === undefined) return unknown(`onescand ${pid} runs without --state`)
  try {
    const uses = readExceptionUses(state)
    const unused = exceptions.flatMap((rule) => {
      const use = uses.get(exceptionId(rule) ?? '')
      const text = use && unusedText(use, dayOf(now))
      return text === undefined ? [] : [`${rules.path} line ${rule.line}: allow ${text}`]
    })
    const remedy = 'remove the line, unless you know what it waits for'
    const more = unused.length - NAMED_MAX
    return [
      ...unused.slice(0, NAMED_MAX).map((value) => warning(what, value, remedy)),
      ...(more > 0 ? [warning(what, `${more} more lines with allow let nothing in`, remedy)] : []),
    ]
  } catch (error) {
    return unknown(errorText(error))
  }
}

/** Says since when an exception let nothing in; undefined if it was used lately, or is new. */
function unusedText({ known, used }: ExceptionUse, today: number): string | undefined {
  const days = today - Math.max(known, used ?? 0)
  if (days < UNUSED_FOR) return undefined
  return used === undefined
    ? `has let nothing in since it was first seen, ${days} days ago`
    : `has let nothing in for ${days} days`
}

function rulesOf(env: NonNullable<RunningDaemon['env']>) {
  try {
    return loadRules(readControlDirectories(env).control, HOST_DIRECTORY)
  } catch {
    return undefined // another check reports it
  }
}
